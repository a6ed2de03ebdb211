"""Keys and values on a repository, for those who sort, bill and grant by them. Not the tags of images."""

import re
from collections.abc import Iterable, Mapping

from sqlalchemy import bindparam, delete, insert, select

from entrepot.database import Statement, Transaction
from entrepot.registry.faults import InvalidTagParameter, TooManyTags
from entrepot.registry.tables import resource_tags

MOST = 50
_TEXT = re.compile(r"[\w +\-=.:/@]*")

_OF = resource_tags.c.repository_id == bindparam("this")
_LIST = Statement(
    select(resource_tags.c.key, resource_tags.c.value).where(_OF).order_by(resource_tags.c.key).limit(MOST)
)
_DELETE = Statement(delete(resource_tags).where(_OF, resource_tags.c.key == bindparam("tag_key")))
_DELETE_ALL = Statement(delete(resource_tags).where(_OF))
_INSERT = Statement(
    insert(resource_tags).values(
        repository_id=bindparam("this"), key=bindparam("tag_key"), value=bindparam("tag_value")
    )
)


def of(tx: Transaction, repository_id: int) -> dict[str, str]:
    """A repository's resource tags, by key."""
    return {row["key"]: row["value"] for row in tx.all(_LIST, this=repository_id)}


def put(tx: Transaction, repository_id: int, tags: Mapping[str, str]) -> None:
    """
    Set *tags* and leave those of other keys as they are.

    Two keys that differ only in case are refused: conditions of policies do not tell them apart, so the value of
    one could pass for that of the other. Raises: InvalidTagParameter, TooManyTags.
    Source: AWS Tagging guide, "Tag naming limits and requirements"; security-design 1.2.
    """
    for key, value in tags.items():
        _check(key, value)
    if not tags:
        return
    together = {**of(tx, repository_id), **tags}
    if len({key.lower() for key in together}) < len(together):
        raise InvalidTagParameter(reason="Tag keys that differ only in case are not allowed")
    if len(together) > MOST:
        raise TooManyTags(limit=MOST)
    remove(tx, repository_id, tags)
    tx.many(_INSERT, [{"this": repository_id, "tag_key": k, "tag_value": v} for k, v in tags.items()])


def remove(tx: Transaction, repository_id: int, keys: Iterable[str]) -> None:
    """Remove the tags of *keys*; a key that is not there is nothing to remove."""
    tx.many(_DELETE, [{"this": repository_id, "tag_key": key} for key in keys])


def remove_all(tx: Transaction, repository_id: int) -> None:
    """Remove every tag of a repository."""
    tx.run(_DELETE_ALL, this=repository_id)


def _check(key: str, value: str) -> None:
    if not 1 <= len(key) <= 128:
        raise InvalidTagParameter(reason="Tag key must have a length between 1 and 128")
    if len(value) > 256:
        raise InvalidTagParameter(reason="Tag value must have a length less than or equal to 256")
    if key.lower().startswith("aws:"):
        raise InvalidTagParameter(reason="Tag keys starting with 'aws:' are reserved")
    if not (_TEXT.fullmatch(key) and _TEXT.fullmatch(value)):
        raise InvalidTagParameter(reason="Tags can have letters, digits, spaces and + - = . _ : / @")
