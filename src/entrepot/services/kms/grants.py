"""Grants on keys: made, listed, retired by who may, revoked."""

from collections.abc import Mapping, Sequence
from typing import Any

from entrepot.call import Call
from entrepot.errors import AccessDenied, Validation
from entrepot.keys import grants, keys, names, policies
from entrepot.keys.grants import Terms
from entrepot.keys.keys import Key
from entrepot.services.kms import paging, shapes, tokens
from entrepot.services.kms.shapes import Output


def create_grant(
    call: Call,
    *,
    key_id: str,
    operations: Sequence[str],
    grantee_principal: str | None = None,
    retiring_principal: str | None = None,
    constraints: Mapping[str, Any] | None = None,
    grant_tokens: Sequence[str] = (),
    name: str | None = None,
    dry_run: bool = False,
    grantee_service_principal: str | None = None,
    retiring_service_principal: str | None = None,
) -> Output:
    """
    Grant somebody operations with a key. Who may do so by a grant only hands on what that grant gives.

    Raises: KeyNotFound, KeyDisabled, KeyPendingDeletion, PrincipalInvalid, AccessDenied, Validation, QuotaExceeded.
    Source: KMS API reference, CreateGrant.
    """
    grantee = grantee_principal or grantee_service_principal
    if grantee is None:
        raise Validation(reason="GranteePrincipal is required.")
    if wrong := sorted(set(operations) - grants.OPERATIONS):
        raise Validation(reason=f"The operations {', '.join(wrong)} are not valid for a key of ENCRYPT_DECRYPT.")
    key = keys.usable(shapes.key(call, key_id))
    terms = Terms(
        grantee, operations, retiring_principal or retiring_service_principal, constraints or {}, name=name or ""
    )
    _check_may_hand_on(call, key, terms)
    shapes.end_dry_run(dry_run)
    issuer = f"arn:aws:iam::{call.registry.account}:root"
    grant_id = grants.create(call.tx, key, terms, issuer=issuer)
    return {"GrantId": grant_id, "GrantToken": tokens.token_of(key.arn, grant_id)}


def list_grants(
    call: Call,
    *,
    key_id: str,
    limit: int | None = None,
    marker: str | None = None,
    grant_id: str | None = None,
    grantee_principal: str | None = None,
    grantee_service_principal: str | None = None,
) -> Output:
    """
    The grants on a key: all, one, or those to somebody.

    Raises: KeyNotFound, GrantNotFound, MarkerInvalid. Source: KMS API reference, ListGrants.
    """
    key, grantee = shapes.key(call, key_id), grantee_principal or grantee_service_principal
    if grant_id is not None:
        return {"Grants": [shapes.grant(call.tx, grants.get(call.tx, key, grant_id), key.arn)], "Truncated": False}
    shown, more = paging.page(
        call,
        key.id,
        grantee,
        marker=marker,
        limit=limit,
        read=lambda after, most: grants.page(call.tx, key, grantee=grantee, after=after, limit=most),
        key=lambda grant: grant.id,
    )
    return {"Grants": [shapes.grant(call.tx, grant, key.arn) for grant in shown], **more}


def list_retirable_grants(
    call: Call,
    *,
    limit: int | None = None,
    marker: str | None = None,
    retiring_principal: str | None = None,
    retiring_service_principal: str | None = None,
) -> Output:
    """
    The grants on keys of the account that somebody may retire.

    Raises: Validation, MarkerInvalid. Source: KMS API reference, ListRetirableGrants.
    """
    retiree = retiring_principal or retiring_service_principal
    if retiree is None:
        raise Validation(reason="RetiringPrincipal is required.")
    shown, more = paging.page(
        call,
        retiree,
        marker=marker,
        limit=limit,
        read=lambda after, most: grants.retirable(call.tx, call.registry, retiree, after=after, limit=most),
        key=lambda grant: grant.id,
    )
    arns = {grant.key_id: names.key_arn(call.registry, grant.key_id) for grant in shown}
    return {"Grants": [shapes.grant(call.tx, grant, arns[grant.key_id]) for grant in shown], **more}


def retire_grant(
    call: Call,
    *,
    grant_token: str | None = None,
    key_id: str | None = None,
    grant_id: str | None = None,
    dry_run: bool = False,
) -> Output:
    """
    Give up a grant, as its grantee or as who may retire it.

    Raises: KeyNotFound, GrantNotFound, GrantTokenInvalid, Validation. Source: KMS API reference, RetireGrant.
    """
    members = {"grant_token": grant_token, "key_id": key_id, "grant_id": grant_id}
    reference, this = tokens.of_retirement(members, call.registry)
    found = grants.get(call.tx, keys.get(call.tx, reference), this)
    shapes.end_dry_run(dry_run)
    grants.remove(call.tx, found)
    return {}


def revoke_grant(call: Call, *, key_id: str, grant_id: str, dry_run: bool = False) -> Output:
    """
    Take back a grant, as who manages the key. Raises: KeyNotFound, GrantNotFound.

    Source: KMS API reference, RevokeGrant.
    """
    found = grants.get(call.tx, shapes.key(call, key_id), grant_id)
    shapes.end_dry_run(dry_run)
    grants.remove(call.tx, found)
    return {}


def _check_may_hand_on(call: Call, key: Key, terms: Terms) -> None:
    """
    Return if the caller may make the grant by a policy, or hands on no more than it has. Raises: AccessDenied.

    The call was allowed, so it is a grant that allowed it where no policy does.
    """
    guard = policies.guard_with(call.tx, key, None)
    decision = call.directory.decide(call.principal, call.action, key.arn, facts=call.facts, guard=guard)
    if not decision.allowed and not grants.may_hand_on(call.tx, key.id, call.principal, terms):
        raise AccessDenied(principal=call.principal.arn, action=call.action, resource=key.arn, reason=decision.reason)
