"""
A folder of backups.

    <folder>/objects/<2 hex>/<64 hex>     an object as it lay in the store, under the SHA-256 of its bytes
    <folder>/<time>/rows.sqlite           all rows as they were at that time
                    objects.sqlite        which object of the store is which of ours: ``backup.catalog``
                    backup.json           what the two files must be, and what was found damaged: written last
    <folder>/unfinished/                  a backup that is being taken, or was cut off

What has no ``backup.json`` is no backup. That is durable before ``unfinished`` gets its name, and all else before
that, so a power cut leaves a whole backup or none.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from entrepot.errors import Refused

ROWS, CATALOG, OBJECTS, UNFINISHED = "rows.sqlite", "objects.sqlite", "objects", "unfinished"
# In ``unfinished``: an object that is being copied.
OBJECT = "object"
_MANIFEST = "backup.json"
_NAME = re.compile(r"\d{8}T\d{6}\.\d{3}Z")
_FORMAT = 1


class BackupRefused(Refused):
    """A backup cannot be taken, or not be used. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A whole backup. *size* is bytes at rest; *rows* and *catalog* are the SHA-256 of the two files."""

    taken_at: float  # seconds since the epoch: when the rows were as they are in it
    deployment: str
    objects: int
    size: int
    rows: str
    catalog: str
    damage: tuple[str, ...] = ()
    format: int = _FORMAT


@contextlib.contextmanager
def held(folder: Path, *, writing: bool) -> Iterator[None]:
    """
    Keep others from writing to the folder, which is made if need be where *writing*; then from reading it too.

    Raises: BackupRefused.
    """
    try:
        if writing:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise BackupRefused(f"The folder of backups {folder} cannot be used: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if writing else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRefused(f"Somebody else is at work on {folder}: wait until that is done") from None
        strangers = [name for name in os.listdir(descriptor) if not _is_ours(name)]
        if strangers:
            raise BackupRefused(f"{folder} is no folder of backups: it has {min(strangers)!r} in it")
        yield
    except OSError as error:
        raise BackupRefused(f"{error.filename or folder}: {error.strerror}") from error
    finally:
        os.close(descriptor)


def names(folder: Path) -> list[str]:
    """Whole backups, the oldest first."""
    return sorted(each.name for each in folder.iterdir() if _NAME.fullmatch(each.name) and (each / _MANIFEST).exists())


def find(folder: Path, name: str | None) -> str:
    """The backup *name*; without one the last. Raises: BackupRefused."""
    there = names(folder)
    if not there:
        raise BackupRefused(f"There is no whole backup in {folder}")
    if name is not None and name not in there:
        raise BackupRefused(f"There is no backup {name!r} in {folder}; there is: {', '.join(there)}")
    return name or there[-1]


def read(folder: Path, name: str) -> Backup:
    """What a backup says of itself. Raises: BackupRefused."""
    path = folder / name / _MANIFEST
    try:
        members = json.loads(path.read_text(encoding="utf-8"))
        if members.get("format") != _FORMAT:
            raise BackupRefused(f"{path} is of format {members.get('format')}, and this program knows {_FORMAT} alone")
        return Backup(**{**members, "damage": tuple(members["damage"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupRefused(f"{path} cannot be read: {error}") from None


def begin(folder: Path) -> Path:
    """A folder for the next backup, with the catalog of the one before it, or of the one that was cut off."""
    for each in folder.iterdir():
        if _NAME.fullmatch(each.name) and not (each / _MANIFEST).exists():
            shutil.rmtree(each)  # was being forgotten
    (folder / OBJECTS).mkdir(exist_ok=True)
    work = folder / UNFINISHED
    work.mkdir(exist_ok=True)
    (work / OBJECT).unlink(missing_ok=True)
    if not (work / CATALOG).exists() and (before := names(folder)):
        copied = work / f"{CATALOG}.copy"
        shutil.copyfile(folder / before[-1] / CATALOG, copied)
        sync(copied)
        copied.rename(work / CATALOG)
    sync(folder)
    return work


def finish(folder: Path, backup: Backup, name: str) -> None:
    """Make what lies in ``unfinished`` the backup *name*."""
    work = folder / UNFINISHED
    for each in (ROWS, CATALOG):
        sync(work / each)
    manifest = work / _MANIFEST
    manifest.write_text(json.dumps(asdict(backup), indent=2) + "\n", encoding="utf-8")
    sync(manifest)
    sync(work)
    work.rename(folder / name)
    sync(folder)


def forget(folder: Path, *, keep: int) -> int:
    """Remove all backups but the last *keep*, and objects that none of those needs; how many objects."""
    there = names(folder)
    for name in there[:-keep]:
        (folder / name / _MANIFEST).unlink()
        sync(folder / name)
        shutil.rmtree(folder / name)
    removed = 0
    # A database without a name lies in a temporary file, however large it grows.
    with contextlib.closing(sqlite3.connect("", isolation_level=None)) as needed:
        needed.execute("CREATE TABLE needed (sha256 TEXT PRIMARY KEY) WITHOUT ROWID")
        for name in there[-keep:]:
            needed.execute("ATTACH ? AS one", (str(folder / name / CATALOG),))
            needed.execute("INSERT OR IGNORE INTO needed SELECT sha256 FROM one.objects")
            needed.execute("DETACH one")
        for shard in (folder / OBJECTS).iterdir():
            for each in shard.iterdir():
                if not needed.execute("SELECT 1 FROM needed WHERE sha256 = ?", (each.name,)).fetchone():
                    each.unlink()
                    removed += 1
    return removed


def path_of(folder: Path, sha256: str) -> Path:
    """Where the object lies whose bytes have this hash."""
    return folder / OBJECTS / sha256[:2] / sha256


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_ours(name: str) -> bool:
    return name in {OBJECTS, UNFINISHED, "lost+found"} or _NAME.fullmatch(name) is not None
