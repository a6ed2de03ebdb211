"""May a principal take on a role? Its own policies and the role's trust policy together, asked of the engine."""

from entrepot.database import Transaction
from entrepot.errors import AccessDenied
from entrepot.identity import policies
from entrepot.identity.assuming import Context
from entrepot.identity.policy import Caller, Kind, Policy, Request, Sides, compile_policy, decide
from entrepot.identity.principals import Principal
from entrepot.identity.sessions import Session

_ACCOUNT = 4  # the part of an ARN


def authorize(
    tx: Transaction, principal: Principal, action: str, *, resource: str, trust: str, context: Context
) -> None:
    """Return if *principal* may perform *action* on the role *resource*, which trusts *trust*. Raises: AccessDenied."""
    account = resource.split(":", 5)[_ACCOUNT]
    decision = decide(
        Request(action, resource, account, _caller(principal), context), _sides(tx, principal, trust=trust)
    )
    if not decision.allowed:
        raise AccessDenied(principal=principal.arn, action=action, resource=resource, reason=decision.reason)


def _caller(principal: Principal) -> Caller:
    kind, base = principal.kind, principal.base
    if kind == "anonymous":
        raise ValueError("the anonymous take on no roles")
    return Caller(
        principal.arn,
        principal.account,
        kind,
        "" if kind in ("root", "web identity") else principal.id,
        source_arn=base.arn if base else "",
        source_id=base.id if base else "",
    )


def _sides(tx: Transaction, principal: Principal, *, trust: str) -> Sides:
    documents = policies.documents_of(tx, principal.source.id)
    session = principal.session
    boundary = documents.boundary
    return Sides(
        identity=[compile_policy(each.text, Kind.IDENTITY, name=each.arn or each.name) for each in documents.identity],
        boundary=None if boundary is None else compile_policy(boundary.text, Kind.SESSION, name=boundary.arn),
        session=None if session is None or not session.has_policies else _session_policies(tx, session),
        resource=compile_policy(trust, Kind.TRUST),
    )


def _session_policies(tx: Transaction, session: Session) -> list[Policy]:
    """What the session's own policies say today; one that is gone says nothing."""
    found = [] if session.policy is None else [compile_policy(session.policy, Kind.SESSION)]
    for arn in session.policy_arns:
        named = policies.find(tx, arn)
        if named is not None:
            text = policies.version(tx, named, f"v{named.default_version}").document
            found.append(compile_policy(text, Kind.IDENTITY, name=arn))
    return found
