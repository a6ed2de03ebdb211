"""
All bytes of a registry, from one store to another.

    every object that a blob names ──► copied as it lies ──► read there as a pull would ──► all rows changed at once

Until the last step the registry is served from the old store, after it from the new one, and in neither case is
anything removed from the old. A copy is published from an upload of the same id as the original was: so who comes after
a crash finds what has been copied by looking at the new store, and what is sealed knows itself there. Uploads that are
under way stay behind; their clients begin anew.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import bindparam, cast, delete, func, select, update

from entrepot import clock
from entrepot.database import Database, Integer, Row, Statement, Transaction
from entrepot.errors import Fault, Refused, StoreUnavailable
from entrepot.registry.tables import blobs, replaced, uploads
from entrepot.runtime import Runtime
from entrepot.storage import BlobStore
from entrepot.storage.base import upload_of
from entrepot.storage.digesting import digest_of

_PAGE = 64
# Objects at a time: one that goes into a bucket takes 32 MiB of memory.
_AT_A_TIME = 4

# Of blobs whose bytes lie in a store: how many, the last of them, and all their bytes.
_STATE = Statement(
    select(
        func.count().label("number"),
        func.coalesce(func.max(blobs.c.id), 0).label("last"),
        cast(func.coalesce(func.sum(blobs.c.size), 0), Integer).label("size"),
    ).where(blobs.c.key.is_not(None))
)
_BLOBS = Statement(
    select(blobs.c.id, blobs.c.domain, blobs.c.digest, blobs.c.size, blobs.c.key, blobs.c.sealing)
    .where(blobs.c.id > bindparam("after"), blobs.c.key.is_not(None))
    .order_by(blobs.c.id)
    .limit(_PAGE)
)
_NAME = Statement(update(blobs).where(blobs.c.id == bindparam("blob")).values(key=bindparam("copy")))
# Small ones lie in their rows, and go on.
_GIVE_UP = Statement(delete(uploads).where(uploads.c.content.is_(None)))

# What nobody names any more stays in the old place, by whose keys the new one knows nothing.
_FORGET_REPLACED = Statement(delete(replaced))

Progress = Callable[[int, int], None]


class RelocationRefused(Refused):
    """The bytes cannot be moved. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Relocated:
    """
    How many blobs there are, of how many bytes, and how many of them were copied this time; uploads that were given up.

    Where there is a sentence about *damage*, no row was changed.
    """

    blobs: int
    size: int
    copied: int
    uploads: int
    damage: tuple[str, ...]


def move(old: Runtime, new: Runtime, progress: Progress) -> Relocated:
    """
    Copy what *old* has in its store to that of *new*, or go on with that, and let the rows name the copies.

    The two differ in nothing else. *progress* is told how many bytes of how many are done, each once copied and once
    read again. Nobody else may be at work on the registry.
    Raises: RelocationRefused; StoreUnavailable, NoSpace.
    """
    with old.database.reading() as tx:
        state = tx.one(_STATE)
    assert state is not None  # it counts
    with contextlib.closing(_Copies(new.store)) as copies:
        copying = _Copying(old, new, copies, lambda done: progress(min(done, 2 * state["size"]), 2 * state["size"]))
        copying.demand_places()
        damage = tuple(copying.all())
        given_up = 0 if damage else old.database.write(lambda tx: _let_rows_name(tx, copies, tuple(state)))
    return Relocated(state["number"], state["size"], copying.copied, given_up, damage)


def _let_rows_name(tx: Transaction, copies: "_Copies", state: tuple[int, ...]) -> int:
    """Name every copy, in one transaction; how many uploads were given up. Raises: RelocationRefused."""
    now = tx.one(_STATE)
    if now is None or tuple(now) != state:
        raise RelocationRefused("Blobs were pushed or removed meanwhile: stop every server, and run this again")
    for renamed in copies.renamed():
        tx.many(_NAME, renamed)
    tx.run(_FORGET_REPLACED)
    return tx.run(_GIVE_UP)


