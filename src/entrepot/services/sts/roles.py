"""Sessions of roles: for those whom the role trusts, and for those whom a provider vouches for."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from entrepot import clock
from entrepot.call import Call, moves_bytes
from entrepot.identity import assuming, federation
from entrepot.identity.assuming import Wish
from entrepot.identity.principals import Principal
from entrepot.identity.providers import Provider
from entrepot.identity.session_faults import SessionInvalid
from entrepot.identity.sessions import Session
from entrepot.services.sts import shapes


@moves_bytes  # it writes nothing, so the writer need not be kept
def assume_role(
    call: Call,
    *,
    role_arn: str,
    role_session_name: str,
    policy_arns: Sequence[Mapping[str, str]] = (),
    policy: str | None = None,
    duration_seconds: int | None = None,
    tags: Sequence[Mapping[str, str]] = (),
    transitive_tag_keys: Sequence[str] = (),
    external_id: str | None = None,
    serial_number: str | None = None,
    token_code: str | None = None,
    source_identity: str | None = None,
    provided_contexts: Sequence[Mapping[str, str]] = (),
    minimum_session_token_size: int | None = None,
) -> dict[str, Any]:
    """
    Credentials of a role for a while, for whoever its trust policy names.

    Raises: SessionInvalid, SessionRefused, TagsInvalid, Malformed, PackedPolicyTooLarge, AccessDenied.
    Source: AWS STS API reference, AssumeRole.
    """
    shapes.refuse_mfa(serial_number, token_code)
    if provided_contexts:
        raise SessionInvalid(reason="ProvidedContexts are not supported: there is no provider of contexts here")
    account = assuming.account_of(role_arn)
    text, arns = shapes.session_policies(account or call.registry.account, text=policy, arns=policy_arns)
    wish = Wish(
        role_arn,
        role_session_name,
        seconds=duration_seconds,
        policy=text,
        policy_arns=arns,
        tags=shapes.tags_of(tags),
        transitive=tuple(transitive_tag_keys),
        external_id=external_id,
        source_identity=source_identity,
    )
    with call.runtime.database.reading() as tx:
        target = assuming.find(tx, role_arn)
    session, principal = assuming.assume(target, call.principal, wish, now=clock.now(), door=_door(call))
    shapes.check_there(call, arns)
    return _answer(call, session, principal, least_token=minimum_session_token_size)


@moves_bytes  # it writes nothing, and checking a signature takes a while
def assume_role_with_web_identity(
    call: Call,
    *,
    role_arn: str,
    role_session_name: str,
    web_identity_token: str,
    provider_id: str | None = None,
    policy_arns: Sequence[Mapping[str, str]] = (),
    policy: str | None = None,
    duration_seconds: int | None = None,
    minimum_session_token_size: int | None = None,
) -> dict[str, Any]:
    """
    Credentials of a role for a while, for the bearer of a token of a provider that the role trusts. Unsigned.

    Raises: IdentityTokenInvalid, IdentityTokenExpired, SessionInvalid, SessionRefused, TagsInvalid, Malformed,
    PackedPolicyTooLarge. Source: AWS STS API reference, AssumeRoleWithWebIdentity.
    """
    account = assuming.account_of(role_arn)
    if provider_id is not None or account is None:
        reason = "ProviderId is for OAuth 2.0 access tokens, which are not accepted" if account else "{} is invalid"
        raise SessionInvalid(reason=reason.format(role_arn))
    now, database = clock.now(), call.runtime.database

    def find(issuer: str) -> Provider | None:
        with database.reading() as tx:
            return federation.find_provider(tx, account, issuer)

    # Keys may have to be fetched: until then no transaction is open.
    identity = federation.identify(find, token=web_identity_token, key_sets=call.runtime.key_sets, now=now)
    text, arns = shapes.session_policies(account, text=policy, arns=policy_arns)
    wish = Wish(role_arn, role_session_name, seconds=duration_seconds, policy=text, policy_arns=arns)
    with database.reading() as tx:
        target = assuming.find(tx, role_arn)
    session, principal = assuming.assume_as(target, identity, wish, now=now, door=_door(call))
    shapes.check_there(call, arns)
    return {
        **_answer(call, session, principal, least_token=minimum_session_token_size),
        "SubjectFromWebIdentityToken": identity.subject,
        "Provider": identity.provider,
        "Audience": identity.audience,
    }


def _door(call: Call) -> assuming.Door:
    return partial(call.directory.authorize, facts=call.facts)


def _answer(call: Call, session: Session, principal: Principal, *, least_token: int | None) -> dict[str, Any]:
    return {
        **shapes.issued(call, session, least_token=least_token),
        "AssumedRoleUser": {"AssumedRoleId": principal.id, "Arn": principal.arn},
        "SourceIdentity": session.source_identity,
    }
