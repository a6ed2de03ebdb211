"""
Pages of what there is. Each is one statement that an index serves: it begins behind the last key of the
page before and reads no more rows than it gives, however large the repository is.

Images are in the order of their arrival; everything else is in the order of its name.
"""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from sqlalchemy import Integer, Select, bindparam, func, literal_column, or_, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from entrepot.database import Row, Statement, Transaction
from entrepot.names import Registry
from entrepot.registry import repositories as repositories_
from entrepot.registry.repositories import Repository
from entrepot.registry.tables import manifests, repositories, tags

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """At most as many items as were asked for, and whether there are more behind them."""

    items: list[T]
    more: bool


class Image(NamedTuple):
    """What is known of a manifest, without its bytes. Times are in seconds since the epoch."""

    id: int
    digest: str
    media_type: str
    artifact_type: str | None
    subject: str | None
    size: int
    pushed_at: float
    pulled_at: float | None
    status: str
    names: str | None

    @property
    def tags(self) -> list[str]:
        """Its tags in lexical order."""
        return sorted(self.names.split(" ")) if self.names else []


class Name(NamedTuple):
    """One name of an image: its digest, and a tag unless it has none."""

    pushed_at: float
    digest: str
    tag: str | None


class Referrer(NamedTuple):
    """A manifest that points at a subject. *size* is that of the manifest itself, in bytes."""

    digest: str
    media_type: str
    artifact_type: str | None
    size: int
    annotations: dict[str, str]
    status: str


# ── repositories ────────────────────────────────────────────────────────────────────────────────────

_IN_REGISTRY = (repositories.c.account == bindparam("account"), repositories.c.region == bindparam("region"))
_REPOSITORIES = Statement(
    select(repositories)
    .where(*_IN_REGISTRY, repositories.c.name > bindparam("after"))
    .order_by(repositories.c.name)
    .limit(bindparam("most"))
)


def list_repositories(tx: Transaction, registry: Registry, *, limit: int, after: str = "") -> Page[Repository]:
    """Repositories of a registry whose names come behind *after*."""
    rows = tx.all(_REPOSITORIES, account=registry.account, region=registry.region, after=after, most=limit + 1)
    return _page([repositories_.of_row(row) for row in rows], limit)


# ── tags ────────────────────────────────────────────────────────────────────────────────────────────

_TAGS = Statement(
    select(tags.c.name)
    .where(tags.c.repository_id == bindparam("repository"), tags.c.name > bindparam("after"))
    .order_by(tags.c.name)
    .limit(bindparam("most"))
)


def list_tags(tx: Transaction, repository: Repository, *, limit: int, after: str = "") -> Page[str]:
    """
    Tags of a repository behind *after*, in the order of their bytes.

    Source: OCI distribution-spec 1.1, "Listing Tags".
    """
    rows = tx.all(_TAGS, repository=repository.id, after=after, most=limit + 1)
    return _page([row[0] for row in rows], limit)


# ── images ──────────────────────────────────────────────────────────────────────────────────────────

_own = tags.alias("own")
_IS_OWN = _own.c.manifest_id == manifests.c.id
# A literal, because the separator's parameter would be known only when the statement runs.
_SPACE: Any = literal_column("' '")
_TAGS_OF_IMAGE = select(func.aggregate_strings(_own.c.name, _SPACE)).where(_IS_OWN).scalar_subquery().label("tags")
IMAGE = (
    manifests.c.id,
    manifests.c.digest,
    manifests.c.media_type,
    manifests.c.artifact_type,
    manifests.c.subject,
    manifests.c.image_size,
    manifests.c.pushed_at,
    manifests.c.pulled_at,
    manifests.c.status,
    _TAGS_OF_IMAGE,
)
_IN_REPOSITORY = manifests.c.repository_id == bindparam("repository")
_STATUS: ColumnElement[bool] = or_(manifests.c.status == bindparam("status"), bindparam("status") == "ANY")
_IS_TAGGED = select(_own.c.name).where(_IS_OWN).exists()
_TAG_STATUS: dict[str, tuple[ColumnElement[bool], ...]] = {
    "ANY": (),
    "TAGGED": (_IS_TAGGED,),
    "UNTAGGED": (~_IS_TAGGED,),
}


def _images(tag_status: str) -> Statement:
    behind = tuple_(manifests.c.pushed_at, manifests.c.digest) > tuple_(bindparam("at"), bindparam("digest"))
    return Statement(
        select(*IMAGE)
        .where(_IN_REPOSITORY, behind, _STATUS, *_TAG_STATUS[tag_status])
        .order_by(manifests.c.pushed_at, manifests.c.digest)
        .limit(bindparam("most"))
    )


