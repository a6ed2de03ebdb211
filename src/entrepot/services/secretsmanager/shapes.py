"""Shapes of answers, and what several operations do alike."""

from collections.abc import Iterable, Mapping
from typing import Any

from entrepot.call import Call
from entrepot.identity.entity_tags import Tag
from entrepot.secrets import names, secrets
from entrepot.secrets.faults import TagRefused, TokenMissing
from entrepot.secrets.secrets import Secret

Output = dict[str, Any]


def secret(call: Call, secret_id: str) -> Secret:
    """The secret that a call names, about to be deleted or not. Raises: SecretNotFound."""
    return secrets.get(call.tx, names.reference(secret_id, call.registry), call.registry)


def brief(shown: Secret, **more: Any) -> Output:
    """What every answer begins with."""
    return {"ARN": shown.arn, "Name": shown.name, **more}


def token_in(token: str | None) -> str:
    """The token of a request that may make a version. Raises: TokenMissing."""
    if token is None:
        raise TokenMissing
    return token


def tags_in(tags: Iterable[Mapping[str, str]]) -> list[Tag]:
    """Tags of a request: the model requires nothing of them. Raises: TagRefused."""
    if any("Key" not in tag for tag in tags):
        raise TagRefused(reason="A tag needs a key.")
    return [Tag(tag["Key"], tag.get("Value", "")) for tag in tags]
