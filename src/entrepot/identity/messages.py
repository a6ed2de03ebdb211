"""
Messages about refusals that only the refused one's own account can read: they may name what it should not see.

Source: AWS STS API reference, DecodeAuthorizationMessage.
"""

from entrepot.identity.faults import TokenInvalid
from entrepot.identity.session_faults import MessageInvalid
from entrepot.identity.tokens import Ring

LABEL = "authorization-message"


def seal_message(ring: Ring, text: str, *, account: str) -> str:
    """*text* for DecodeAuthorizationMessage by principals of *account*, today and on the two days to come."""
    return ring.seal(LABEL, text.encode(), context=account.encode())


def open_message(ring: Ring, sealed: str, *, account: str) -> str:
    """The text again. Raises: MessageInvalid."""
    try:
        return ring.open(LABEL, sealed, context=account.encode()).decode()
    except TokenInvalid:
        raise MessageInvalid from None
