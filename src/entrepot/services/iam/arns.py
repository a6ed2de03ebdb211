"""What a call is about: the actions that it needs, and the resource of each. Pure."""

from collections.abc import Mapping
from typing import Any

from entrepot.names import Registry


def of(operation: str, params: Mapping[str, Any], registry: Registry) -> list[tuple[str, str]]:
    """Every (action, resource) that the caller must be allowed. *registry* is the caller's own."""
    return [(f"iam:{operation}", "*")]
