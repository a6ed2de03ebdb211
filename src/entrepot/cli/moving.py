"""``entrepot migrate``."""

import sys
from dataclasses import replace

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, ProgressColumn, TimeRemainingColumn

from entrepot.cli.arguments import PLACE, REFUSED, takes
from entrepot.schema.migrating import shown
from entrepot.serving import moving
from entrepot.settings import SettingRefused, Settings

_KINDS = {
    "sqlite:": "rows",
    "postgresql://": "rows",
    "file://": "blobs",
    "s3://": "blobs",
    "gs://": "blobs",
    "az://": "blobs",
}


@click.command()
@click.option("--from", "source", metavar="URL", required=True, help="Where they lie, as in the setting.")
@click.option("--to", "target", metavar="URL", required=True, help="Where they shall lie.")
@takes(*PLACE)
def migrate(settings: Settings, source: str, target: str) -> None:
    """
    Move the rows of a registry that nobody serves to another database, or its blobs to another store.

    Rows: sqlite:PATH, postgresql://…; blobs: file://…, s3://…, gs://…, az://…. Run again, it goes on where it was.
    """
    if source == target:
        raise SettingRefused(f"--from and --to are the same: {source}")
    kinds = [_kind(flag, url) for flag, url in (("--from", source), ("--to", target))]
    if kinds[0] != kinds[1]:
        raise SettingRefused(f"--from names a place of {kinds[0]}, and --to one of {kinds[1]}: they are moved apart")
    if kinds[0] == "rows":
        _move_rows(replace(settings, database=source), replace(settings, database=target))
    else:
        _move_blobs(replace(settings, storage=source), replace(settings, storage=target))


def _move_rows(source: Settings, target: Settings) -> None:
    if source.database_place == target.database_place:
        raise SettingRefused(f"--from and --to are the same: {source.database_place}")
    with _bar(MofNCompleteColumn()) as bar:
        task = bar.add_task("rows")
        moved = moving.move_rows(source, target, lambda done, total: bar.update(task, completed=done, total=total))
    for name, number in moved.rows.items():
        if number:
            click.echo(f"{number:>12}  {name}")
    click.echo(
        f"{sum(moved.rows.values())} rows of {len(moved.rows)} tables are in {shown(target.database_place)}, and the "
        f"same as in {shown(source.database_place)} (sha256:{moved.digest})\n"
        "next: give every server and command the new place in the setting database; the old one is as it was"
    )


def _move_blobs(source: Settings, target: Settings) -> None:
    with _bar(DownloadColumn()) as bar:
        task = bar.add_task("blobs")
        moved = moving.move_blobs(source, target, lambda done, total: bar.update(task, completed=done, total=total))
    for sentence in moved.damage:
        click.echo(sentence)
    if moved.damage:
        click.echo(
            f"{len(moved.damage)} of {moved.blobs} blobs are damaged or missing, and the registry lies where it lay: "
            "delete their images and run entrepot gc, or bring them back; then run this again"
        )
        sys.exit(REFUSED)
    click.echo(
        f"{moved.blobs} blobs, {moved.size} bytes, are in {target.storage} and were read there: {moved.copied} of them "
        f"copied now\n{moved.uploads} uploads that were under way are given up: their clients begin anew\n"
        "next: give every server and command the new place in the setting storage; the old one is as it was"
    )
    if source.seals != target.seals:
        click.echo(
            f"new blobs will be {'sealed' if target.seals else 'kept as they come'} there; default_at_rest changes that"
        )


def _kind(flag: str, url: str) -> str:
    """What lies at *url*: ``rows`` or ``blobs``. Raises: SettingRefused."""
    for beginning, kind in _KINDS.items():
        if url.startswith(beginning) and url != beginning:
            return kind
    raise SettingRefused(f"{flag}: {url!r} begins with none of {' '.join(_KINDS)}")


def _bar(amount: ProgressColumn) -> Progress:
    return Progress("{task.description}", BarColumn(), amount, TimeRemainingColumn(), console=Console(stderr=True))
