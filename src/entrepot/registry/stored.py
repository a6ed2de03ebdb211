"""Blobs that lie in the store, as their rows name them: for whoever carries bytes from one place to another."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import bindparam, cast, delete, func, select, update

from entrepot.database import Integer, Statement, Transaction
from entrepot.registry import quotas
from entrepot.registry.tables import blobs, replaced, uploads
from entrepot.storage import BlobStore, upload_of

_PAGE = 500

_STATE = Statement(
    select(
        func.count().label("number"),
        func.coalesce(func.max(blobs.c.id), 0).label("last"),
        cast(func.coalesce(func.sum(blobs.c.size), 0), Integer).label("size"),
    ).where(blobs.c.key.is_not(None))
)
_SOME = Statement(
    select(blobs.c.id, blobs.c.domain, blobs.c.digest, blobs.c.size, blobs.c.key, blobs.c.sealing)
    .where(blobs.c.id > bindparam("after"), blobs.c.key.is_not(None))
    .order_by(blobs.c.id)
    .limit(_PAGE)
)
_NAMED = Statement(select(blobs.c.id).where(blobs.c.key == bindparam("named")))
_MOVE = Statement(update(blobs).where(blobs.c.id == bindparam("blob")).values(key=bindparam("to")))
_FORGET_REPLACED = Statement(delete(replaced))
_GIVE_UP = Statement(delete(uploads))
_GIVE_UP_LARGE = Statement(delete(uploads).where(uploads.c.content.is_(None)))


class State(NamedTuple):
    """Of all blobs that lie in the store: how many, the id of the last, and their plain bytes."""

    number: int
    last: int
    size: int


class Stored(NamedTuple):
    """A blob's row. *size* is of the plain bytes; *sealing* is None where they lie as they came."""

    id: int
    domain: str
    digest: str
    size: int
    key: str
    sealing: str | None


def state(tx: Transaction) -> State:
    """What there is now."""
    row = tx.one(_STATE)
    assert row is not None  # it counts
    return State._make(row)


def page(tx: Transaction, *, after: int) -> list[Stored]:
    """Some blobs by their ids, from behind *after*; none, where there are no more."""
    return [Stored._make(row) for row in tx.all(_SOME, after=after)]


def every(tx: Transaction) -> Iterator[Stored]:
    """All blobs by their ids; they may be moved meanwhile."""
    after = 0
    while some := page(tx, after=after):
        yield from some
        after = some[-1].id


def is_named(tx: Transaction, key: str) -> bool:
    """Whether a blob's bytes lie under *key*."""
    return tx.one(_NAMED, named=key) is not None


def move(tx: Transaction, moved: Iterable[tuple[int, str]]) -> None:
    """Say of blobs, by their ids, under which keys their bytes lie."""
    tx.many(_MOVE, [{"blob": blob, "to": key} for blob, key in moved])


def forget_the_rest(tx: Transaction, *, small_too: bool) -> int:
    """
    Remove whatever else names bytes: what was replaced, and uploads; how many of these.

    *small_too*: also those whose bytes lie in their rows.
    """
    tx.run(_FORGET_REPLACED)
    given_up = tx.run(_GIVE_UP if small_too else _GIVE_UP_LARGE)
    quotas.count_anew(tx)
    return given_up


class Published:
    """
    What lay in a store, by the uploads that it was published from. Any thread may ask.

    In a file of SQLite's that is gone with this object: there may be more of it than there is memory.
    """

    def __init__(self, store: BlobStore) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        self._file.execute("CREATE TABLE published (upload TEXT PRIMARY KEY, key TEXT) WITHOUT ROWID")
        self._file.execute("BEGIN")  # and never a commit: nobody else will read it
        found = ((upload_of(each.name), each.name) for each in store.objects())
        self.any = self._file.executemany("INSERT OR REPLACE INTO published VALUES (?, ?)", found).rowcount > 0

    def find(self, upload: str) -> str | None:
        """The key of what was published from *upload*."""
        with self._lock:
            row = self._file.execute("SELECT key FROM published WHERE upload = ?", (upload,)).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        """Forget it all."""
        self._file.close()
