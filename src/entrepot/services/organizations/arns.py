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

_TAGS = frozenset({"CreateAccount", "CreateOrganizationalUnit", "CreatePolicy"})


def of(operation: str, arguments: Mapping[str, Any], registry: Registry) -> list[tuple[str, str]]:
    """
    Every (action, resource) that the caller must be allowed: about each thing that it names.

    What is made with tags needs the right to tag, too. Where there is a database, ``identity.organization_arns`` makes
    ARNs of the ids.
    Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Organizations".
    """
    action = f"organizations:{operation}"
    named = [(action, f"{PREFIX}{arguments[name]}") for name in _IDS if name in arguments]
    tagging = [("organizations:TagResource", "*")] if arguments.get("tags") and operation in _TAGS else []
    return (named or [(action, "*")]) + tagging
