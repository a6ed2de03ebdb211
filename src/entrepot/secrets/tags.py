"""Tags of secrets: the same as those of users and roles, refused in the words of Secrets Manager."""

from collections.abc import Iterable

from entrepot.database import Transaction
from entrepot.identity import entity_tags
from entrepot.identity.entity_tags import Tag
from entrepot.identity.faults import DuplicateTagKeys, ReservedTagKey, TooManyTags
from entrepot.secrets.faults import TagRefused


def put(tx: Transaction, arn: str, tags: Iterable[Tag]) -> None:
    """Set *tags*; those of other keys stay. Raises: TagRefused. Source: Secrets Manager API reference, TagResource."""
    try:
        entity_tags.tag(tx, arn, tags)
    except DuplicateTagKeys:
        raise TagRefused(reason="Duplicate tag keys found. Please note that tag keys are case insensitive.") from None
    except ReservedTagKey:
        raise TagRefused(reason="Tag keys beginning with aws: are reserved for system use.") from None
    except TooManyTags:
        raise TagRefused(reason=f"A secret can have {entity_tags.MOST} tags at most.") from None
