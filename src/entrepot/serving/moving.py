"""Moving a registry's rows or its blobs: nobody else is at work on it, and its root key is here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import entrepot.app  # noqa: F401  # it loads every domain, and so every table
from entrepot.identity import deployment
from entrepot.moving import rows
from entrepot.moving.ends import AlreadyMoved, MoveRefused
from entrepot.registry import relocation
from entrepot.runtime import Runtime
from entrepot.schema.migrating import shown
from entrepot.serving.folder import FolderRefused, held
from entrepot.serving.patience import patiently
from entrepot.serving.preparing import open_runtime, open_tried
from entrepot.settings import Settings


def move_rows(settings: Settings, target: Settings, progress: rows.Progress) -> rows.Moved:
    """
    Move the rows of *settings* to the database of *target*, which differs in nothing else.

    Raises: FolderRefused, SchemaRefused, RootKeyRefused, MoveRefused.
    """
    with _alone(settings, target):
        _checked(settings).database.close()
        try:
            moved = rows.move(settings.database_place, target.database_place, progress)
        except AlreadyMoved:  # by somebody, it may be, who died before the mark was there
            _mark(target)
            raise
        _mark(target)
        return moved


def move_blobs(settings: Settings, target: Settings, progress: relocation.Progress) -> relocation.Relocated:
    """
    Move the blobs of *settings* to the store of *target*, which differs in nothing else.

    Raises: FolderRefused, SchemaRefused, RootKeyRefused, RelocationRefused, StoreUnavailable, NoSpace.
    """
    with _alone(settings):
        runtime = _checked(settings)
        try:
            moved = replace(runtime, settings=target, store=open_tried(target))
            return relocation.move(replace(runtime, store=open_tried(settings)), moved, progress)
        finally:
            runtime.database.close()


def _mark(target: Settings) -> None:
    if target.folder_mark != target.database_place:
        target.folder_mark.touch(mode=0o600)


@contextmanager
def _alone(*places: Settings) -> Iterator[None]:
    """Hold the folder, and see to it that no server is at work on a database of PostgreSQL."""
    if not places[0].folder_mark.exists():
        raise FolderRefused(
            f"{places[0].data} is not the data folder of a registry whose rows lie in "
            f"{shown(places[0].database_place)}: name the folder by --data"
        )
    with held(places[0]):
        for each in places:
            if isinstance(each.database_place, str):
                patiently(partial(_demand_nobody_on, each.database_place), while_=_Busy)
        yield


class _Busy(MoveRefused):
    """Somebody is at work, or was until a moment ago."""


def _demand_nobody_on(url: str) -> None:
    from entrepot.moving.postgresql import others_on  # noqa: PLC0415  # who has a file need not wait for it

    if number := others_on(url):
        raise _Busy(
            f"A registry is at work on {shown(url)} ({number} connections). Stop every server and command on it"
        )


def _checked(settings: Settings) -> Runtime:
    """What is there, if the root key is its own."""
    place = settings.database_place
    if isinstance(place, Path) and not place.exists():
        raise FolderRefused(f"There is no database {place}")
    runtime = open_runtime(settings)
    try:
        deployment.establish(runtime.database, runtime.root_key)
    except BaseException:
        runtime.database.close()
        raise
    return runtime
