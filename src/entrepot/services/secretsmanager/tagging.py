"""Keys and values on secrets."""

from collections.abc import Mapping, Sequence

from entrepot.call import Call
from entrepot.identity import entity_tags
from entrepot.secrets import secrets
from entrepot.secrets import tags as secret_tags
from entrepot.services.secretsmanager import shapes
from entrepot.services.secretsmanager.shapes import Output


def tag_resource(call: Call, *, secret_id: str, tags: Sequence[Mapping[str, str]]) -> Output:
    """
    Put tags on a secret; those of other keys stay. Raises: SecretNotFound, SecretIsBeingDeleted, TagRefused.

    Source: Secrets Manager API reference, TagResource.
    """
    secret = secrets.lasting(shapes.secret(call, secret_id))
    secret_tags.put(call.tx, secret.arn, shapes.tags_in(tags))
    secrets.touch(call.tx, secret)
    return {}


def untag_resource(call: Call, *, secret_id: str, tag_keys: Sequence[str]) -> Output:
    """
    Take tags off a secret. Raises: SecretNotFound, SecretIsBeingDeleted.

    Source: Secrets Manager API reference, UntagResource.
    """
    secret = secrets.lasting(shapes.secret(call, secret_id))
    entity_tags.untag(call.tx, secret.arn, tag_keys)
    secrets.touch(call.tx, secret)
    return {}
