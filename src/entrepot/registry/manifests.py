"""
Manifests: put, find, delete; what a manifest needs, and what needs it.

Listings of manifests are in ``listings``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.errors import LimitExceeded
from entrepot.registry import blobs, tags
from entrepot.registry.documents import Document, named_by
from entrepot.registry.faults import ImageReferenced, LayersMissing, ReferencedImagesNotFound
from entrepot.registry.repositories import Repository
from entrepot.registry.tables import children, departed, manifest_blobs, manifests
from entrepot.sealing.at_rest import AtRest
from entrepot.settings import Settings

_BY_DIGEST = (manifests.c.repository_id == bindparam("repository"), manifests.c.digest == bindparam("digest"))
_COLUMNS = [column for column in manifests.c if column.name not in {"content", "annotations", "repository_id"}]

_ID = Statement(select(manifests.c.id, manifests.c.image_size).where(*_BY_DIGEST))
FIND = Statement(select(*_COLUMNS).where(*_BY_DIGEST))
BY_ID = Statement(select(*_COLUMNS).where(manifests.c.id == bindparam("manifest")))
CONTENT = Statement(select(manifests.c.content).where(manifests.c.id == bindparam("manifest")))
_INSERT = Statement(
    insert(manifests)
    .values(
        repository_id=bindparam("repository"),
        digest=bindparam("digest"),
        media_type=bindparam("media_type"),
        artifact_type=bindparam("artifact_type"),
        subject=bindparam("subject"),
        annotations=bindparam("annotations"),
        image_size=bindparam("image_size"),
        pushed_at=bindparam("now"),
        pulls=0,
        status="ACTIVE",
        sealed_of=bindparam("sealed_of"),
        content=bindparam("content"),
    )
    .returning(manifests.c.id)
)
_NEEDS_BLOB = Statement(
    insert(manifest_blobs).values(
        repository_id=bindparam("repository"), blob_id=bindparam("blob"), manifest_id=bindparam("manifest")
    )
)
_NEEDS_CHILD = Statement(insert(children).values(child_id=bindparam("child"), parent_id=bindparam("manifest")))
_COUNT = Statement(
    select(func.count().label("count")).select_from(
        select(manifests.c.id)
        .where(manifests.c.repository_id == bindparam("repository"))
        .limit(bindparam("most"))
        .subquery()
    )
)
_PARENTS = Statement(
    select(manifests.c.digest)
    .select_from(children.join(manifests, manifests.c.id == children.c.parent_id))
    .where(children.c.child_id == bindparam("manifest"))
    .order_by(manifests.c.digest)
    .limit(100)
)
_REFERRER = Statement(
    select(manifests.c.id)
    .where(manifests.c.repository_id == bindparam("repository"), manifests.c.subject == bindparam("digest"))
    .limit(1)
)
_DEPARTED = Statement(
    upsert(departed)
    .values(repository_id=bindparam("repository"), digest=bindparam("digest"), departed_at=bindparam("now"))
    .on_conflict_do_update(index_elements=["repository_id", "digest"], set_={"departed_at": bindparam("now")})
)
_DELETE = Statement(delete(manifests).where(manifests.c.id == bindparam("manifest")))
_FREE_BLOB = Statement(
    delete(manifest_blobs).where(
        manifest_blobs.c.repository_id == bindparam("repository"),
        manifest_blobs.c.blob_id == bindparam("blob"),
        manifest_blobs.c.manifest_id == bindparam("manifest"),
    )
)
_FREE_CHILD = Statement(
    delete(children).where(children.c.child_id == bindparam("child"), children.c.parent_id == bindparam("manifest"))
)

# The same where nothing says which: through all of the repository.
_FREE_BLOBS = Statement(
    delete(manifest_blobs).where(
        manifest_blobs.c.repository_id == bindparam("repository"), manifest_blobs.c.manifest_id == bindparam("manifest")
    )
)
_FREE_CHILDREN = Statement(
    delete(children).where(
        children.c.child_id.in_(select(manifests.c.id).where(manifests.c.repository_id == bindparam("repository"))),
        children.c.parent_id == bindparam("manifest"),
    )
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A stored manifest without its text. *image_size* is bytes, times are seconds since the epoch."""

    id: int
    digest: str
    media_type: str
    artifact_type: str | None
    subject: str | None
    image_size: int
    pushed_at: float
    pulled_at: float | None
    pulls: int
    status: str


