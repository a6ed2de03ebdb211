"""
What deletions leave to be removed later: rows of deleted repositories, referrers of deleted subjects.

Deleting a repository removes one row, deleting a manifest leaves what refers to it, so that neither
holds up other writers. ``garbage`` says when the rest goes, and why nobody misses it.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from sqlalchemy import Column, Select, Table, bindparam, delete, exists, func, select, tuple_

from entrepot.database import Database, Row, Statement, Transaction
from entrepot.registry import manifests, repositories
from entrepot.registry.faults import ImageReferenced
from entrepot.registry.tables import children, departed, links, manifest_blobs, resource_tags, tags
from entrepot.registry.tables import manifests as manifests_
from entrepot.registry.tables import repositories as repositories_

# Rows that one transaction removes: some milliseconds, in which pushes wait.
BATCH = 500
# Removing a manifest takes ten statements, and reading it.
_REFERRERS_AT_ONCE = 50

_HANGING = (manifests_, tags, manifest_blobs, links, resource_tags, departed)


def _repositories_gone(table: Table) -> Statement:
    """
    Ids of deleted repositories that rows of *table* still name.

    It hops from one id to the next in the index: as many steps as there are repositories, not rows.
    """
    row, here = table.alias("row"), repositories_.alias("here")
    hop = select(func.min(table.c.repository_id).label("id")).cte("hop", recursive=True)
    following = select(func.min(row.c.repository_id)).where(row.c.repository_id > hop.c.id).scalar_subquery()
    hop = hop.union_all(select(following).where(hop.c.id.is_not(None)))
    return Statement(select(hop.c.id).where(hop.c.id.is_not(None), ~exists().where(here.c.id == hop.c.id)))


def _some_of(table: Table) -> Select[Any]:
    """Keys of some rows that hang on one repository, in the order of an index."""
    order = [table.c.digest] if table is manifests_ else _key(table)
    return select(*_key(table)).where(table.c.repository_id == bindparam("repository")).order_by(*order).limit(BATCH)


def _remove_some(table: Table) -> Statement:
    key = _key(table)
    chosen = (tuple_(*key) if len(key) > 1 else key[0]).in_(_some_of(table))
    if "repository_id" in table.primary_key.columns:
        # Said twice, so that SQLite looks the rows up one by one instead of walking the repository.
        return Statement(delete(table).where(table.c.repository_id == bindparam("repository"), chosen))
    return Statement(delete(table).where(chosen))


def _key(table: Table) -> list[Column[Any]]:
    return [column for column in table.primary_key.columns if column.name != "repository_id"]


_GONE = {table: _repositories_gone(table) for table in _HANGING}
_REMOVE_SOME = {table: _remove_some(table) for table in _HANGING}
_REMOVE_CHILDREN = Statement(delete(children).where(children.c.child_id.in_(_some_of(manifests_))))


def remove_rows(database: Database) -> int:
    """Remove what hung on repositories that have been deleted; how many rows."""
    removed = 0
    for table in _HANGING:
        with database.reading() as tx:
            gone = [row["id"] for row in tx.all(_GONE[table])]
        for repository in gone:
            while count := database.write(partial(_purge, table=table, repository=repository)):
                removed += count
    return removed


def _purge(tx: Transaction, table: Table, repository: int) -> int:
    if table is manifests_:
        tx.run(_REMOVE_CHILDREN, repository=repository)
    return tx.run(_REMOVE_SOME[table], repository=repository)


# Referrers of deleted subjects.

_DEPARTED = Statement(
    select(departed)
    .where(
        tuple_(departed.c.repository_id, departed.c.digest) > tuple_(bindparam("repository"), bindparam("digest")),
    )
    .order_by(departed.c.repository_id, departed.c.digest)
    .limit(BATCH)
)
_REFERRERS = Statement(
    select(manifests_.c.digest)
    .where(
        manifests_.c.repository_id == bindparam("repository"),
        manifests_.c.subject == bindparam("subject"),
        manifests_.c.digest > bindparam("after"),
        # Whoever refers to a subject that has gone already means it to be absent.
        manifests_.c.pushed_at <= bindparam("departed_at"),
    )
    .order_by(manifests_.c.digest)
    .limit(_REFERRERS_AT_ONCE)
)
_FORGET_DEPARTED = Statement(
    delete(departed).where(
        departed.c.repository_id == bindparam("repository"), departed.c.digest == bindparam("digest")
    )
)


def remove_referrers(database: Database) -> int:
    """
    Remove manifests whose subject was deleted after they came; how many.

    Those whose subject was never here stay, and those that an index lists, until the index goes.
    Source: Amazon ECR user guide: referrers go "within 24 hours" of the deletion of their subject.
    """
    removed = 0
    # Referrers have referrers: go round until nothing is left to follow.
    while count := sum(_follow(database, row) for row in _departed(database)):
        removed += count
    return removed


def _departed(database: Database) -> Iterator[Row]:
    repository, digest = 0, ""
    while True:
        with database.reading() as tx:
            rows = tx.all(_DEPARTED, repository=repository, digest=digest)
        yield from rows
        if not rows:
            return
        repository, digest = rows[-1]["repository_id"], rows[-1]["digest"]


def _follow(database: Database, subject: Row) -> int:
    removed, after, complete = 0, "", True
    while True:
        count, seen, last = database.write(partial(_remove_some_referrers, subject=subject, after=after))
        removed += count
        complete = complete and count == seen
        if seen < _REFERRERS_AT_ONCE:
            break
        after = last
    if complete:
        database.write(
            lambda tx: tx.run(_FORGET_DEPARTED, repository=subject["repository_id"], digest=subject["digest"])
        )
    return removed


def _remove_some_referrers(tx: Transaction, subject: Row, after: str) -> tuple[int, int, str]:
    """How many were removed, how many there were, and the last of them."""
    repository = repositories.find_by_id(tx, subject["repository_id"])
    if repository is None or manifests.find(tx, repository, digest=subject["digest"]) is not None:
        return 0, 0, after  # gone with all it had, or come back
    rows = tx.all(
        _REFERRERS,
        repository=repository.id,
        subject=subject["digest"],
        departed_at=subject["departed_at"],
        after=after,
    )
    removed = 0
    for row in rows:
        manifest = manifests.find(tx, repository, digest=row["digest"])
        try:
            if manifest is not None:
                manifests.remove(tx, repository, manifest)
            removed += 1
        except ImageReferenced:
            continue
    return removed, len(rows), rows[-1]["digest"] if rows else after
