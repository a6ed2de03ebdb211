"""Blobs as images name them: which of them a repository has, and of what media type they are there."""

from collections.abc import Collection
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, cast, func, select

from entrepot import clock
from entrepot.database import Database, Integer, Statement, Transaction
from entrepot.registry import blobs as blobs_
from entrepot.registry.blobs import Blob
from entrepot.registry.repositories import Repository
from entrepot.registry.tables import blobs, links, manifest_blobs, manifests

# Who has asked for a layer within this many seconds need not be remembered again; nor within half of gc's grace.
_FRESH = 3600.0
# Media types are a courtesy: not more is read for them than a usual image has.
_MOST_MANIFESTS = 20
_LARGEST_MANIFEST = 256 << 10

_ASKED = select(func.json_each(bindparam("asked")).table_valued("value").c.value)

_TOUCHED_AT = (
    select(links.c.touched_at)
    .where(links.c.repository_id == bindparam("repository"), links.c.blob_id == blobs.c.id)
    .scalar_subquery()
    .label("touched_at")
)
# Blobs first and their links one by one: as a join, every link of the repository would be read.
_LAYERS = Statement(
    select(blobs.c.id, blobs.c.digest, blobs.c.size, blobs.c.key, blobs.c.sealing, _TOUCHED_AT).where(
        blobs.c.domain == bindparam("domain"), blobs.c.digest.in_(_ASKED)
    )
)
_ASKED_IDS = select(cast(func.json_each(bindparam("asked")).table_valued("value").c.value, Integer))
_NAMED_BY = (
    select(func.min(manifest_blobs.c.manifest_id))
    .where(manifest_blobs.c.repository_id == bindparam("repository"), manifest_blobs.c.blob_id.in_(_ASKED_IDS))
    .group_by(manifest_blobs.c.blob_id)
)
_TEXTS = Statement(
    select(manifests.c.content)
    .where(
        manifests.c.id.in_(_NAMED_BY),
        manifests.c.sealed_of.is_(None),  # what a customer's key seals is opened for pulls alone
        func.length(manifests.c.content, type_=Integer) <= _LARGEST_MANIFEST,
    )
    .limit(_MOST_MANIFESTS)
)


class Layer(NamedTuple):
    """A blob that a repository has. *media_type* is what an image there says, None where none says anything."""

    blob: Blob
    media_type: str | None


def available(
    database: Database, repository: Repository, digests: Collection[str], *, grace: float
) -> dict[str, Layer]:
    """
    Those of *digests* that the repository has, and has for a while: a client that hears so will not push them.

    It writes only for layers that nobody has asked for in the last hour. *grace* is that of the garbage
    collection, in seconds.
    """
    with database.reading() as tx:
        found = _linked(tx, repository, digests)
        types = media_types(tx, repository, found.values())
    since = clock.now() - min(_FRESH, grace / 2)
    stale = [digest for digest, blob in found.items() if blob.touched_at < since]
    if stale:
        kept = database.write(lambda tx: _touched(tx, repository, stale))
        found = {digest: blob for digest, blob in found.items() if digest in kept or digest not in stale}
    return {digest: Layer(blob, types.get(digest)) for digest, blob in found.items()}


def media_types(tx: Transaction, repository: Repository, among: Collection[Blob]) -> dict[str, str]:
    """What images of the repository say that these blobs are, by digest, as far as that is quickly found."""
    types: dict[str, str] = {}
    asked = _json([blob.id for blob in among])
    for row in tx.all(_TEXTS, repository=repository.id, asked=asked):
        document = orjson.loads(row["content"])
        for descriptor in (document.get("config") or {}, *(document.get("layers") or ())):
            if "digest" in descriptor:
                types.setdefault(descriptor["digest"], descriptor["mediaType"])
    return types


def _linked(tx: Transaction, repository: Repository, digests: Collection[str]) -> dict[str, Blob]:
    domain = blobs_.domain_of(repository)
    rows = tx.all(_LAYERS, repository=repository.id, domain=domain, asked=_json(digests))
    return {row["digest"]: blobs_.of_row(row) for row in rows if row["touched_at"] is not None}


def _touched(tx: Transaction, repository: Repository, digests: Collection[str]) -> set[str]:
    """Those of *digests* that are still here: some may have been collected since they were read."""
    here = _linked(tx, repository, digests)
    for blob in here.values():
        blobs_.touch(tx, repository.id, blob.id)
    return set(here)


def _json(values: Collection[Any]) -> str:
    return orjson.dumps(list(values)).decode()