@dataclass(frozen=True, slots=True)
class Put:
    """What a push changed: whether the manifest is new here, and which of its tags are."""

    digest: str
    new: bool
    placed: tuple[str, ...]


def put(
    tx: Transaction,
    repository: Repository,
    document: Document,
    *,
    names: Sequence[str],
    settings: Settings,
    at_rest: AtRest,
) -> Put:
    """
    Store a document and give it the tags in *names*. What it names must be in the same repository.

    *at_rest* seals it where the repository has a customer's key.

    A subject need not be there: clients push signatures before images.

    Raises: LayersMissing, ReferencedImagesNotFound, ImageTagAlreadyExists, LimitExceeded, KmsUnavailable.
    Source: OCI distribution-spec 1.1, "Pushing Manifests"; Amazon ECR API reference, PutImage.
    """
    row = tx.one(_ID, repository=repository.id, digest=document.digest)
    new = row is None
    manifest = _insert(tx, repository, document, settings=settings, at_rest=at_rest) if row is None else row["id"]
    placed = tuple(
        tag
        for tag in dict.fromkeys(names)
        if tags.place(
            tx,
            repository.id,
            tag,
            manifest=manifest,
            new=new and len(names) == 1,
            mutability=repository.mutability,
            name=repository.name,
            most=settings.tags_per_image,
        )
    )
    return Put(document.digest, new, placed)


def find(
    tx: Transaction, repository: Repository, *, digest: str | None = None, tag: str | None = None
) -> Manifest | None:
    """The manifest that a digest, a tag, or both together mean; None where there is none, or they disagree."""
    if tag is not None:
        manifest = tags.manifest_of(tx, repository.id, tag)
        row = None if manifest is None else tx.one(BY_ID, manifest=manifest)
        if row is not None and digest is not None and row["digest"] != digest:
            row = None
    else:
        row = tx.one(FIND, repository=repository.id, digest=digest)
    return None if row is None else of_row(row)


def of_row(row: Row) -> Manifest:
    """The manifest in a row of ``FIND`` or ``BY_ID``."""
    return Manifest(**{name: row[name] for name in Manifest.__slots__})


def content(tx: Transaction, manifest: Manifest) -> bytes:
    """The text of a manifest as its row has it: as it was pushed, or sealed."""
    row = tx.one(CONTENT, manifest=manifest.id)
    if row is None:
        raise LookupError(f"manifest {manifest.id} has gone while it was read")
    text: bytes = row["content"]
    return text


def remove(tx: Transaction, repository: Repository, manifest: Manifest) -> None:
    """
    Delete a manifest with all its tags. Its referrers follow when garbage is next collected.

    Raises: ImageReferenced, while an index here lists it.
    """
    parents = tx.all(_PARENTS, manifest=manifest.id)
    if parents:
        raise ImageReferenced(parents=", ".join(row["digest"] for row in parents))
    if repository.customer is None:
        _free(tx, repository, manifest)
    else:  # its key may be gone by now, so nothing is opened
        tx.run(_FREE_BLOBS, repository=repository.id, manifest=manifest.id)
        tx.run(_FREE_CHILDREN, repository=repository.id, manifest=manifest.id)
    tags.remove(tx, repository.id, tags.names_of(tx, manifest.id))
    tx.run(_DELETE, manifest=manifest.id)
    if tx.one(_REFERRER, repository=repository.id, digest=manifest.digest) is not None:
        tx.run(_DEPARTED, repository=repository.id, digest=manifest.digest, now=clock.now())


