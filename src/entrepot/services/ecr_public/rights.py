"""What a call needs, and what policies may ask about it. Pure."""

from collections.abc import Mapping
from typing import Any

from entrepot.database import Database
from entrepot.identity.facts import Lazy
from entrepot.identity.logins import LIFETIME
from entrepot.identity.policy.requests import Value
from entrepot.names import Registry


def of(operation: str, arguments: Mapping[str, Any], registry: Registry) -> list[tuple[str, str]]:
    """
    Pairs of action and resource, as ``Service`` asks for them. A password is a bearer token of STS's for this service.

    Source: Amazon ECR Public user guide, "Registry authentication".
    """
    return [(f"ecr-public:{operation}", "*"), ("sts:GetServiceBearerToken", "*")]


def conditions_of(
    operation: str, arguments: Mapping[str, Any], registry: Registry, database: Database
) -> Mapping[str, Value | Lazy]:
    """The keys of GetServiceBearerToken. Source: Service Authorization Reference, "AWS Security Token Service"."""
    return {"sts:awsservicename": "ecr-public.amazonaws.com", "sts:durationseconds": str(LIFETIME)}
