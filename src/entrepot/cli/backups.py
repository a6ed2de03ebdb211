"""``entrepot backup`` and ``restore``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, ProgressColumn, TimeRemainingColumn

import entrepot.app  # noqa: F401  # it loads every domain, and so every table
from entrepot import clock
from entrepot.backup import folder as folders
from entrepot.backup import making, restoring, revived
from entrepot.backup.folder import BackupRefused
from entrepot.backup.restoring import Restored, Target
from entrepot.cli.arguments import PLACE, REFUSED, takes
from entrepot.cli.folders import opened_rows
from entrepot.database import Database
from entrepot.schema.migrating import demand_current
from entrepot.serving.folder import held, write_privately
from entrepot.serving.preparing import open_blobs, open_database
from entrepot.settings import Settings, load

_FOLDER = click.Path(path_type=Path, file_okay=False, resolve_path=True)
# While a restore has not ended: its rows, and when the first try began.
_RESTORING, _SINCE = "restoring.sqlite", "restoring.since"


@click.command()
@click.option("--to", "folder", metavar="FOLDER", type=_FOLDER, required=True, help="Folder of backups.")
@click.option("--keep", metavar="NUMBER", type=click.IntRange(min=1), help="Then forget all but the last so many.")
@takes(*PLACE)
def backup(settings: Settings, folder: Path, keep: int | None) -> None:
    """Save rows and blobs in FOLDER, never the keys; the server may be at work. Exit code 1: some are damaged."""
    _demand_apart(folder, settings)
    with folders.held(folder, writing=True), opened_rows(settings) as database, _bar("backup") as progress:
        place = settings.database_place
        made = making.make(folder, place, database, open_blobs(settings), progress=progress)
        removed = folders.forget(folder, keep=keep) if keep else 0
    _tell_damage(made.backup.damage)
    taken = made.backup
    click.echo(f"backup {made.name}: {taken.objects} objects, {decimal(taken.size)}")
    click.echo(f"copied: {made.copied} objects, {decimal(made.copied_size)}; removed: {removed} objects")
    click.echo(f"keys are not in it: keep {settings.keys_folder} elsewhere, it is needed to read this")
    if taken.damage:
        sys.exit(REFUSED)


@click.command()
@click.option("--from", "folder", metavar="FOLDER", type=_FOLDER, required=True, help="Folder of backups.")
@click.option("--at", "name", metavar="NAME", help="Which backup. Default: the last one.")
@click.option("--lost", metavar="DATABASE", help="The database that is replaced, to tell what was taken away in it.")
@takes(*PLACE)
def restore(settings: Settings, folder: Path, name: str | None, lost: str | None) -> None:
    """Make a registry of a backup, where there is none. Exit code 1: some of it is damaged, the rest is there."""
    with held(settings, restoring=_RESTORING), folders.held(folder, writing=False):
        name = folders.find(folder, name)
        target = _target(settings)
        taken_away, until = _taken_away(settings, folder, name, lost=lost)
        with _bar("restore") as progress:
            restored = restoring.restore(folder, name, target, progress=progress)
        with _bar("rows", MofNCompleteColumn()) as progress:
            restoring.settle(target, progress=progress)
        if settings.folder_mark != settings.database_place:
            settings.folder_mark.touch(mode=0o600)
        for each in (_SINCE, _RESTORING):
            (settings.data / each).unlink(missing_ok=True)
    _tell(settings, restored, taken_away, until=until)
    if restored.damage:
        sys.exit(REFUSED)


def _taken_away(settings: Settings, folder: Path, name: str, *, lost: str | None) -> tuple[list[str], str]:
    """What the backup *name* brings back, and until when that is known."""
    scratch = settings.data / "comparing.sqlite"
    if lost is None:
        last, taken_away = revived.since_backup(folder, name, scratch=scratch)
        return taken_away, _moment(folders.read(folder, last).taken_at)
    with _other(settings, lost) as database:
        return revived.since_database(folder, name, database, scratch=scratch), "now"


def _tell(settings: Settings, restored: Restored, taken_away: list[str], *, until: str) -> None:
    taken = restored.backup
    _tell_damage(restored.damage)
    click.echo(f"restored {restored.name}: {taken.objects} objects, {decimal(taken.size)}")
    click.echo("logins, sessions and signed addresses from before are void; access keys work as they did then")
    if taken_away:
        click.echo(f"taken away between {_moment(taken.taken_at)} and {until}, and back now:")
        for sentence in taken_away:
            click.echo(f"  {sentence}")
    if until != "now":
        click.echo(f"what was taken away after {until} is back too, and not known here")
    click.echo(
        f"the server needs the keys of that registry in {settings.keys_folder}; without them nothing can be read"
    )


def _tell_damage(damage: tuple[str, ...]) -> None:
    for sentence in damage:
        click.echo(sentence)


def _target(settings: Settings) -> Target:
    beside, since = settings.data / _RESTORING, settings.data / _SINCE
    begun = beside.exists()
    beside.touch(mode=0o600)
    if not since.exists():
        write_privately(since, repr(clock.now()))
    return Target(settings.database_place, open_blobs(settings), beside, begun=begun, since=float(since.read_text()))


@contextmanager
def _other(settings: Settings, place: str) -> Iterator[Database]:
    """The database that *place* means, in the words of the setting."""
    found = load({"data": settings.data, "database": place}, {}).database_place
    demand_current(found)
    database = open_database(found)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _bar(what: str, count: ProgressColumn | None = None) -> Iterator[making.Progress]:
    columns = BarColumn(), count or DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _demand_apart(folder: Path, settings: Settings) -> None:
    """Raises: BackupRefused, where backups would lie in what they are of, or beside the keys."""
    for what, path in (("the data folder", settings.data), ("the folder of keys", settings.keys_folder)):
        if folder.is_relative_to(path.resolve()):
            raise BackupRefused(f"{folder} lies in {what}: name a folder elsewhere, best on another machine")


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
