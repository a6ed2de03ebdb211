"""Many manifests at once, by the names that a request lists: one statement for all of them."""

from collections.abc import Collection
from typing import Any

import orjson
from sqlalchemy import Integer, bindparam, func, select

from entrepot.database import Statement, Transaction
from entrepot.errors import LimitExceeded
from entrepot.registry.listings import IMAGE, Image
from entrepot.registry.repositories import Repository
from entrepot.registry.tables import manifests, tags

# A worker holds an answer about three times: as rows, as text, as JSON.
_MOST_TEXT = 16 << 20

_ASKED = select(func.json_each(bindparam("asked")).table_valued("value").c.value)

_BY_DIGEST = Statement(
    select(*IMAGE).where(manifests.c.repository_id == bindparam("repository"), manifests.c.digest.in_(_ASKED))
)
_BY_TAG = Statement(
    select(*IMAGE, tags.c.name.label("asked"))
    .join_from(tags, manifests, manifests.c.id == tags.c.manifest_id)
    .where(tags.c.repository_id == bindparam("repository"), tags.c.name.in_(_ASKED))
)
_LENGTH = Statement(
    select(func.sum(func.length(manifests.c.content, type_=Integer)).label("total")).where(manifests.c.id.in_(_ASKED))
)
_TEXTS = Statement(select(manifests.c.id, manifests.c.content).where(manifests.c.id.in_(_ASKED)))


def images_by_digest(tx: Transaction, repository: Repository, digests: Collection[str]) -> dict[str, Image]:
    """Those of *digests* that are images here."""
    if not digests:
        return {}
    return {
        row["digest"]: Image._make(row) for row in tx.all(_BY_DIGEST, repository=repository.id, asked=_json(digests))
    }


def images_by_tag(tx: Transaction, repository: Repository, names: Collection[str]) -> dict[str, Image]:
    """Those of *names* that are tags here, each with its image."""
    if not names:
        return {}
    return {
        row["asked"]: Image._make(row[: len(IMAGE)])
        for row in tx.all(_BY_TAG, repository=repository.id, asked=_json(names))
    }


def texts(tx: Transaction, manifest_ids: Collection[int]) -> dict[int, str]:
    """
    The manifests of *manifest_ids*, as they were pushed.

    Raises: LimitExceeded, when they are too much for one answer.
    """
    asked = _json(manifest_ids)
    row = tx.one(_LENGTH, asked=asked)
    if row is not None and (row["total"] or 0) > _MOST_TEXT:
        raise LimitExceeded(reason=f"One answer has at most {_MOST_TEXT} bytes of manifests; these are {row['total']}")
    return {row["id"]: row["content"].decode() for row in tx.all(_TEXTS, asked=asked)}


def _json(values: Collection[Any]) -> str:
    return orjson.dumps(list(values)).decode()
