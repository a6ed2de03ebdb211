"""
Making a registry of a backup, in a place where there is none.

Everything is put together beside the place of the rows, and their coming there is the last step: until then no
server starts on it, and who was cut off restores again; what has arrived by then is not carried twice. A file of rows
comes by its name, into PostgreSQL they are moved (``moving``), and compared.
What was signed and sealed before is void afterwards (``deployment.stamp_restored``), because it may be of somebody
who had been told to leave since the backup.
"""

import contextlib
import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from entrepot.backup import folder as folders
from entrepot.backup import rows
from entrepot.backup.catalog import Catalog
from entrepot.backup.folder import CATALOG, ROWS, Backup, BackupRefused
from entrepot.backup.making import Progress
from entrepot.identity import deployment
from entrepot.identity.rows import raise_generation
from entrepot.moving import rows as moving
from entrepot.moving.ends import AlreadyMoved
from entrepot.registry import stored
from entrepot.registry.stored import Published, Stored
from entrepot.schema.migrating import SchemaRefused, migrate, newest, version_of
from entrepot.storage import PIECE, BlobStore, upload_of


@dataclass(frozen=True, slots=True)
class Target:
    """
    Where to: an empty *store*, and the place of the rows, where there are none.

    *beside* is a file for the rows until then; *begun* says that an earlier restore was cut off here. *since* is when
    the first began, in seconds since the epoch: it stands for all of them, so that each makes the same rows.
    """

    place: Path | str
    store: BlobStore
    beside: Path
    begun: bool
    since: float


@dataclass(frozen=True, slots=True)
class Restored:
    """What has come back. *damage* has a sentence for each object that did not."""

    name: str
    backup: Backup
    damage: tuple[str, ...]


def restore(folder: Path, name: str, target: Target, *, progress: Progress) -> Restored:
    """
    Put together what the backup *name* has; *folder* is held by the caller. ``settle`` has to follow.

    *progress* is told how many bytes of how many are there.
    Raises: BackupRefused, MoveRefused; SchemaRefused, for rows of a newer program; StoreUnavailable, NoSpace, OSError.
    """
    _demand_empty(target)
    backup = checked_rows(folder, name, target.beside)
    if folders.hash_of(folder / name / CATALOG) != backup.catalog:
        raise BackupRefused(f"{folder / name / CATALOG} is damaged: restore another backup with --at")
    with rows.alone(target.beside) as tx:
        stored.forget_the_rest(tx, small_too=True)
        deployment.stamp_restored(tx, target.since)
        raise_generation(tx)
    if isinstance(target.place, str):
        with contextlib.suppress(AlreadyMoved):
            moving.begin(target.beside, target.place)
    with Catalog(folder / name / CATALOG, whole=True) as catalog, rows.alone(target.beside) as tx:
        damage = []
        done, total = 0, stored.state(tx).size
        with contextlib.closing(Published(target.store)) as published:
            carrying = _Carrying(folder, target.store, catalog, published=published)
            for blob in stored.every(tx):
                key, wrong = carrying.carry(blob)
                if key != blob.key:
                    stored.move(tx, [(blob.id, key)])
                damage += [wrong] if wrong else []
                done += blob.size
                progress(done, total)
    return Restored(name, backup, tuple(damage))


def settle(target: Target, *, progress: Progress) -> None:
    """
    Bring the rows to their place: from then on it is a registry.

    *progress* is told how many rows of how many are there. Raises: MoveRefused, OSError.
    """
    if isinstance(target.place, Path):
        rows.put(target.beside, target.place)
        return
    with contextlib.suppress(AlreadyMoved):
        moving.move(target.beside, target.place, progress)


def checked_rows(folder: Path, name: str, target: Path) -> Backup:
    """
    Put the rows of a backup into the file *target*, in the form that this program works with.

    Raises: BackupRefused, where they are damaged; SchemaRefused.
    """
    backup = folders.read(folder, name)
    rows.remove(target)
    shutil.copyfile(folder / name / ROWS, target)
    if folders.hash_of(target) != backup.rows:
        raise BackupRefused(f"{folder / name / ROWS} is damaged: restore another backup with --at")
    migrate(target)
    version = version_of(target)
    if version != newest():  # one that takes older programs has tables and columns that those know nothing of
        raise SchemaRefused(
            f"The backup {name} has schema {version}, and this program knows none after {newest()}: "
            "run the newer program that made it"
        )
    return backup


def _demand_empty(target: Target) -> None:
    """Raises: BackupRefused."""
    if isinstance(target.place, Path) and target.place.exists():
        raise BackupRefused(f"There is a database already: {target.place}")
    if not target.begun and next(target.store.objects(), None) is not None:
        raise BackupRefused("The store is not empty: name a place in which there is nothing yet")


class _Carrying:
    """Objects on their way into the store."""

    def __init__(self, folder: Path, store: BlobStore, catalog: Catalog, *, published: Published) -> None:
        """*published*: what an earlier try has brought."""
        self._folder, self._store, self._catalog, self._published = folder, store, catalog, published

    def carry(self, blob: Stored) -> tuple[str, str | None]:
        """The key under which the object lies now, and what is wrong with it, if so."""
        of = f"blob {blob.digest} of {blob.domain}"
        entry = self._catalog.find(blob.key)
        if entry is None:
            return blob.key, f"{of}: its bytes were missing when the backup was taken"
        upload = upload_of(blob.key)
        there = self._published.find(upload)
        if there is not None and self._store.size(there) == entry.size:
            return there, None
        taken = hashlib.sha256()
        try:
            with self._store.append(upload, 0) as appending:
                for piece in _pieces(folders.path_of(self._folder, entry.sha256)):
                    taken.update(piece)
                    appending.write(piece)
                appending.commit()
        except FileNotFoundError:
            return blob.key, f"{of}: its bytes are missing in the backup"
        if taken.hexdigest() != entry.sha256:
            self._store.abandon(upload)
            return blob.key, f"{of}: its bytes are damaged in the backup"
        return self._store.finish(upload, blob.domain, blob.digest), None


def _pieces(path: Path) -> Iterator[bytes]:
    with contextlib.closing(path.open("rb")) as file:
        while piece := file.read(PIECE):
            yield piece
