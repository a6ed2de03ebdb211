"""
May this principal do this? The one place that answers, for every face and every action.

For now a principal may do everything in its own account and nothing elsewhere. It is a function of
plain values: whoever changes the rule changes nothing else.
"""

from entrepot.errors import AccessDenied
from entrepot.identity.principals import Principal


def authorize(principal: Principal, action: str, resource: str) -> None:
    """
    Return if *principal* may perform *action* (``ecr:PutImage``) on *resource* (an ARN, or ``*``).

    Raises: AccessDenied, in the words of ecr-api C.4.
    """
    if resource != "*" and _account_of(resource) != principal.account:
        raise AccessDenied(
            principal=principal.arn,
            action=action,
            resource=resource,
            reason=f"because no resource-based policy allows the {action} action",
        )


def _account_of(arn: str) -> str | None:
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[0] == "arn" else None
