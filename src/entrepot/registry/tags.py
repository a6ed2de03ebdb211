"""
Tags: names of manifests that can be moved, and the one function that moves them.

Every path that gives a tag to a manifest comes through ``place``, so that what is immutable is so
from everywhere.
"""

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from entrepot.database import Statement, Transaction
from entrepot.errors import LimitExceeded
from entrepot.registry.faults import ImageTagAlreadyExists
from entrepot.registry.mutability import Mutability
from entrepot.registry.tables import tags

_HERE = (tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag"))

_MANIFEST_OF = Statement(select(tags.c.manifest_id).where(*_HERE))
_COUNT = Statement(select(func.count().label("count")).where(tags.c.manifest_id == bindparam("manifest")))
_NAMES = Statement(select(tags.c.name).where(tags.c.manifest_id == bindparam("manifest")).order_by(tags.c.name))
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


def remove(tx: Transaction, repository: int, names: Iterable[str]) -> None:
    """Take tags away; the manifest stays."""
    for tag in names:
        tx.run(_REMOVE, repository=repository, tag=tag)
