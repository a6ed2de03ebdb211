"""
All bytes of a registry, from one store to another.

    every object that a blob names ──► copied as it lies ──► read there as a pull would ──► all rows changed at once

Until the last step the registry is served from the old store, after it from the new one, and in neither case is
anything removed from the old. A copy is published from an upload of the same id as the original was: so who comes after
a crash finds what has been copied by looking at the new store, and what is sealed knows itself there. Uploads that are
under way stay behind; their clients begin anew.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from entrepot import clock
from entrepot.database import Database, Transaction
from entrepot.errors import Fault, Refused, StoreUnavailable
from entrepot.registry import stored
from entrepot.registry.stored import Published, State, Stored
from entrepot.runtime import Runtime
from entrepot.storage import BlobStore
from entrepot.storage.base import upload_of
from entrepot.storage.digesting import digest_of

# Objects at a time: one that goes into a bucket takes 32 MiB of memory.
_AT_A_TIME = 4

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
        state = stored.state(tx)
    with contextlib.closing(_Copies(new.store)) as copies:
        copying = _Copying(old, new, copies, lambda done: progress(min(done, 2 * state.size), 2 * state.size))
        copying.demand_places()
        damage = tuple(copying.all())
        given_up = 0 if damage else old.database.write(lambda tx: _let_rows_name(tx, copies, state))
    return Relocated(state.number, state.size, copying.copied, given_up, damage)


def _let_rows_name(tx: Transaction, copies: "_Copies", state: State) -> int:
    """Name every copy, in one transaction; how many uploads were given up. Raises: RelocationRefused."""
    if stored.state(tx) != state:
        raise RelocationRefused("Blobs were pushed or removed meanwhile: stop every server, and run this again")
    for renamed in copies.renamed():
        stored.move(tx, renamed)
    # What nobody names any more stays in the old place, by whose keys the new one knows nothing.
    return stored.forget_the_rest(tx, small_too=False)


class _Copying:
    """One pass over every blob that lies in a store."""

    def __init__(self, old: Runtime, new: Runtime, copies: "_Copies", advanced: Callable[[int], None]) -> None:
        self._old, self._new, self._copies, self._advanced = old, new, copies, advanced
        self._done, self._lock = 0, threading.Lock()
        self.copied = 0

    def demand_places(self) -> None:
        """Raises: RelocationRefused: the old place lacks what blobs name; the new one is another's, or the same."""
        first = next(_pages(self._old.database), [])
        known = any(self._copies.find(upload_of(blob.key)) for blob in first)
        if self._copies.any and not known:
            raise RelocationRefused("The new place is not empty: others have objects there. Name an empty one")
        if first and not known and not any(_has(self._old.store, blob.key) for blob in first):
            raise RelocationRefused("The old place has none of the first blobs: is it the one that `storage` named?")
        if _are_one(self._old.store, self._new.store):
            raise RelocationRefused("The old place and the new one are the same")

    def all(self) -> Iterator[str]:
        """Copy what is not there yet, and read all; a sentence about each damage."""
        pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="copying")
        try:
            for page in _pages(self._old.database):
                for blob, (key, wrong) in zip(page, pool.map(self._move, page), strict=True):
                    if wrong:
                        yield f"blob {blob.digest} of {blob.domain}: {wrong}"
                    elif key != blob.key:
                        self._copies.rename(blob.id, key)
        finally:
            pool.shutdown(cancel_futures=True)

    def _move(self, blob: Stored) -> tuple[str, str | None]:
        """The key of the copy, and what is wrong with it."""
        copy = self._copies.find(upload_of(blob.key))
        if copy is not None:
            wrong = self._wrong_with(blob, copy)
            if wrong is None or not _has(self._old.store, blob.key):
                self._advance(blob.size)
                return copy, wrong
            # Not by us: a copy is published when it is whole. But the original is there.
            self._new.store.delete(copy)
        elif not _has(self._old.store, blob.key):
            return blob.key, "its bytes are missing"
        try:
            copy = self._copy(blob)
        except OSError as error:
            return blob.key, f"it cannot be copied: {error}"
        return copy, self._wrong_with(blob, copy)

    def _copy(self, blob: Stored) -> str:
        upload = upload_of(blob.key)
        with self._new.store.append(upload, 0) as appending:
            for piece in self._old.store.read(blob.key):
                appending.write(piece)
            appending.commit()
        key = self._new.store.finish(upload, blob.domain, blob.digest)
        with self._lock:
            self.copied += 1
        self._advance(blob.size)
        return key

    def _wrong_with(self, blob: Stored, copy: str) -> str | None:
        """What is wrong with a copy, as a pull would find; None: nothing."""
        try:
            pieces = self._new.at_rest.read(copy, sealed=blob.sealing is not None)
            digest = digest_of(self._counted(pieces), blob.digest.partition(":")[0])
        except FileNotFoundError:
            return "its bytes are missing"
        except OSError as error:
            return f"its bytes cannot be read: {error}"
        except StoreUnavailable:
            raise
        except Fault:  # its key is not to be had: then the copy is what the original is
            return self._differs(blob, copy)
        return None if digest == blob.digest else f"its bytes have the digest {digest}"

    def _differs(self, blob: Stored, copy: str) -> str | None:
        if not _has(self._old.store, blob.key):
            return "its key is not to be had, and its original is not there to compare it with"
        original = digest_of(self._old.store.read(blob.key), "sha256")
        return None if digest_of(self._new.store.read(copy), "sha256") == original else "its copy is not what it was"

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            self._advance(len(piece))

    def _advance(self, size: int) -> None:
        with self._lock:
            self._done += size
            self._advanced(self._done)


class _Copies(Published):
    """What lies in the new store, and which blob will name it."""

    def __init__(self, store: BlobStore) -> None:
        super().__init__(store)
        self._file.execute("CREATE TABLE renamed (blob INTEGER PRIMARY KEY, key TEXT)")

    def rename(self, blob: int, key: str) -> None:
        """Let *blob* name *key* in the end."""
        with self._lock:
            self._file.execute("INSERT INTO renamed VALUES (?, ?)", (blob, key))

    def renamed(self) -> Iterator[list[tuple[int, str]]]:
        """What is to be named, in batches."""
        found = self._file.execute("SELECT blob, key FROM renamed")
        while batch := found.fetchmany(500):
            yield batch


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


def _pages(database: Database) -> Iterator[list[Stored]]:
    after = 0
    while True:
        with database.reading() as tx:
            page = stored.page(tx, after=after)
        if not page:
            return
        yield page
        after = page[-1].id
