"""``entrepot serve``, ``worker``, ``env`` and ``version``."""

from importlib.metadata import version as installed

import click

from entrepot.cli.arguments import takes
from entrepot.serving import endpoint, supervisor
from entrepot.serving.greeting import greeting, greeting_of_worker
from entrepot.settings import KINDS, Settings


@click.command()
@takes(*KINDS)
def serve(settings: Settings) -> None:
    """Serve the registry. Every setting can also stand in ENTREPOT_<NAME> or in the TOML file."""
    supervisor.serve(settings, lambda serving, made: click.echo(greeting(serving, made) + "\n"))


@click.command()
@takes(*KINDS)
def worker(settings: Settings) -> None:
    """Do jobs and answer no requests, beside servers over the same PostgreSQL database."""
    from entrepot.serving import jobs  # noqa: PLC0415  # what DBOS needs costs every other start half a second

    jobs.work_alone(settings, lambda working, made: click.echo(greeting_of_worker(working, made) + "\n"))


@click.command()
@takes("data")
def env(settings: Settings) -> None:
    """Print what a shell needs to use AWS clients here: eval "$(entrepot env --data DIR)"."""
    click.echo("\n".join(endpoint.environment(endpoint.read(settings.data))))


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"entrepot {installed('entrepot')}")
