"""Temporary credentials that users ask for on their own behalf, or hand to people of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from entrepot import clock
from entrepot.aws.faults import NotForSessions
from entrepot.call import Call, moves_bytes
from entrepot.identity import session_tags
from entrepot.identity.principals import Principal
from entrepot.identity.sessions import Session
from entrepot.services.sts import shapes

_TWELVE_HOURS, _HOUR = 43_200, 3_600  # what AWS gives a user, and the root user, who do not ask for another time


def get_session_token(
    call: Call,
    *,
    duration_seconds: int | None = None,
    serial_number: str | None = None,
    token_code: str | None = None,
    minimum_session_token_size: int | None = None,
) -> dict[str, Any]:
    """
    Credentials of the caller's own for a while. They open neither IAM nor, but for two calls, STS.

    Raises: NotForSessions, SessionRefused. Source: AWS STS API reference, GetSessionToken.
    """
    shapes.refuse_mfa(serial_number, token_code)
    session = _session(call, "user", "", duration_seconds)
    answer = shapes.issued(call, session, least_token=minimum_session_token_size)
    del answer["PackedPolicySize"]
    return answer


@moves_bytes  # rights are asked for outside a transaction
def get_federation_token(
    call: Call,
    *,
    name: str,
    policy: str | None = None,
    policy_arns: Sequence[Mapping[str, str]] = (),
    duration_seconds: int | None = None,
    tags: Sequence[Mapping[str, str]] = (),
    minimum_session_token_size: int | None = None,
) -> dict[str, Any]:
    """
    Credentials for somebody whom the caller knows: they may what both the caller and these policies allow.

    Raises: NotForSessions, Malformed, SessionInvalid, TagsInvalid, PackedPolicyTooLarge.
    Source: AWS STS API reference, GetFederationToken.
    """
    text, arns = shapes.session_policies(call.registry.account, text=policy, arns=policy_arns)
    shapes.check_there(call, arns)
    given, _ = session_tags.merged(shapes.tags_of(tags), (), calling=None)
    if given:
        who = f"arn:aws:sts::{call.registry.account}:federated-user/{name}"
        facts = replace(call.facts, more={**call.facts.more, **session_tags.context_of(given, ())})
        call.directory.authorize(call.principal, "sts:TagSession", who, facts=facts)
    session = _session(call, "federated", name, duration_seconds, policy=text, policy_arns=arns, tags=given)
    answer = shapes.issued(call, session, least_token=minimum_session_token_size)
    account = call.registry.account
    return {
        **answer,
        "PackedPolicySize": answer["PackedPolicySize"] or 0,
        "FederatedUser": {
            "FederatedUserId": f"{account}:{name}",
            "Arn": f"arn:aws:sts::{account}:federated-user/{name}",
        },
    }


def _session(call: Call, kind: Any, name: str, seconds: int | None, **members: Any) -> Session:
    principal, now = call.principal, clock.now()
    if principal.session is not None:
        raise NotForSessions(operation=call.action.partition(":")[2])
    return Session(kind, principal.id, principal.account, name, now, now + _duration(principal, seconds), **members)


def _duration(principal: Principal, seconds: int | None) -> int:
    """How long a session lasts, in seconds; the root user's an hour at most, whatever is asked for."""
    if principal.kind == "root":
        return min(seconds or _HOUR, _HOUR)
    return seconds or _TWELVE_HOURS
