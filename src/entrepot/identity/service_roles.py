"""Service-linked roles of ECR: made for one of its parts, trusted to it alone, changed by nobody."""

from dataclasses import dataclass

from entrepot.database import Transaction
from entrepot.identity import attachments, managed, roles
from entrepot.identity.faults import EntityNotFound, InputInvalid
from entrepot.identity.roles import Role


@dataclass(frozen=True, slots=True)
class _Kind:
    role: str
    policy: str


# Source: Amazon ECR user guide, "Using service-linked roles for Amazon ECR".
_KINDS = {
    "ecr.amazonaws.com": _Kind("AWSServiceRoleForECRTemplate", "ECRTemplateServiceRolePolicy"),
    "pullthroughcache.ecr.amazonaws.com": _Kind(
        "AWSServiceRoleForECRPullThroughCache", "AWSECRPullThroughCache_ServiceRolePolicy"
    ),
    "replication.ecr.amazonaws.com": _Kind("AWSServiceRoleForECRReplication", "ECRReplicationServiceRolePolicy"),
}


def create(
    tx: Transaction, account: str, service: str, *, description: str | None = None, suffix: str | None = None
) -> Role:
    """
    The role of *service* (``ecr.amazonaws.com``). Raises: InputInvalid.

    Source: IAM API reference, CreateServiceLinkedRole.
    """
    kind = _KINDS.get(service)
    if kind is None:
        raise InputInvalid(reason=f"{service} is no service here that has service-linked roles")
    if suffix is not None:
        raise InputInvalid(reason=f"Custom suffix is not allowed for {service}")
    if roles.find(tx, account, name=kind.role):
        raise InputInvalid(
            reason=f"Service role name {kind.role} has been taken in this account, please try a different suffix."
        )
    made = roles.create_service_linked(tx, account, service=service, name=kind.role, description=description or "")
    arn = f"arn:aws:iam::aws:policy{managed.SERVICE_PATH}{kind.policy}"
    attachments.attach_any(tx, made.id, arn, kind="Role")
    return made


def remove(tx: Transaction, account: str, *, name: str) -> Role:
    """Delete a service-linked role; what it was. Raises: EntityNotFound."""
    role = roles.get(tx, account, name=name)
    if not role.is_service_linked:
        raise EntityNotFound(what="service-linked role", name=name)
    roles.remove_service_linked(tx, role)
    return role
