"""``entrepot key`` for the root key; it joins the group of the commands for access keys."""

import click

from entrepot.cli.arguments import PLACE, takes
from entrepot.cli.folders import opened
from entrepot.cli.progress import bar
from entrepot.cli.reencryption import follow, here
from entrepot.cli.users import key
from entrepot.identity.facts import iso
from entrepot.rootkey.providers import provider_of
from entrepot.serving import rotating
from entrepot.settings import Settings

__all__ = ["key"]


@key.command("rotate")
@click.option("--prepare", is_flag=True, help="Only make the new version, to be brought to every server first.")
@here
@takes(*PLACE, "least_free")
def rotate(settings: Settings, *, prepare: bool, now: bool) -> None:
    """
    Seal under a new version of the root key, and bring what is stored under it; the server may be at work.

    The latter is done as by: entrepot reencrypt
    """
    provider = provider_of(settings)
    with opened(settings) as runtime:
        version = rotating.prepare(runtime.root_key, provider)
        click.echo(f"version {version} of the root key: {provider.where(version)}. Keep a copy of it elsewhere.")
        if prepare:
            click.echo("It is not in use yet. Bring it to every server, then run: entrepot key rotate")
            return
        rotating.take_into_use(runtime, version)
        click.echo(f"version {version} seals")
        follow(runtime, seal=None, now=now)


@key.command("versions")
@takes(*PLACE)
def versions(settings: Settings) -> None:
    """List the versions of the root key, and what is sealed under each. It looks at every blob."""
    provider = provider_of(settings)
    with opened(settings) as runtime, bar() as progress:
        found = rotating.versions(runtime, provider, progress)
    for each in found:
        click.echo(f"{each.version}  {_state(each)}  {_needs(each)}  {each.where}")


@key.command("retire")
@click.argument("version", type=click.IntRange(min=1, max=255))
@click.option("--end-logins", is_flag=True, help="Do not wait until logins and sessions under it have run out.")
@takes(*PLACE)
def retire(settings: Settings, version: int, *, end_logins: bool) -> None:
    """Remove an old version of the root key, if nothing is sealed under it any more."""
    provider = provider_of(settings)
    with opened(settings) as runtime, bar() as progress:
        removed = rotating.retire(runtime, provider, version, end_logins=end_logins, progress=progress)
    click.echo(f"version {version} is not needed any more")
    if not removed:
        click.echo(f"take it away: {provider.where(version)}")


def _state(version: rotating.Version) -> str:
    if version.since is None:
        return "not in use"
    return f"{'seals' if version.seals else 'opens'} since {iso(version.since)}"


def _needs(version: rotating.Version) -> str:
    needs = ", ".join(f"{kind} {count}" for kind, count in version.needed_by.items() if count)
    return f"needed by {needs}" if needs else "not needed"
