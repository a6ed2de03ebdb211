"""Many manifests at once, by the names that a request lists: one statement for all of them."""

from collections.abc import Collection
from typing import Any

import orjson
from sqlalchemy import bindparam, func, select

from entrepot.database import Statement, Transaction
from entrepot.registry.listings import IMAGE, Image
from entrepot.registry.repositories import Repository
from entrepot.registry.tables import manifests, tags

_ASKED = select(func.json_each(bindparam("asked")).table_valued("value").c.value)

_BY_DIGEST = Statement(
    select(*IMAGE).where(manifests.c.repository_id == bindparam("repository"), manifests.c.digest.in_(_ASKED))
)
_BY_TAG = Statement(
    select(*IMAGE, tags.c.name.label("asked"))
    .join_from(tags, manifests, manifests.c.id == tags.c.manifest_id)
    .where(tags.c.repository_id == bindparam("repository"), tags.c.name.in_(_ASKED))
)


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


def _json(values: Collection[Any]) -> str:
    return orjson.dumps(list(values)).decode()
