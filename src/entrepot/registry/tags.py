"""
Tags: names of manifests that can be moved, and the one function that moves them.

Every path that gives a tag to a manifest comes through ``place``, so that what is immutable is so
from everywhere.
"""

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from entrepot.database import Database, Statement, Transaction
from entrepot.errors import LimitExceeded
from entrepot.names import Registry
from entrepot.registry.faults import ImageTagAlreadyExists
from entrepot.registry.mutability import Mutability
from entrepot.registry.tables import manifests, repositories, tags

_HERE = (tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag"))

_MANIFEST_OF = Statement(select(tags.c.manifest_id).where(*_HERE))
_COUNT = Statement(select(func.count().label("count")).where(tags.c.manifest_id == bindparam("manifest")))
_NAMES = Statement(select(tags.c.name).where(tags.c.manifest_id == bindparam("manifest")).order_by(tags.c.name))
_OF_DIGEST = Statement(
    select(tags.c.name)
    .join_from(repositories, manifests, manifests.c.repository_id == repositories.c.id)
    .join(tags, tags.c.manifest_id == manifests.c.id)
    .where(
        repositories.c.account == bindparam("account"),
        repositories.c.region == bindparam("region"),
        repositories.c.name == bindparam("repository"),
        manifests.c.digest == bindparam("digest"),
    )
)
_INSERT = Statement(
    insert(tags)
    .values(repository_id=bindparam("repository"), name=bindparam("tag"), manifest_id=bindparam("manifest"))
    .on_conflict_do_nothing()
)
_MOVE = Statement(update(tags).where(*_HERE).values(manifest_id=bindparam("manifest")))
_REMOVE = Statement(delete(tags).where(*_HERE))


def place(
    tx: Transaction,
    repository: int,
    tag: str,
    *,
    manifest: int,
    new: bool,
    mutability: Mutability,
    name: str,
    most: int,
) -> bool:
    """
    Make *tag* name *manifest*; whether that is news.

    *new*: the manifest has only just come, with one tag; *name* is the repository's, *most* the tags of one image.
    Raises: ImageTagAlreadyExists, LimitExceeded.
    Source: Amazon ECR user guide, "Preventing image tags from being overwritten".
    """
    # The row is tried first, and looked at only if it was there: most pushes bring a new tag.
    added = tx.run(_INSERT, repository=repository, tag=tag, manifest=manifest)
    if not added:
        if manifest_of(tx, repository, tag) == manifest:
            return False
        if mutability.fixes(tag):
            raise ImageTagAlreadyExists(tag=tag, name=name, what=mutability.scope)
        tx.run(_MOVE, repository=repository, tag=tag, manifest=manifest)
    counted = None if new else tx.one(_COUNT, manifest=manifest)
    if counted is not None and counted["count"] > most:
        raise LimitExceeded(reason=f"The image already has {most} tags, which is the maximum")
    return True


def manifest_of(tx: Transaction, repository: int, tag: str) -> int | None:
    """The id of the manifest that *tag* names, or None."""
    row = tx.one(_MANIFEST_OF, repository=repository, tag=tag)
    return None if row is None else row["manifest_id"]


def names_of(tx: Transaction, manifest: int) -> list[str]:
    """Every tag of one manifest, in lexical order; at most as many as the quota allows."""
    return [row["name"] for row in tx.all(_NAMES, manifest=manifest)]


def of_digests(database: Database, registry: Registry, name: str, *, digests: Iterable[str]) -> list[str]:
    """Every tag of the images of *digests* in a repository, which need not exist; in a transaction of its own."""
    with database.reading() as tx:
        return [
            row["name"]
            for digest in digests
            for row in tx.all(
                _OF_DIGEST, account=registry.account, region=registry.region, repository=name, digest=digest
            )
        ]


def remove(tx: Transaction, repository: int, names: Iterable[str]) -> None:
    """Take tags away; the manifest stays."""
    for tag in names:
        tx.run(_REMOVE, repository=repository, tag=tag)
