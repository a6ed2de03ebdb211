"""Keys and values on keys."""

from collections.abc import Mapping, Sequence

from entrepot.call import Call
from entrepot.identity import entity_tags
from entrepot.keys import keys
from entrepot.keys import tags as key_tags
from entrepot.services.kms import shapes
from entrepot.services.kms.shapes import Output


def tag_resource(call: Call, *, key_id: str, tags: Sequence[Mapping[str, str]]) -> Output:
    """
    Put tags on a key; those of other keys stay. Raises: KeyNotFound, KeyPendingDeletion, TagRefused.

    Source: KMS API reference, TagResource.
    """
    key_tags.put(call.tx, keys.lasting(shapes.key(call, key_id)), shapes.tags_in(tags))
    return {}


def untag_resource(call: Call, *, key_id: str, tag_keys: Sequence[str]) -> Output:
    """
    Take tags off a key. Raises: KeyNotFound, KeyPendingDeletion.

    Source: KMS API reference, UntagResource.
    """
    entity_tags.untag(call.tx, keys.lasting(shapes.key(call, key_id)).id, tag_keys)
    return {}


def list_resource_tags(call: Call, *, key_id: str, limit: int | None = None, marker: str | None = None) -> Output:
    """
    The tags of a key: there are 50 at most, and so one page of them.

    Raises: KeyNotFound. Source: KMS API reference, ListResourceTags.
    """
    found = entity_tags.tags_of(call.tx, shapes.key(call, key_id).id)
    return {"Tags": [{"TagKey": tag.key, "TagValue": tag.value} for tag in found], "Truncated": False}
