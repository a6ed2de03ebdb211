"""What a call is about: the actions that it needs, and the resource of each. Pure."""

from collections.abc import Mapping
from typing import Any

from entrepot.identity.organization_arns import PREFIX
from entrepot.names import Registry

# Members that name a policy, a root, a unit or an account.
_IDS = (
    *("policy_id", "target_id", "account_id", "organizational_unit_id", "root_id", "resource_id"),
    *("parent_id", "source_parent_id", "destination_parent_id", "child_id"),
)


def of(operation: str, arguments: Mapping[str, Any], registry: Registry) -> list[tuple[str, str]]:
    """
    Every (action, resource) that the caller must be allowed: about each thing that it names.

    Where there is a database, ``identity.organization_arns`` makes ARNs of the ids.
    Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Organizations".
    """
    action = f"organizations:{operation}"
    named = [(action, f"{PREFIX}{arguments[name]}") for name in _IDS if name in arguments]
    return named or [(action, "*")]
