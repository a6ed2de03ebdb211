"""
Garbage: what nobody can reach any more, removed while pushes and pulls go on.

    deleted repository ─► its rows            idle session ─► row ─► file
    deleted subject ─► referrers              file of no session
    link without manifest, forgotten ─► blob without link ─► object ─► object that no blob names

Nothing that somebody needs is ever removed, without any lock but the database's own:

- Whatever removes a row decides so in the transaction that removes it, from what that transaction sees;
  what was read before only says where to look. All writers take turns. So a push that links a blob came
  before, and the blob is seen to be linked; or it comes after, sees no blob, and makes its own.
- Bytes are removed only after the row that named them has gone for good, and by their key. Keys are
  never used twice, so bytes that are pushed anew under the same digest have another one.
- Between a client's being told that a blob is here and its manifest's coming, nothing names the blob but
  a link; between the publishing of an object and the commit of its row, nothing names the object. Both
  last for the grace: whoever answers for a link renews ``touched_at`` before half of it is over, and an
  object's age begins when it is published. A grace of 0 is therefore for when no push runs.
- An object that re-encryption has replaced is read by pulls that began before, or were sent to its address; so it
  stays for an hour, or for the grace, if that is shorter. Re-encryption publishes objects like a push.
- Ids of repositories are never used twice, so nobody can find, or hang anything on, a deleted one.

A crash between two steps leaves garbage, which the next collection finds. Two collections at a time do
no harm. Source: ours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from itertools import islice
from typing import Self

from sqlalchemy import bindparam, delete, exists, or_, select, tuple_

from entrepot import clock
from entrepot.database import Database, Row, Statement, Transaction
from entrepot.registry import quotas, remains
from entrepot.registry.remains import BATCH
from entrepot.registry.tables import blobs, links, manifest_blobs, replaced, repositories, uploads
from entrepot.runtime import Runtime
from entrepot.storage import BlobStore

# Longer than an address is good for that a pull was sent to, and than most pulls take.
REPLACED_KEPT = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Collected:
    """How much of each kind was removed. *size* is the bytes of the blobs among it."""

    rows: int = 0  # of deleted repositories
    referrers: int = 0
    sessions: int = 0
    uploads: int = 0  # files of no session
    links: int = 0
    blobs: int = 0
    size: int = 0
    replaced: int = 0  # objects whose blob has got another one
    objects: int = 0  # that no blob named

    def __add__(self, other: Self) -> "Collected":
        return Collected(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Collected)))


def collect(runtime: Runtime, *, grace: float, now: float | None = None) -> Collected:
    """
    Remove what nobody can reach and nobody has asked for within *grace* seconds of *now*.

    With a grace of 0 there must be no push under way, no re-encryption, and no pull of what one has replaced.
    """
    now = clock.now() if now is None else now
    database, store, before = runtime.database, runtime.store, now - grace
    collected = (
        Collected(rows=remains.remove_rows(database))
        + Collected(referrers=remains.remove_referrers(database))
        + Collected(sessions=_collect_sessions(runtime, idle_since=now - runtime.settings.upload_lifetime, now=now))
        + Collected(links=_collect_links(database, before))
        + _collect_blobs(database, store, before)
        + Collected(replaced=_collect_replaced(database, store, now - min(grace, REPLACED_KEPT)))
        + Collected(objects=_collect_objects(database, store, before))
        + Collected(uploads=_collect_uploads(database, store, before))
    )
    quotas.mend(database)
    return collected


# Upload sessions, and files that no session has.

_END_IDLE = Statement(
    delete(uploads)
    .where(
        uploads.c.id.in_(
            select(uploads.c.id)
            .where(
                or_(
                    uploads.c.updated_at <= bindparam("idle_since"),
                    ~exists().where(repositories.c.id == uploads.c.repository_id),
                ),
                uploads.c.writer_until <= bindparam("now"),
            )
            .limit(BATCH)
        )
    )
    .returning(uploads.c.id, uploads.c.account, uploads.c.counted)
)
_IS_SESSION = Statement(select(uploads.c.id).where(uploads.c.id == bindparam("name")))


def _collect_sessions(runtime: Runtime, *, idle_since: float, now: float) -> int:
    """Remove sessions without news, or whose repository has gone; not those that somebody is writing to."""
    removed = 0
    while ended := runtime.database.write(partial(_end_idle, idle_since=idle_since, now=now)):
        for row in ended:
            runtime.store.abandon(row["id"])
        removed += len(ended)
    return removed


def _end_idle(tx: Transaction, idle_since: float, now: float) -> list[Row]:
    ended = tx.all(_END_IDLE, idle_since=idle_since, now=now)
    quotas.give_back(tx, ((row["account"], row["counted"]) for row in ended if row["account"] is not None))
    return ended


def _collect_uploads(database: Database, store: BlobStore, before: float) -> int:
    """Remove files of no session: a blob that comes in one request has none, and is written to all the time."""
    return _remove_unnamed(
        database, (entry.name for entry in store.uploads() if entry.modified <= before), _IS_SESSION, store.abandon
    )


# Links that nobody needs, blobs that nobody links, objects that nobody names.

_THIS_LINK = (links.c.repository_id == bindparam("repository"), links.c.blob_id == bindparam("blob"))
_FORGOTTEN = (
    links.c.touched_at <= bindparam("before"),
    ~exists().where(
        manifest_blobs.c.repository_id == links.c.repository_id, manifest_blobs.c.blob_id == links.c.blob_id
    ),
)
_FORGOTTEN_LINKS = Statement(
    select(links.c.repository_id, links.c.blob_id)
    .where(tuple_(links.c.repository_id, links.c.blob_id) > tuple_(bindparam("repository"), bindparam("blob")))
    .where(*_FORGOTTEN)
    .order_by(links.c.repository_id, links.c.blob_id)
    .limit(BATCH)
)
_REMOVE_LINK = Statement(delete(links).where(*_THIS_LINK, *_FORGOTTEN))

_UNLINKED = (
    blobs.c.created_at <= bindparam("before"),
    ~exists().where(links.c.blob_id == blobs.c.id),
)
_UNLINKED_BLOBS = Statement(
    select(blobs.c.id).where(blobs.c.id > bindparam("blob"), *_UNLINKED).order_by(blobs.c.id).limit(BATCH)
)
_REMOVE_BLOB = Statement(
    delete(blobs)
    .where(blobs.c.id == bindparam("blob"), *_UNLINKED)
    .returning(blobs.c.key, blobs.c.size, blobs.c.domain)
)
_IS_KEY = Statement(
    select(blobs.c.key)
    .where(blobs.c.key == bindparam("name"))
    .union_all(select(replaced.c.key).where(replaced.c.key == bindparam("name")))
)
_REPLACED = Statement(
    select(replaced.c.key).where(replaced.c.replaced_at <= bindparam("before")).order_by(replaced.c.key).limit(BATCH)
)
_FORGET_REPLACED = Statement(delete(replaced).where(replaced.c.key == bindparam("name")))


def _collect_links(database: Database, before: float) -> int:
    removed, repository, blob = 0, 0, 0
    while True:
        with database.reading() as tx:
            rows = tx.all(_FORGOTTEN_LINKS, repository=repository, blob=blob, before=before)
        if not rows:
            return removed
        removed += database.write(partial(_remove_links, rows=rows, before=before))
        repository, blob = rows[-1]["repository_id"], rows[-1]["blob_id"]


def _remove_links(tx: Transaction, rows: list[Row], before: float) -> int:
    return sum(
        tx.run(_REMOVE_LINK, repository=row["repository_id"], blob=row["blob_id"], before=before) for row in rows
    )


def _collect_blobs(database: Database, store: BlobStore, before: float) -> Collected:
    removed, blob = Collected(), 0
    while True:
        with database.reading() as tx:
            ids = [row["id"] for row in tx.all(_UNLINKED_BLOBS, blob=blob, before=before)]
        if not ids:
            return removed
        gone = database.write(partial(_remove_blobs, ids=ids, before=before))
        for row in gone:
            if row["key"] is not None:
                store.delete(row["key"])
        removed += Collected(blobs=len(gone), size=sum(row["size"] for row in gone))
        blob = ids[-1]


def _remove_blobs(tx: Transaction, ids: list[int], before: float) -> list[Row]:
    rows = [tx.one(_REMOVE_BLOB, blob=blob, before=before) for blob in ids]
    gone = [row for row in rows if row is not None]
    quotas.give_back(tx, ((quotas.account_of(row["domain"]), row["size"]) for row in gone))
    return gone


def _collect_replaced(database: Database, store: BlobStore, before: float) -> int:
    removed = 0
    while True:
        with database.reading() as tx:
            keys = [row["key"] for row in tx.all(_REPLACED, before=before)]
        if not keys:
            return removed
        for key in keys:
            store.delete(key)
        database.write(partial(_forget_replaced, keys=keys))
        removed += len(keys)


def _forget_replaced(tx: Transaction, keys: list[str]) -> None:
    for key in keys:
        tx.run(_FORGET_REPLACED, name=key)


def _collect_objects(database: Database, store: BlobStore, before: float) -> int:
    """Remove objects whose push never came to its commit, or whose removal was cut short."""
    return _remove_unnamed(
        database, (entry.name for entry in store.objects() if entry.modified <= before), _IS_KEY, store.delete
    )


def _remove_unnamed(
    database: Database, names: Iterator[str], is_named: Statement, remove: Callable[[str], None]
) -> int:
    """*names* are listed first and looked up then, so one that is in use by then is found."""
    removed = 0
    while batch := list(islice(names, BATCH)):
        with database.reading() as tx:
            unnamed = [name for name in batch if tx.one(is_named, name=name) is None]
        for name in unnamed:
            remove(name)
        removed += len(unnamed)
    return removed
