"""Tags of keys: the same as those of users and roles, refused in the words of KMS."""

from collections.abc import Iterable

from entrepot.database import Transaction
from entrepot.identity import entity_tags
from entrepot.identity.entity_tags import Tag
from entrepot.identity.faults import DuplicateTagKeys, ReservedTagKey, TooManyTags
from entrepot.keys.faults import TagRefused
from entrepot.keys.keys import Key


def put(tx: Transaction, key: Key, tags: Iterable[Tag]) -> None:
    """Set *tags*; those of other keys stay. Raises: TagRefused. Source: KMS API reference, TagResource."""
    try:
        entity_tags.tag(tx, key.id, tags)
    except DuplicateTagKeys:
        raise TagRefused(reason="Duplicate tag keys") from None
    except ReservedTagKey:
        raise TagRefused(reason="Tags beginning with aws: are reserved") from None
    except TooManyTags:
        raise TagRefused(reason="Too many tags") from None
