"""
Tags of users, roles, policies, providers and instance profiles: keys and values, in the order in which they came.

Keys that differ only in case are one key, because conditions of policies do not tell them apart.
"""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select

from entrepot.database import Statement, Transaction
from entrepot.identity.faults import DuplicateTagKeys, ReservedTagKey, TooManyTags
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import entity_tags

# Source: IAM and STS quotas, "Tags".
MOST = 50

_OF = entity_tags.c.owner_id == bindparam("owner")
_LIST = Statement(select(entity_tags.c.key, entity_tags.c.value).where(_OF).order_by(entity_tags.c.position))
_PLACES = Statement(select(entity_tags.c.lower_key, entity_tags.c.position).where(_OF))
_PUT = Statement(
    insert(entity_tags).values(
        owner_id=bindparam("owner"),
        lower_key=bindparam("lower"),
        key=bindparam("tag_key"),
        value=bindparam("tag_value"),
        position=bindparam("place"),
    )
)
_DELETE = Statement(delete(entity_tags).where(_OF, entity_tags.c.lower_key == bindparam("lower")))
_DELETE_ALL = Statement(delete(entity_tags).where(_OF))


class Tag(NamedTuple):
    """One key and its value."""

    key: str
    value: str


def tags_of(tx: Transaction, owner_id: str) -> list[Tag]:
    """The tags of an entity, in the order in which they came."""
    return [Tag(row["key"], row["value"]) for row in tx.all(_LIST, owner=owner_id)]


def tag(tx: Transaction, owner_id: str, tags: Iterable[Tag]) -> None:
    """
    Set *tags*; those of other keys stay. A key that is there, also in other letters, keeps its place.

    Raises: DuplicateTagKeys, ReservedTagKey, TooManyTags.
    Source: IAM API reference, TagUser; IAM user guide, "Rules for tagging in IAM and AWS STS".
    """
    new = list(tags)
    lower = [key.lower() for key, _ in new]
    if len(set(lower)) < len(new):
        raise DuplicateTagKeys
    if reserved := [key for key, _ in new if key.lower().startswith("aws:")]:
        raise ReservedTagKey(key=reserved[0])
    if not new:
        return
    places = {row["lower_key"]: row["position"] for row in tx.all(_PLACES, owner=owner_id)}
    if len(places.keys() | set(lower)) > MOST:
        raise TooManyTags(limit=MOST)
    behind = itertools.count(1 + max(places.values(), default=0))
    tx.many(_DELETE, [{"owner": owner_id, "lower": key} for key in lower])
    tx.many(
        _PUT,
        [
            {
                "owner": owner_id,
                "lower": folded,
                "tag_key": each.key,
                "tag_value": each.value,
                "place": places[folded] if folded in places else next(behind),
            }
            for folded, each in zip(lower, new, strict=True)
        ],
    )
    raise_generation(tx)


def untag(tx: Transaction, owner_id: str, keys: Iterable[str]) -> None:
    """Remove the tags of *keys*; a key that is not there is nothing to remove."""
    tx.many(_DELETE, [{"owner": owner_id, "lower": key.lower()} for key in keys])
    raise_generation(tx)


def remove_all(tx: Transaction, owner_id: str) -> None:
    """Remove every tag of an entity that is being deleted."""
    tx.run(_DELETE_ALL, owner=owner_id)
