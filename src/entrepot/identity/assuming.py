"""
Taking on a role: who asks, what the role's trust policy says to it, and the session that comes of it.

Whether the trust policy and the caller's own policies allow it is asked of *door*, so that there is one place
for every decision. A role that does not exist trusts nobody, and is refused as one that does not trust the caller.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from entrepot.database import Transaction
from entrepot.errors import AccessDenied
from entrepot.identity import entities, roles, session_tags
from entrepot.identity.facts import Guard
from entrepot.identity.federation import WebIdentity
from entrepot.identity.policy import Kind, compile_policy
from entrepot.identity.policy.requests import Value
from entrepot.identity.principals import Principal, role_of, session_of
from entrepot.identity.roles import Role
from entrepot.identity.session_faults import SessionInvalid, SessionRefused
from entrepot.identity.session_tags import Tags
from entrepot.identity.sessions import Session

DEFAULT_DURATION = 3600  # seconds
_LONGEST_CHAINED = 3600  # seconds, of the session of a role that was assumed by a role's session

Context = Mapping[str, Value]
Assumed = tuple[Session, Principal]

_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:\S+")
_ROLE_ARN = re.compile(r"arn:aws:iam::(?P<account>\d{12}):role/(?:\S*/)?(?P<name>[^/\s]+)", re.ASCII)
# A role that is not there trusts nobody.
_TRUSTS_NOBODY = '{"Version":"2012-10-17","Statement":[]}'


class Door(Protocol):
    """Whoever decides. Raises: AccessDenied."""

    def __call__(self, principal: Principal, action: str, resource: str, *, guard: Guard) -> object:
        """Return if *principal* may, by its own policies and the role's trust policy, *guard*, together."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A session of a role, as somebody asks for it. *policy* and *policy_arns* were found good."""

    role_arn: str
    name: str
    seconds: int | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: Tags = ()
    transitive: tuple[str, ...] = ()
    external_id: str | None = None
    source_identity: str | None = None


def account_of(role_arn: str) -> str | None:
    """The account of a role by its ARN; None where it is another thing's. Raises: SessionInvalid, for no ARN."""
    if not _ARN.fullmatch(role_arn):
        raise SessionInvalid(reason=f"{role_arn} is invalid")
    match = _ROLE_ARN.fullmatch(role_arn)
    return match["account"] if match else None


@dataclass(frozen=True, slots=True)
class Target:
    """A role that somebody would take on. *context*: its tags, as conditions may ask about them."""

    role: Role
    context: Context


def find(tx: Transaction, arn: str) -> Target | None:
    """The role of that very ARN, path and all; None where there is none."""
    match = _ROLE_ARN.fullmatch(arn)
    role = roles.find(tx, match["account"], name=match["name"]) if match else None
    guard = entities.guard_of(tx, arn) if role is not None and role.arn == arn else None
    return None if role is None or guard is None else Target(role, guard.context)


def assume(target: Target | None, principal: Principal, wish: Wish, *, now: float, door: Door) -> Assumed:
    """
    A session of the role for *principal*, and who acts in it. *now* is in seconds since the epoch.

    Raises: SessionInvalid, SessionRefused, TagsInvalid, AccessDenied.
    Source: AWS STS API reference, AssumeRole.
    """
    if principal.kind == "root":
        raise SessionRefused(reason="Roles may not be assumed by root accounts.")
    calling = principal.session
    tags, transitive = session_tags.merged(wish.tags, wish.transitive, calling=calling)
    source = _source_identity(wish, calling)
    context = _context(wish, source=source, tags=tags, transitive=transitive)
    _check_trust(door, principal, "sts:AssumeRole", target=target, arn=wish.role_arn, context=context)
    if target is None:
        raise AccessDenied(
            principal=principal.arn,
            action="sts:AssumeRole",
            resource=wish.role_arn,
            reason="because no resource-based policy allows the sts:AssumeRole action",
        )
    depth = calling.depth if calling is not None and calling.kind == "role" else 0
    return _begin(target.role, wish, now=now, depth=depth + 1, source_identity=source, tags=tags, transitive=transitive)


