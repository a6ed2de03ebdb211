"""
Messages about refusals that only the refused one's own account can read: they may name what it should not see.

Source: AWS STS API reference, DecodeAuthorizationMessage.
"""

import json

from entrepot.identity.faults import TokenInvalid
from entrepot.identity.policy import Decision
from entrepot.identity.principals import Principal
from entrepot.identity.session_faults import MessageInvalid
from entrepot.identity.tokens import Ring

LABEL = "authorization-message"


def text_of(principal: Principal, resource: str, decision: Decision) -> str:
    """
    What a message says of a refusal: JSON, as ``aws sts decode-authorization-message`` shows it.

    It names the resource as policies know it, and the statement that denied, which the refusal itself does not.
    """
    denied = decision.outcome == "ExplicitlyDenied"
    statement = {"policy": decision.policy, "statement": decision.statement, "kind": decision.layer}
    said = {
        "allowed": False,
        "explicitDeny": denied,
        "matchedStatements": {"items": [statement] if denied else []},
        "missing": None if denied else decision.layer,
        "context": {
            "principal": {"id": principal.id, "arn": principal.arn},
            "action": decision.action,
            "resource": resource,
        },
    }
    return json.dumps(said, separators=(",", ":"))


def seal_message(ring: Ring, text: str, *, account: str) -> str:
    """*text* for DecodeAuthorizationMessage by principals of *account*, today and on the two days to come."""
    return ring.seal(LABEL, text.encode(), context=account.encode())


def open_message(ring: Ring, sealed: str, *, account: str) -> str:
    """The text again. Raises: MessageInvalid."""
    try:
        return ring.open(LABEL, sealed, context=account.encode()).decode()
    except TokenInvalid:
        raise MessageInvalid from None
