"""What policies may ask about a call beside who asks: the condition keys that its arguments fill."""

from collections.abc import Mapping
from typing import Any

from entrepot.database import Database
from entrepot.identity import entities
from entrepot.identity.facts import Lazy, request_tags
from entrepot.identity.policy.requests import Value
from entrepot.names import Registry
from entrepot.services.iam import shapes

Conditions = Mapping[str, Value | Lazy]

# They say themselves which boundary they are about; the others of their kind are about the one that is there.
_GIVE_BOUNDARY = frozenset({"CreateUser", "CreateRole", "PutUserPermissionsBoundary", "PutRolePermissionsBoundary"})
_UNDER_BOUNDARY = frozenset(
    f"{verb}{kind}{what}"
    for kind in ("User", "Role")
    for verb, what in (
        ("Attach", "Policy"),
        ("Detach", "Policy"),
        ("Put", "Policy"),
        ("Delete", "Policy"),
        ("Delete", "PermissionsBoundary"),
    )
)
_ATTACHING = frozenset(f"{verb}{kind}Policy" for verb in ("Attach", "Detach") for kind in ("User", "Group", "Role"))
_SERVICE = "ec2.amazonaws.com"


def of(operation: str, arguments: Mapping[str, Any], registry: Registry, database: Database) -> Conditions:
    """
    The keys of one call, in lower case. *registry* is the caller's own.

    Source: Service Authorization Reference, "Condition keys for AWS IAM".
    """
    keys: dict[str, Value | Lazy] = {**request_tags(shapes.tags_in(arguments.get("tags", ())))}
    if arguments.get("tag_keys"):
        keys["aws:tagkeys"] = list(arguments["tag_keys"])
    if operation in _ATTACHING:
        keys["iam:policyarn"] = arguments["policy_arn"]
    if operation in _GIVE_BOUNDARY and arguments.get("permissions_boundary"):
        keys["iam:permissionsboundary"] = arguments["permissions_boundary"]
    if operation in _UNDER_BOUNDARY:
        kind = "user" if "user_name" in arguments else "role"
        name = arguments[f"{kind}_name"]
        keys["iam:permissionsboundary"] = lambda: entities.boundary_of(
            database.look, kind, account=registry.account, name=name
        )
    if operation == "CreateServiceLinkedRole":
        keys["iam:awsservicename"] = arguments["aws_service_name"]
    if operation == "AddRoleToInstanceProfile":
        keys["iam:passedtoservice"] = _SERVICE
    return keys