def assume_as(target: Target | None, identity: WebIdentity, wish: Wish, *, now: float, door: Door) -> Assumed:
    """
    A session of the role for a web identity, and who acts in it. *now* is in seconds since the epoch.

    Raises: SessionInvalid, SessionRefused, TagsInvalid.
    Source: AWS STS API reference, AssumeRoleWithWebIdentity.
    """
    tags, transitive = session_tags.merged(identity.tags, identity.transitive, calling=None)
    source = identity.source_identity
    context = {
        **_context(wish, source=source, tags=tags, transitive=transitive),
        **identity.claims,
        "aws:federatedprovider": identity.provider,
    }
    action = "sts:AssumeRoleWithWebIdentity"
    try:
        _check_trust(door, identity.principal, action, target=target, arn=wish.role_arn, context=context)
    except AccessDenied:
        target = None
    if target is None:
        raise SessionRefused(reason=f"Not authorized to perform {action}")
    role = target.role
    session, principal = _begin(role, wish, now=now, depth=1, source_identity=source, tags=tags, transitive=transitive)
    known = replace(session, provider=identity.provider, subject=identity.subject, audience=identity.audience)
    return known, replace(principal, session=known)


def _begin(
    role: Role,
    wish: Wish,
    *,
    now: float,
    depth: int,
    source_identity: str | None,
    tags: Tags,
    transitive: tuple[str, ...],
) -> Assumed:
    """The session, and who acts in it. Raises: SessionInvalid."""
    session = Session(
        "role",
        role.id,
        role.account,
        wish.name,
        now,
        now + _duration(wish.seconds, role, chained=depth > 1),
        depth=depth,
        source_identity=source_identity,
        tags=tags,
        transitive=transitive,
        policy=wish.policy,
        policy_arns=wish.policy_arns,
    )
    return session, session_of(role_of(role.account, role_id=role.id, path=role.path, name=role.name), session)


def _check_trust(
    door: Door, principal: Principal, action: str, *, target: Target | None, arn: str, context: Context
) -> None:
    """Ask for the action, and for each thing that the session is to carry along. Raises: AccessDenied."""
    trust, known = (_TRUSTS_NOBODY, {}) if target is None else (target.role.trust, target.context)
    guard = Guard(arn.split(":")[4], compile_policy(trust, Kind.TRUST, name=arn), context={**context, **known})
    door(principal, action, arn, guard=guard)
    if "aws:tagkeys" in context:
        door(principal, "sts:TagSession", arn, guard=guard)
    if "sts:sourceidentity" in context:
        door(principal, "sts:SetSourceIdentity", arn, guard=guard)


def _context(wish: Wish, *, source: str | None, tags: Tags, transitive: tuple[str, ...]) -> Context:
    context: dict[str, Value] = {"sts:rolesessionname": wish.name}
    if wish.external_id is not None:
        context["sts:externalid"] = wish.external_id
    if source is not None:
        context["sts:sourceidentity"] = source
    return {**context, **session_tags.context_of(tags, transitive)}


def _source_identity(wish: Wish, calling: Session | None) -> str | None:
    """Who is behind it all: once it was said, it stays. Source: IAM user guide, "Source identity"."""
    said = None if calling is None else calling.source_identity
    if said is not None and wish.source_identity not in (None, said):
        raise SessionRefused(reason=f"The source identity of the calling session, {said}, cannot be changed")
    return said or wish.source_identity


def _duration(seconds: int | None, role: Role, *, chained: bool) -> int:
    """How long the session lasts, in seconds. Raises: SessionInvalid."""
    wanted = DEFAULT_DURATION if seconds is None else seconds
    if chained and wanted > _LONGEST_CHAINED:
        raise SessionInvalid(
            reason="The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    if wanted > role.max_session:
        raise SessionInvalid(reason="The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return wanted