_IMAGES = {tag_status: _images(tag_status) for tag_status in _TAG_STATUS}


def list_images(
    tx: Transaction,
    repository: Repository,
    *,
    limit: int,
    after: tuple[float, str] = (0.0, ""),
    tag_status: str = "ANY",
    status: str = "ANY",
) -> Page[Image]:
    """
    Images of a repository behind *after*, which is the ``pushed_at`` and the digest of one.

    *tag_status* is TAGGED, UNTAGGED or ANY; *status* is ACTIVE, ARCHIVED, ACTIVATING or ANY.
    """
    rows = tx.all(
        _IMAGES[tag_status], repository=repository.id, at=after[0], digest=after[1], status=status, most=limit + 1
    )
    return _page([Image._make(row) for row in rows], limit)


# ── names of images ─────────────────────────────────────────────────────────────────────────────────


def _names(tag_status: str) -> Statement:
    name = func.coalesce(tags.c.name, "")
    key = (manifests.c.pushed_at, manifests.c.digest)
    begin: tuple[ColumnElement[Any], ...] = (bindparam("at"), bindparam("digest"))
    # The first comparison is the one that the index serves, the second the exact one.
    statement: Select[Any] = (
        select(*key, tags.c.name.label("tag"))
        .join_from(manifests, tags, tags.c.manifest_id == manifests.c.id, isouter=tag_status != "TAGGED")
        .where(
            _IN_REPOSITORY,
            tuple_(*key) >= tuple_(*begin),
            tuple_(*key, name) > tuple_(*begin, bindparam("tag")),
            _STATUS,
        )
        .order_by(*key, tags.c.name)
        .limit(bindparam("most"))
    )
    return Statement(statement.where(tags.c.name.is_(None)) if tag_status == "UNTAGGED" else statement)


_NAMES = {tag_status: _names(tag_status) for tag_status in _TAG_STATUS}


def list_names(
    tx: Transaction,
    repository: Repository,
    *,
    limit: int,
    after: tuple[float, str, str] = (0.0, "", ""),
    tag_status: str = "ANY",
    status: str = "ANY",
) -> Page[Name]:
    """Names of images behind *after*: an item for each tag, and one for each image without a tag."""
    at, digest, tag = after
    rows = tx.all(
        _NAMES[tag_status],
        repository=repository.id,
        at=at,
        digest=digest,
        tag=tag,
        status=status,
        most=limit + 1,
    )
    return _page([Name(*row) for row in rows], limit)


# ── referrers ───────────────────────────────────────────────────────────────────────────────────────

_TYPES = func.json_each(bindparam("types")).table_valued("value")
_REFERRERS = Statement(
    select(
        manifests.c.digest,
        manifests.c.media_type,
        manifests.c.artifact_type,
        func.coalesce(manifests.c.sealed_of, func.length(manifests.c.content, type_=Integer)).label("size"),
        manifests.c.annotations,
        manifests.c.status,
    )
    .where(
        _IN_REPOSITORY,
        manifests.c.subject == bindparam("subject"),
        manifests.c.digest > bindparam("after"),
        _STATUS,
        or_(bindparam("types") == "[]", manifests.c.artifact_type.in_(select(_TYPES.c.value))),
    )
    .order_by(manifests.c.digest)
    .limit(bindparam("most"))
)


def list_referrers(
    tx: Transaction,
    repository: Repository,
    subject: str,
    *,
    limit: int,
    after: str = "",
    artifact_types: Sequence[str] = (),
    status: str = "ANY",
) -> Page[Referrer]:
    """
    Manifests that point at the digest *subject*, whether that is here or not, behind the digest *after*.

    Only those of *artifact_types*, where any are given.
    Source: OCI distribution-spec 1.1, "Listing Referrers".
    """
    rows = tx.all(
        _REFERRERS,
        repository=repository.id,
        subject=subject,
        after=after,
        status=status,
        types=orjson.dumps(artifact_types).decode(),
        most=limit + 1,
    )
    return _page([_referrer(row) for row in rows], limit)


def _referrer(row: Row) -> Referrer:
    digest, media_type, artifact_type, size, annotations, status = row
    return Referrer(digest, media_type, artifact_type, size, orjson.loads(annotations) if annotations else {}, status)


def _page(found: list[T], limit: int) -> Page[T]:
    return Page(found[:limit], len(found) > limit)
