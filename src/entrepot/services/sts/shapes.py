"""What STS's answers have in common, and what its requests for sessions do."""

from collections.abc import Mapping, Sequence
from typing import Any

from entrepot.call import Call
from entrepot.identity import policies, policy, sessions
from entrepot.identity.policy import Kind
from entrepot.identity.session_faults import SessionInvalid, SessionRefused
from entrepot.identity.sessions import Session

_MOST_ARNS = 10


def issued(call: Call, session: Session, *, least_token: int | None) -> dict[str, Any]:
    """New credentials of *session*, and how much room it takes. Raises: PackedPolicyTooLarge."""
    made = sessions.issue(call.directory.ring, session, least_token=least_token or 0)
    return {
        "Credentials": {
            "AccessKeyId": made.access_key_id,
            "SecretAccessKey": made.secret,
            "SessionToken": made.token,
            "Expiration": made.expires_at,
        },
        "PackedPolicySize": sessions.packed_percent(session),
        "SessionTokenSize": len(made.token),
        "SessionTokenUtilization": -(-100 * len(made.token) // sessions.LONGEST_TOKEN),
    }


def tags_of(listed: Sequence[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    """Session tags as they came."""
    return tuple((tag["Key"], tag["Value"]) for tag in listed)


def session_policies(
    account: str, *, text: str | None, arns: Sequence[Mapping[str, str]]
) -> tuple[str | None, tuple[str, ...]]:
    """
    The policies that limit a session of *account*, found good; whether the managed ones are there is not looked up.

    Raises: Malformed, SessionInvalid. Source: AWS STS API reference, AssumeRole.
    """
    if text is not None:
        _check_length(text)
        policy.parse(text, Kind.SESSION)
    named = tuple(each.get("arn", "") for each in arns)
    if len(named) > _MOST_ARNS:
        raise SessionInvalid(reason=f"Member must have length less than or equal to {_MOST_ARNS} at 'policyArns'")
    for arn in named:
        if arn.split(":")[4:5] not in ([account], ["aws"]):
            raise _not_there(arn)
    return text, named


def check_there(call: Call, arns: Sequence[str]) -> None:
    """
    Return if there are managed policies of these ARNs. Raises: SessionInvalid.

    Only who is trusted with the role is told, or nobody's policies would be a secret.
    """
    with call.runtime.database.reading() as tx:
        for arn in arns:
            if policies.find(tx, arn) is None:
                raise _not_there(arn)


def _check_length(text: str) -> None:
    """The model says no length, and the service has one. Source: observed; AWS STS API reference, AssumeRole."""
    most = Kind.SESSION.rules.limit
    if len(text) > most:
        raise SessionInvalid(
            reason=f"1 validation error detected: Value '{text}' at 'policy' failed to satisfy constraint: "
            f"Member must have length less than or equal to {most}"
        )


def _not_there(arn: str) -> SessionInvalid:
    return SessionInvalid(reason=f"The managed policy {arn[:2048]} does not exist, or is of another account")


def refuse_mfa(serial_number: str | None, token_code: str | None) -> None:
    """Refuse a code of a device: nobody has one here. Raises: SessionRefused."""
    if serial_number is not None or token_code is not None:
        raise SessionRefused(
            reason="MultiFactorAuthentication failed, unable to validate MFA code. Please verify your "
            "MFA serial number is valid and associated with this user."
        )