class _Copying:
    """One pass over every blob that lies in a store."""

    def __init__(self, old: Runtime, new: Runtime, copies: "_Copies", advanced: Callable[[int], None]) -> None:
        self._old, self._new, self._copies, self._advanced = old, new, copies, advanced
        self._done, self._lock = 0, threading.Lock()
        self.copied = 0

    def demand_places(self) -> None:
        """Raises: RelocationRefused: the old place lacks what blobs name; the new one is another's, or the same."""
        first = next(_pages(self._old.database), [])
        known = any(self._copies.find(upload_of(row["key"])) for row in first)
        if self._copies.any and not known:
            raise RelocationRefused("The new place is not empty: others have objects there. Name an empty one")
        if first and not known and not any(_has(self._old.store, row["key"]) for row in first):
            raise RelocationRefused("The old place has none of the first blobs: is it the one that `storage` named?")
        if _are_one(self._old.store, self._new.store):
            raise RelocationRefused("The old place and the new one are the same")

    def all(self) -> Iterator[str]:
        """Copy what is not there yet, and read all; a sentence about each damage."""
        pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="copying")
        try:
            for page in _pages(self._old.database):
                for row, (key, wrong) in zip(page, pool.map(self._move, page), strict=True):
                    if wrong:
                        yield f"blob {row['digest']} of {row['domain']}: {wrong}"
                    elif key != row["key"]:
                        self._copies.rename(row["id"], key)
        finally:
            pool.shutdown(cancel_futures=True)

    def _move(self, row: Row) -> tuple[str, str | None]:
        """The key of the copy, and what is wrong with it."""
        copy = self._copies.find(upload_of(row["key"]))
        if copy is not None:
            wrong = self._wrong_with(row, copy)
            if wrong is None or not _has(self._old.store, row["key"]):
                self._advance(row["size"])
                return copy, wrong
            # Not by us: a copy is published when it is whole. But the original is there.
            self._new.store.delete(copy)
        elif not _has(self._old.store, row["key"]):
            return row["key"], "its bytes are missing"
        try:
            copy = self._copy(row)
        except OSError as error:
            return row["key"], f"it cannot be copied: {error}"
        return copy, self._wrong_with(row, copy)

    def _copy(self, row: Row) -> str:
        upload = upload_of(row["key"])
        with self._new.store.append(upload, 0) as appending:
            for piece in self._old.store.read(row["key"]):
                appending.write(piece)
            appending.commit()
        key = self._new.store.finish(upload, row["domain"], row["digest"])
        with self._lock:
            self.copied += 1
        self._advance(row["size"])
        return key

    def _wrong_with(self, row: Row, copy: str) -> str | None:
        """What is wrong with a copy, as a pull would find; None: nothing."""
        try:
            pieces = self._new.at_rest.read(copy, sealed=row["sealing"] is not None)
            digest = digest_of(self._counted(pieces), row["digest"].partition(":")[0])
        except FileNotFoundError:
            return "its bytes are missing"
        except OSError as error:
            return f"its bytes cannot be read: {error}"
        except StoreUnavailable:
            raise
        except Fault:  # its key is not to be had: then the copy is what the original is
            return self._differs(row, copy)
        return None if digest == row["digest"] else f"its bytes have the digest {digest}"

    def _differs(self, row: Row, copy: str) -> str | None:
        if not _has(self._old.store, row["key"]):
            return "its key is not to be had, and its original is not there to compare it with"
        original = digest_of(self._old.store.read(row["key"]), "sha256")
        return None if digest_of(self._new.store.read(copy), "sha256") == original else "its copy is not what it was"

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            self._advance(len(piece))

    def _advance(self, size: int) -> None:
        with self._lock:
            self._done += size
            self._advanced(self._done)


class _Copies:
    """
    What lies in the new store, by upload, and which blob will name it.

    In a file of SQLite's that is gone with this object: a registry may have more of them than there is memory.
    """

    def __init__(self, store: BlobStore) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        self._file.execute("CREATE TABLE copies (upload TEXT PRIMARY KEY, key TEXT) WITHOUT ROWID")
        self._file.execute("CREATE TABLE renamed (blob INTEGER PRIMARY KEY, key TEXT)")
        self._file.execute("BEGIN")  # and never a commit: nobody else will read it
        found = ((upload_of(entry.name), entry.name) for entry in store.objects())
        self.any = self._file.executemany("INSERT OR REPLACE INTO copies VALUES (?, ?)", found).rowcount > 0

    def find(self, upload: str) -> str | None:
        """The key of what was published from *upload*."""
        with self._lock:
            row = self._file.execute("SELECT key FROM copies WHERE upload = ?", (upload,)).fetchone()
        return row[0] if row else None

    def rename(self, blob: int, key: str) -> None:
        """Let *blob* name *key* in the end."""
        with self._lock:
            self._file.execute("INSERT INTO renamed VALUES (?, ?)", (blob, key))

    def renamed(self) -> Iterator[list[dict[str, object]]]:
        """What is to be named, in batches."""
        found = self._file.execute("SELECT blob, key FROM renamed")
        while batch := found.fetchmany(500):
            yield [{"blob": blob, "copy": key} for blob, key in batch]

    def close(self) -> None:
        """Forget it all."""
        self._file.close()


def _are_one(old: BlobStore, new: BlobStore) -> bool:
    """Whether what is written to *new* can be read from *old*: one place has many names."""
    probe = clock.new_uuid()
    try:
        with new.append(probe, 0) as appending:
            appending.write(b".")
            appending.commit()
        return any(old.uploaded(probe))
    except FileNotFoundError:
        return False
    finally:
        new.abandon(probe)


def _has(store: BlobStore, key: str) -> bool:
    """Whether *key* is one of *store*, and it has the object. Raises: StoreUnavailable."""
    try:
        return store.size(key) is not None
    except ValueError:  # a bucket's key is none of files
        return False


def _pages(database: Database) -> Iterator[list[Row]]:
    after = 0
    while True:
        with database.reading() as tx:
            rows = tx.all(_BLOBS, after=after)
        if not rows:
            return
        yield rows
        after = rows[-1]["id"]
