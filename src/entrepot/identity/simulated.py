"""The settings of simulations: whose policies, which others, and what is known of the request."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from entrepot.database import Transaction
from entrepot.identity import entity_tags, groups, organization, policy, roles, users
from entrepot.identity.facts import by_tag
from entrepot.identity.faults import EntityNotFound, InputInvalid
from entrepot.identity.policies import Grant, documents_of
from entrepot.identity.policy import Caller, Kind, Malformed
from entrepot.identity.policy.requests import Value
from entrepot.identity.simulation import Setting, Source, kind_of
from entrepot.patterns import matcher, tokens

_ENTITY = re.compile(r"arn:aws:iam::(\d{12}):(user|group|role)/(?:[\x21-\x7e]+/)?([\w+=,.@-]+)", re.ASCII)
_OWNER = re.compile(r"(?:arn:aws:iam::)?(\d{12})(?::root)?", re.ASCII)
_ACTION = re.compile(r"[\w-]+:\w+", re.ASCII)
_RESOURCE = re.compile(r"\*|arn:[\w-]+:[\w-]+:[^:]*:[^:]*:.+", re.ASCII | re.DOTALL)
_TYPES = {"user": "User", "role": "AssumedRole"}


class _Entity(NamedTuple):
    kind: str  # user, group or role
    id: str
    account: str
    name: str
    arn: str


def check(actions: Iterable[str], resources: Iterable[str]) -> None:
    """Whether these can be simulated. Raises: InputInvalid."""
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise InputInvalid(reason=f"{action} is not the name of an action, like iam:CreateUser")
    for resource in resources:
        if not _RESOURCE.fullmatch(resource):
            raise InputInvalid(reason=f"{resource} is not an ARN, and not *")


def custom(
    account: str,
    *,
    policies: Sequence[str],
    boundaries: Sequence[str],
    levels: Sequence[Sequence[str]],
    resource_policy: str | None,
    owner: str | None,
    caller_arn: str | None,
    context: Iterable[Mapping[str, Any]],
) -> Setting:
    """
    A setting of policies that are given; *levels* of an organization are its service control policies.

    Raises: InputInvalid.
    """
    if resource_policy is not None and caller_arn is None:
        raise InputInvalid(reason="CallerArn is required with ResourcePolicy")
    caller = _caller(caller_arn or f"arn:aws:iam::{account}:user/simulated")
    return Setting(
        caller=caller,
        owner=_owner(owner) or caller.account,
        identity=_given(policies),
        boundary=_boundary(boundaries),
        resource=_resource(resource_policy),
        scps=[judged(level, Kind.SCP) for level in levels] or None,
        context=_context(context),
    )


def of_principal(
    tx: Transaction,
    account: str,
    arn: str,
    *,
    policies: Sequence[str],
    boundaries: Sequence[str],
    exclusions: Sequence[Mapping[str, Any]],
    resource_policy: str | None,
    owner: str | None,
    caller_arn: str | None,
    context: Iterable[Mapping[str, Any]],
) -> Setting:
    """
    A setting of the policies of a user, a group or a role of *account*, and of others that are given.

    Raises: EntityNotFound, InputInvalid.
    """
    entity = _entity(tx, account, arn)
    documents = documents_of(tx, entity.id)
    boundary = None if _leaves_out(exclusions, "permission-boundary") else documents.boundary
    caller = _caller(caller_arn, entity) if caller_arn else _caller(entity.arn, entity)
    limits = organization.limits_of(tx, account)
    is_limited = limits.organization is not None and not limits.management and not _leaves_out(exclusions, "scp")
    kept = [grant for grant in documents.identity if not _is_excluded(tx, grant, exclusions)]
    return Setting(
        caller=caller,
        owner=_owner(owner) or caller.account,
        identity=[*(Source(_name_of(tx, grant), grant.text) for grant in kept), *_given(policies)],
        boundary=_boundary(boundaries) or (Source(boundary.arn, boundary.text) if boundary else None),
        resource=_resource(resource_policy),
        scps=limits.scps if is_limited else None,
        context={**_known(tx, entity), **_context(context)},
    )


def texts_of(tx: Transaction, account: str, arn: str) -> list[str]:
    """The documents that speak for a user, a group or a role of *account*. Raises: EntityNotFound, InputInvalid."""
    return [grant.text for grant in documents_of(tx, _entity(tx, account, arn).id).identity]


def judged(texts: Iterable[str], kind: Kind = Kind.IDENTITY) -> list[str]:
    """*texts* again, known to be policies of that kind. Raises: InputInvalid."""
    found = list(texts)
    for text in found:
        try:
            policy.parse(text, kind, limit=len(text))
        except Malformed as fault:
            raise InputInvalid(reason=str(fault)) from None
    return found


def _entity(tx: Transaction, account: str, arn: str) -> _Entity:
    match = _ENTITY.fullmatch(arn)
    if match is None:
        raise InputInvalid(reason=f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    owner, kind, name = match.groups()
    found: users.User | groups.Group | roles.Role | None = None
    if owner == account:
        find = {"user": users.find, "group": groups.find, "role": roles.find}[kind]
        found = find(tx, account, name=name)
    if found is None or found.arn != arn:
        raise EntityNotFound(what=kind, name=name)
    return _Entity(kind, found.id, account, name, arn)


def _caller(arn: str, entity: _Entity | None = None) -> Caller:
    """The simulated caller, which need not exist. A group stands for any of its users. Raises: InputInvalid."""
    match = _ENTITY.fullmatch(arn)
    if match is None:
        raise InputInvalid(reason=f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    unique_id = entity.id if entity is not None and entity.arn == arn else ""
    return Caller(arn, match[1], "role" if match[2] == "role" else "user", id=unique_id)


def _given(texts: Sequence[str]) -> list[Source]:
    return [Source(f"PolicyInputList.{number}", text) for number, text in enumerate(judged(texts), 1)]


def _boundary(texts: Sequence[str]) -> Source | None:
    if len(texts) > 1:
        raise InputInvalid(reason="Only one permissions boundary can be given")
    return Source("PermissionsBoundaryPolicyInputList.1", judged(texts)[0]) if texts else None


def _resource(text: str | None) -> Source | None:
    if text is None:
        return None
    try:
        kind = kind_of(text)
    except Malformed as fault:
        raise InputInvalid(reason=str(fault)) from None
    return Source("ResourcePolicy", judged([text], kind)[0])


def _owner(text: str | None) -> str | None:
    """The account that owns what does not say whose it is. Raises: InputInvalid."""
    if text is None:
        return None
    match = _OWNER.fullmatch(text)
    if match is None:
        raise InputInvalid(reason=f"{text} is not an account, nor the ARN of one")
    return match[1]


def _context(entries: Iterable[Mapping[str, Any]]) -> dict[str, Value]:
    """Raises: InputInvalid."""
    found: dict[str, Value] = {}
    for entry in entries:
        name, values = entry.get("ContextKeyName"), entry.get("ContextKeyValues", [])
        is_list = str(entry.get("ContextKeyType", "string")).endswith("List")
        if name is None:
            raise InputInvalid(reason="A context entry has no ContextKeyName")
        if not is_list and len(values) != 1:
            raise InputInvalid(reason=f"The context key {name} is not of a list type, so it has exactly one value")
        found[name.lower()] = values if is_list else values[0]
    return found


def _known(tx: Transaction, entity: _Entity) -> dict[str, Value]:
    """What conditions may ask of a principal itself. Source: ecr-api C.1."""
    if entity.kind == "group":
        return {"aws:principalaccount": entity.account}
    known: dict[str, Value] = {
        "aws:principalarn": entity.arn,
        "aws:principalaccount": entity.account,
        "aws:principaltype": _TYPES[entity.kind],
    }
    if entity.kind == "user":
        known |= {"aws:username": entity.name, "aws:userid": entity.id}
    return known | by_tag("aws:principaltag", entity_tags.tags_of(tx, entity.id))


def _name_of(tx: Transaction, grant: Grant) -> str:
    """What answers call a policy: a managed one by its name, an inline one also by whose it is."""
    if grant.arn:
        return grant.name
    kind, owner = _owner_of(tx, grant.owner_id)
    return f"{kind}_{owner}_{grant.name}"


def _owner_of(tx: Transaction, owner_id: str) -> tuple[str, str]:
    if owner_id.startswith("AIDA"):
        user = users.find_by_id(tx, owner_id)
        return "user", user.name if user else owner_id
    if owner_id.startswith("AROA"):
        role = roles.find_by_id(tx, owner_id)
        return "role", role.name if role else owner_id
    group = groups.find_by_id(tx, owner_id)
    return "group", group.name if group else owner_id


def _leaves_out(exclusions: Iterable[Mapping[str, Any]], kind: str) -> bool:
    return any(each.get("PolicyType") == kind for each in exclusions)


def _is_excluded(tx: Transaction, grant: Grant, exclusions: Iterable[Mapping[str, Any]]) -> bool:
    kind = "inline" if not grant.arn else "aws-managed" if grant.arn.startswith("arn:aws:iam::aws:") else "user-managed"
    for each in exclusions:
        if each.get("PolicyType") == kind:
            return True
        if grant.arn and "PolicyArn" in each and matcher(tokens(each["PolicyArn"]))(grant.arn):
            return True
        inline = each.get("InlinePolicyIdentifier")
        if inline and not grant.arn and inline.get("PolicyName") == grant.name:
            owner_kind, owner = _owner_of(tx, grant.owner_id)
            wanted = inline.get("AttachmentType", owner_kind), inline.get("AttachmentName", owner)
            if wanted == (owner_kind, owner):
                return True
    return False