def _free(tx: Transaction, repository: Repository, manifest: Manifest) -> None:
    """Forget what a manifest needs. Its text says what: the rows of a large repository would take long to search."""
    blob_digests, child_digests = named_by(content(tx, manifest))
    for digest in blob_digests:
        blob = blobs.find(tx, repository, digest)
        if blob is not None:
            tx.run(_FREE_BLOB, repository=repository.id, blob=blob.id, manifest=manifest.id)
    for digest in child_digests:
        child = tx.one(_ID, repository=repository.id, digest=digest)
        if child is not None:
            tx.run(_FREE_CHILD, child=child["id"], manifest=manifest.id)


def _insert(tx: Transaction, repository: Repository, document: Document, *, settings: Settings, at_rest: AtRest) -> int:
    blob_ids, sizes = _blobs_of(tx, repository, document)
    child_ids, child_sizes = _children_of(tx, repository, document)
    _check_quota(tx, repository, settings.images_per_repository)
    customer, text = repository.customer, document.content
    row = tx.one(
        _INSERT,
        repository=repository.id,
        digest=document.digest,
        media_type=document.media_type,
        artifact_type=document.artifact_type,
        subject=document.subject,
        annotations=json.dumps(document.annotations) if document.subject and document.annotations else None,
        # "For a manifest list, the largest child": ECR model, ImageDetail.
        image_size=max(child_sizes, default=0) if document.is_index else sizes,
        now=clock.now(),
        sealed_of=len(text) if customer else None,
        content=at_rest.into_row(text, document.digest, sealed=customer is not None, customer=customer),
    )
    assert row is not None
    manifest: int = row["id"]
    tx.many(_NEEDS_BLOB, [{"repository": repository.id, "blob": blob, "manifest": manifest} for blob in blob_ids])
    tx.many(_NEEDS_CHILD, [{"child": child, "manifest": manifest} for child in child_ids])
    return manifest


def _blobs_of(tx: Transaction, repository: Repository, document: Document) -> tuple[set[int], int]:
    """Ids of the blobs that a manifest names, and the sum of their sizes, each counted as often as it is named."""
    found = blobs.find_all(tx, repository, [descriptor.digest for descriptor in document.blobs])
    missing, size = [], 0
    for descriptor in document.blobs:
        blob = found.get(descriptor.digest)
        if blob is not None:
            size += blob.size
        elif not descriptor.foreign:
            missing.append(descriptor.digest)
    if missing:
        raise LayersMissing(digests=", ".join(dict.fromkeys(missing)), name=repository.name, account=repository.account)
    return {blob.id for blob in found.values()}, size


def _children_of(tx: Transaction, repository: Repository, document: Document) -> tuple[set[int], list[int]]:
    rows = {child.digest: tx.one(_ID, repository=repository.id, digest=child.digest) for child in document.children}
    missing = [digest for digest, row in rows.items() if row is None]
    if missing:
        raise ReferencedImagesNotFound(digests=", ".join(missing), name=repository.name, account=repository.account)
    found = [row for row in rows.values() if row is not None]
    return {row["id"] for row in found}, [row["image_size"] for row in found]


# Counting 100,000 rows takes a millisecond, too much for every push. A repository that had room for
# n more images when it was last counted cannot be full before n more have come; with up to 64
# processes pushing, each of them counts anew after n/64 of its own.
_room: dict[int, int] = {}


def _check_quota(tx: Transaction, repository: Repository, most: int) -> None:
    """Raises: LimitExceeded, when the repository is full."""
    room = _room.get(repository.id, 0)
    if room <= 0:
        row = tx.one(_COUNT, repository=repository.id, most=most)
        left = most - (row["count"] if row else 0)
        if left <= 0:
            raise LimitExceeded(
                reason=f"The repository with name '{repository.name}' in the registry with id '{repository.account}' "
                f"already has {most} images, which is the maximum"
            )
        room = left // 64 + 1
        if len(_room) > 10_000:
            _room.clear()
    _room[repository.id] = room - 1
