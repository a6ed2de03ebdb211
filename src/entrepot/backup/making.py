"""
Taking a backup while the registry is at work.

    rows, as of one instant ─► objects that they name and the folder has not ─► catalog ─► backup.json

Collection is not held up. Where it has removed an object that the rows of a backup still name, the rows are taken
anew and what is new is copied, until nothing was missed: each time there is less to copy, so less is removed
meanwhile. An object that is missing although the rows of the registry itself still name it is damage; that is told,
and does not keep all the rest from being saved. Source: ours.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from entrepot import clock
from entrepot.backup import folder as folders
from entrepot.backup import rows
from entrepot.backup.catalog import Catalog, Entry
from entrepot.backup.folder import CATALOG, OBJECT, ROWS, UNFINISHED, Backup, BackupRefused
from entrepot.database import Database
from entrepot.identity import deployment
from entrepot.registry import stored
from entrepot.registry.stored import Stored
from entrepot.storage import BlobStore

Progress = Callable[[int, int], None]

# The first time takes hours where there is much; what follows takes what collection leaves it.
_MOST_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Made:
    """A new backup: how many objects, and bytes, had to be copied for it."""

    name: str
    backup: Backup
    copied: int
    copied_size: int


def make(folder: Path, place: Path | str, database: Database, store: BlobStore, *, progress: Progress) -> Made:
    """
    Take a backup of the rows of *database*, which lies at *place*, and of *store*; *folder* is held by the caller.

    *progress* is told how many bytes of how many are there. Raises: BackupRefused, StoreUnavailable, OSError.
    """
    work = folders.begin(folder)
    with Catalog(work / CATALOG) as catalog:
        copying = _Copying(folder, database, store, catalog=catalog, progress=progress)
        for _ in range(_MOST_ROUNDS):
            taken_at = clock.now()
            rows.take(place, work / ROWS)
            if copying.all_named_in(work / ROWS):
                break
        else:
            raise BackupRefused(
                f"Objects were removed faster than they could be copied, {_MOST_ROUNDS} times: "
                "take the backup when fewer images are deleted; what was copied need not be copied again"
            )
        count, size = catalog.drop_rest()
    backup = Backup(
        taken_at=taken_at,
        deployment=deployment.find_id(database) or "",
        objects=count,
        size=size,
        rows=folders.hash_of(work / ROWS),
        catalog=folders.hash_of(work / CATALOG),
        damage=tuple(copying.damage),
    )
    name = _name(taken_at)
    folders.finish(folder, backup, name)
    return Made(name, backup, copying.copied, copying.copied_size)


@dataclass(slots=True)
class _Copying:
    """Objects on their way into the folder, and what was seen of them."""

    folder: Path
    database: Database
    store: BlobStore
    catalog: Catalog = field(kw_only=True)
    progress: Progress = field(kw_only=True)
    copied: int = 0
    copied_size: int = 0
    damage: list[str] = field(default_factory=list)

    def all_named_in(self, taken: Path) -> bool:
        """Copy what the rows in the file *taken* name; False where something was removed in the meantime."""
        self.catalog.need_nothing()
        self.damage.clear()
        done, complete = 0, True
        with rows.alone(taken) as tx:
            total = stored.state(tx).size
            for blob in stored.every(tx):
                complete = self._has(blob) and complete
                done += blob.size
                self.progress(done, total)
        return complete

    def _has(self, blob: Stored) -> bool:
        """Whether the folder has the object by now, or nobody can have it."""
        entry = self.catalog.find(blob.key)
        known = entry is not None and self._lies_there(entry)
        try:
            if entry is None or not known:
                entry = self._copied(blob.key)
        except FileNotFoundError:
            with self.database.reading() as tx:
                if not stored.is_named(tx, blob.key):
                    return False
            self.damage.append(f"blob {blob.digest} of {blob.domain}: its bytes are missing")
            return True
        self.catalog.need(blob.key, entry, new=not known)
        # What is sealed has another hash than the blob: only who has the key can tell.
        if blob.sealing is None and blob.digest.startswith("sha256:") and blob.digest != f"sha256:{entry.sha256}":
            self.damage.append(f"blob {blob.digest} of {blob.domain}: its bytes have the digest sha256:{entry.sha256}")
        return True

    def _lies_there(self, entry: Entry) -> bool:
        try:
            return folders.path_of(self.folder, entry.sha256).stat().st_size == entry.size
        except FileNotFoundError:
            return False

    def _copied(self, key: str) -> Entry:
        """The object *key*, durable in the folder. Raises: FileNotFoundError, StoreUnavailable, OSError."""
        pieces = self.store.read(key)
        first = next(pieces, b"")  # from here on the store has it
        unfinished, taken, size = self.folder / UNFINISHED / OBJECT, hashlib.sha256(), 0
        with unfinished.open("wb") as file:
            for piece in chain((first,), pieces):
                taken.update(piece)
                size += file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        path = folders.path_of(self.folder, taken.hexdigest())
        if not path.parent.exists():
            path.parent.mkdir()
            folders.sync(path.parent.parent)
        unfinished.rename(path)
        folders.sync(path.parent)
        self.copied += 1
        self.copied_size += size
        return Entry(taken.hexdigest(), size)


def _name(taken_at: float) -> str:
    moment = datetime.fromtimestamp(taken_at, UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z"
