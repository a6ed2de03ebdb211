"""Blobs that lie in the store, as their rows name them: for whoever carries bytes from one place to another."""

from typing import NamedTuple

from sqlalchemy import bindparam, cast, delete, func, select, update

from entrepot.database import Integer, Statement, Transaction
from entrepot.registry.tables import blobs, replaced, uploads

_PAGE = 500

_SOME = Statement(
    select(blobs.c.id, blobs.c.domain, blobs.c.digest, blobs.c.size, blobs.c.key, blobs.c.sealing)
    .where(blobs.c.id > bindparam("after"), blobs.c.key.is_not(None))
    .order_by(blobs.c.id)
    .limit(_PAGE)
)
_SIZE = Statement(select(cast(func.coalesce(func.sum(blobs.c.size), 0), Integer)).where(blobs.c.key.is_not(None)))
_NAMED = Statement(select(blobs.c.id).where(blobs.c.key == bindparam("named")))
_MOVE = Statement(update(blobs).where(blobs.c.id == bindparam("blob")).values(key=bindparam("to")))
_LEFT_BEHIND = (Statement(delete(uploads)), Statement(delete(replaced)))


class Stored(NamedTuple):
    """A blob's row. *size* is of the plain bytes; *sealing* is None where they lie as they came."""

    id: int
    domain: str
    digest: str
    size: int
    key: str
    sealing: str | None


def page(tx: Transaction, *, after: int) -> list[Stored]:
    """Some blobs by their ids, from behind *after*; none, where there are no more."""
    return [Stored._make(row) for row in tx.all(_SOME, after=after)]


def size(tx: Transaction) -> int:
    """Plain bytes of all of them."""
    row = tx.one(_SIZE)
    return 0 if row is None else int(row[0])


def is_named(tx: Transaction, key: str) -> bool:
    """Whether a blob's bytes lie under *key*."""
    return tx.one(_NAMED, named=key) is not None


def move(tx: Transaction, blob: int, key: str) -> None:
    """Say that the bytes of a blob lie under *key*."""
    tx.run(_MOVE, blob=blob, to=key)


def forget_the_rest(tx: Transaction) -> None:
    """Remove whatever else names bytes, upload sessions and objects that were replaced: those are left behind."""
    for statement in _LEFT_BEHIND:
        tx.run(statement)
