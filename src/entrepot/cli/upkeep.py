"""``entrepot gc`` and ``verify``."""

import sys
from dataclasses import asdict

import click

from entrepot.cli.arguments import PLACE, REFUSED, takes
from entrepot.cli.folders import opened
from entrepot.cli.progress import bar
from entrepot.registry import garbage, verification
from entrepot.settings import Settings


@click.command()
@click.option("--grace", metavar="SECONDS", type=click.IntRange(min=0), help="Instead of gc_grace. 0: nobody pushes.")
@takes(*PLACE, "gc_grace", "upload_lifetime")
def gc(settings: Settings, grace: int | None) -> None:
    """Remove what no image needs; the server may be at work."""
    with opened(settings) as runtime:
        collected = garbage.collect(runtime, grace=settings.gc_grace if grace is None else grace)
    click.echo("removed: " + ", ".join(f"{kind} {count}" for kind, count in asdict(collected).items()))


@click.command()
@takes(*PLACE)
def verify(settings: Settings) -> None:
    """Read everything again and report damage; the server may be at work. Exit code 1: there is some."""
    with opened(settings) as runtime, bar() as progress:
        report = verification.verify(runtime, progress)
    for sentence in (*report.damage, *report.locked):
        click.echo(sentence)
    click.echo(
        f"{report.blobs} blobs and {report.manifests} manifests, {report.size} bytes read: "
        + (f"{len(report.damage)} damaged" if report.damage else "no damage")
        + (f", {len(report.locked)} not opened because of their key" if report.locked else "")
    )
    if report.damage:
        sys.exit(REFUSED)
