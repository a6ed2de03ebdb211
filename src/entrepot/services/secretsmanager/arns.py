"""What a call is about: the actions that it needs, and the secret. Pure."""

from collections.abc import Mapping
from typing import Any

from entrepot.names import Registry
from entrepot.secrets import names


def of(operation: str, arguments: Mapping[str, Any], registry: Registry) -> list[tuple[str, str]]:
    """
    Every (action, resource) that the caller must be allowed. *registry* is the caller's own.

    Raises: NameInvalid.
    Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Secrets Manager"; Secrets
    Manager API reference, CreateSecret, for its tags.
    """
    action = f"secretsmanager:{operation}"
    if operation != "CreateSecret":
        return [(action, names.reference(arguments["secret_id"], registry))]
    names.check(arguments["name"])
    resource = names.reference(arguments["name"], registry)
    return [(action, resource), *([("secretsmanager:TagResource", resource)] if arguments.get("tags") else [])]
