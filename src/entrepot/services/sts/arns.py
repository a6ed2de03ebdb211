"""Which right on which resource a call needs, before its handler is asked."""

from collections.abc import Mapping
from typing import Any

from entrepot.names import Registry

# GetCallerIdentity and GetSessionToken need no right at all; who may take on a role is decided with its trust policy.
_NOTHING = frozenset({"GetCallerIdentity", "GetSessionToken", "AssumeRole", "AssumeRoleWithWebIdentity"})


def of(operation: str, arguments: Mapping[str, Any], registry: Registry) -> list[tuple[str, str]]:
    """
    Pairs of action and resource, as ``Service`` asks for them.

    Source: Service Authorization Reference, "AWS Security Token Service".
    """
    if operation in _NOTHING:
        return []
    if operation == "GetFederationToken":
        return [("sts:GetFederationToken", f"arn:aws:sts::{registry.account}:federated-user/{arguments['name']}")]
    return [(f"sts:{operation}", "*")]
