"""
Managed policies and their versions, and which documents decide about a principal.

A policy is the account's own, with its versions in rows, or AWS's own (``managed``), which nobody changes. Every
change raises the generation.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, literal, null, select, union_all, update

from entrepot import clock
from entrepot.database import Statement, Transaction
from entrepot.identity import entity_tags, managed, policy
from entrepot.identity.faults import (
    ArnInvalid,
    BoundaryNotFound,
    ForeignPolicy,
    InputInvalid,
    InUse,
    PolicyExists,
    PolicyNotFound,
    PolicyVersionNotFound,
    QuotaExceeded,
    TooManyVersions,
)
from entrepot.identity.inventory import Inventory
from entrepot.identity.policy import Kind
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import (
    attachments,
    inline_policies,
    memberships,
    policies,
    policy_versions,
    roles,
    users,
)

# Source: IAM and STS quotas.
QUOTA, VERSIONS = 1500, 5
_ARN = re.compile(r"arn:aws:iam::(aws|\d{12}):policy((?:/[A-Za-z0-9.,+@=_-]+)*/)([\w+=,.@-]+)", re.ASCII)
# A boundary that cannot be read must not be no boundary at all.
_NOTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'

_POLICIES = Inventory(policies)
_FIND = Statement(select(policies).where(policies.c.arn == bindparam("arn")))
_ALL = Statement(
    select(policies).where(policies.c.account == bindparam("account")).order_by(policies.c.name).limit(QUOTA)
)
_THIS = policies.c.id == bindparam("policy")
_GROW = Statement(
    update(policies).where(_THIS).values(latest_version=bindparam("latest"), updated_at=bindparam("moment"))
)
_SET_DEFAULT = Statement(update(policies).where(_THIS).values(default_version=bindparam("chosen")))

_OF = policy_versions.c.policy_id == bindparam("policy")
_VERSIONS = Statement(select(policy_versions).where(_OF).order_by(policy_versions.c.number.desc()).limit(VERSIONS))
_PUT_VERSION = Statement(insert(policy_versions))
_DELETE_VERSION = Statement(delete(policy_versions).where(_OF, policy_versions.c.number == bindparam("version")))
_DELETE_VERSIONS = Statement(delete(policy_versions).where(_OF))

_ATTACHED = Statement(select(attachments.c.owner_id).where(attachments.c.policy_arn == bindparam("arn")).limit(1))
_BOUNDING = Statement(
    union_all(
        select(users.c.id).where(users.c.boundary == bindparam("arn")),
        select(roles.c.id).where(roles.c.boundary == bindparam("arn")),
    ).limit(1)
)

# Whose documents speak for a principal: its own, and those of its groups.
_OWNERS = union_all(
    select(bindparam("principal").label("id")),
    select(memberships.c.group_id).where(memberships.c.user_id == bindparam("principal")),
)
_DEFAULT = (policy_versions.c.policy_id == policies.c.id) & (policy_versions.c.number == policies.c.default_version)
_GRANTS = Statement(
    union_all(
        select(
            inline_policies.c.owner_id, inline_policies.c.name, literal("").label("arn"), inline_policies.c.document
        ).where(inline_policies.c.owner_id.in_(_OWNERS)),
        select(
            attachments.c.owner_id, policies.c.name, attachments.c.policy_arn.label("arn"), policy_versions.c.document
        )
        .select_from(
            attachments.outerjoin(policies, policies.c.arn == attachments.c.policy_arn).outerjoin(
                policy_versions, _DEFAULT
            )
        )
        .where(attachments.c.owner_id.in_(_OWNERS)),
    )
)
_BOUNDED = union_all(
    *(select(table.c.boundary.label("arn")).where(table.c.id == bindparam("principal")) for table in (users, roles))
).subquery()
_BOUNDARY = Statement(
    select(_BOUNDED.c.arn, policy_versions.c.document)
    .select_from(_BOUNDED.outerjoin(policies, policies.c.arn == _BOUNDED.c.arn).outerjoin(policy_versions, _DEFAULT))
    .where(_BOUNDED.c.arn.is_not(null()))
)


@dataclass(frozen=True, slots=True)
class Policy:
    """A managed policy. *account* is ``aws`` for AWS's own. Times are in seconds since the epoch."""

    id: str
    account: str
    name: str
    path: str
    arn: str
    description: str
    created_at: float
    updated_at: float
    default_version: int
    latest_version: int


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a policy's document."""

    number: int
    document: str
    created_at: float
    is_default: bool


class Grant(NamedTuple):
    """A document that speaks for a principal. *arn* is empty for one that is inline; *owner_id* may be a group's."""

    owner_id: str
    name: str
    arn: str
    text: str


class Documents(NamedTuple):
    """What decides about a principal: all that may grant, and the boundary, None where there is none."""

    identity: tuple[Grant, ...]
    boundary: Grant | None


def documents_of(tx: Transaction, principal_id: str) -> Documents:
    """
    Every document that speaks for a user (with its groups), a role or a group, of that unique id.

    Two statements. Somebody unknown has no documents.
    """
    rows = tx.all(_GRANTS, principal=principal_id)
    found = (_grant(row["owner_id"], row["name"], arn=row["arn"], document=row["document"]) for row in rows)
    bounds = tx.one(_BOUNDARY, principal=principal_id)
    boundary = None
    if bounds is not None:
        boundary = _grant(principal_id, "", arn=bounds["arn"], document=bounds["document"])
        boundary = boundary or Grant(principal_id, "", bounds["arn"], _NOTHING)
    return Documents(tuple(grant for grant in found if grant is not None), boundary)


def _grant(owner_id: str, name: str | None, *, arn: str, document: str | None) -> Grant | None:
    own = managed.find(arn) if document is None else None
    if own is not None:
        return Grant(owner_id, own.name, arn, own.document)
    return None if document is None else Grant(owner_id, name or arn.rpartition("/")[2], arn, document)


def create(
    tx: Transaction, account: str, *, name: str, document: str, path: str = "/", description: str = ""
) -> Policy:
    """
    A new policy with one version. Raises: Malformed, TooLarge, PolicyExists, QuotaExceeded.

    Source: IAM API reference, CreatePolicy; names that differ only in case are one name, whatever their paths.
    """
    policy.parse(document, Kind.IDENTITY)
    if _POLICIES.namesake(tx, account, name):
        raise PolicyExists(name=name)
    if _POLICIES.count(tx, account) >= QUOTA:
        raise QuotaExceeded(quota="PoliciesPerAccount", limit=QUOTA)
    now = clock.now()
    arn = f"arn:aws:iam::{account}:policy{path}{name}"
    made = Policy(clock.new_id("ANPA", 17), account, name, path, arn, description, now, now, 1, 1)
    _POLICIES.put(tx, **{field: getattr(made, field) for field in Policy.__slots__})
    tx.run(_PUT_VERSION, policy_id=made.id, number=1, document=document, created_at=now)
    raise_generation(tx)
    return made


def find(tx: Transaction, arn: str) -> Policy | None:
    """The policy of that ARN, of whatever account or of AWS; None where there is none. Raises: ArnInvalid."""
    if not _ARN.fullmatch(arn) and not arn.startswith("arn:"):
        raise ArnInvalid
    own = managed.find(arn)
    if own is not None:
        return _of_aws(own)
    row = tx.one(_FIND, arn=arn)
    return None if row is None else Policy(**row)


def get(tx: Transaction, account: str, *, arn: str) -> Policy:
    """The policy of that ARN, of *account* or of AWS. Raises: ArnInvalid, PolicyNotFound."""
    found = find(tx, arn)
    if found is None or found.account not in (account, "aws"):
        raise PolicyNotFound(arn=arn)
    return found


def get_named(tx: Transaction, account: str, *, name: str) -> Policy:
    """The policy of *account* of that name, on whatever path. Raises: PolicyNotFound."""
    row = _POLICIES.find(tx, account, name)
    if row is None:
        raise PolicyNotFound(arn=name)
    return Policy(**row)


def modifiable(tx: Transaction, account: str, *, arn: str) -> Policy:
    """The policy of that ARN, which is about to be changed. Raises: ArnInvalid, PolicyNotFound, ForeignPolicy."""
    match = _ARN.fullmatch(arn)
    if match is not None and match[1] != account:
        raise ForeignPolicy
    return get(tx, account, arn=arn)


def check_boundary(tx: Transaction, account: str, arn: str) -> None:
    """Whether a policy may be a boundary in *account*. Raises: InputInvalid, BoundaryNotFound."""
    if not _ARN.fullmatch(arn):
        raise InputInvalid(reason=f"Value ({arn}) for parameter PermissionsBoundary is invalid.")
    found = find(tx, arn)
    if found is None or found.account not in (account, "aws") or found.path.startswith(managed.SERVICE_PATH):
        raise BoundaryNotFound(arn=arn)


def every(tx: Transaction, account: str) -> list[Policy]:
    """All policies of an account, by name."""
    return [Policy(**row) for row in tx.all(_ALL, account=account)]


def every_of_aws() -> list[Policy]:
    """All policies of AWS that there are here, by name."""
    return [_of_aws(own) for own in managed.every()]


def versions(tx: Transaction, of: Policy) -> list[Version]:
    """The versions of a policy, the newest first; of AWS's own only the one in force."""
    own = managed.find(of.arn)
    if own is not None:
        return [Version(own.version, own.document, own.updated_at, is_default=True)]
    return [
        Version(row["number"], row["document"], row["created_at"], row["number"] == of.default_version)
        for row in tx.all(_VERSIONS, policy=of.id)
    ]


def version(tx: Transaction, of: Policy, name: str) -> Version:
    """The version of that name (``v3``). Raises: PolicyVersionNotFound."""
    for each in versions(tx, of):
        if f"v{each.number}" == name:
            return each
    raise PolicyVersionNotFound(arn=of.arn, version=name)


def add_version(tx: Transaction, of: Policy, document: str, *, is_default: bool) -> Version:
    """A new version; its number was never used before. Raises: Malformed, TooLarge, TooManyVersions."""
    policy.parse(document, Kind.IDENTITY)
    if len(versions(tx, of)) >= VERSIONS:
        raise TooManyVersions(limit=VERSIONS)
    made = Version(of.latest_version + 1, document, clock.now(), is_default)
    tx.run(_PUT_VERSION, policy_id=of.id, number=made.number, document=document, created_at=made.created_at)
    tx.run(_GROW, policy=of.id, latest=made.number, moment=made.created_at)
    if is_default:
        tx.run(_SET_DEFAULT, policy=of.id, chosen=made.number)
    raise_generation(tx)
    return made


def set_default(tx: Transaction, of: Policy, name: str) -> None:
    """Put the version of that name in force, for everybody at once. Raises: PolicyVersionNotFound."""
    tx.run(_SET_DEFAULT, policy=of.id, chosen=version(tx, of, name).number)
    raise_generation(tx)


def remove_version(tx: Transaction, of: Policy, name: str) -> None:
    """Delete a version that is not in force. Raises: PolicyVersionNotFound, InUse."""
    found = version(tx, of, name)
    if found.is_default:
        raise InUse(reason="Cannot delete the default version of a policy.")
    tx.run(_DELETE_VERSION, policy=of.id, version=found.number)
    raise_generation(tx)


def remove(tx: Transaction, of: Policy) -> None:
    """
    Delete a policy that nobody has and that has one version. Raises: InUse.

    Source: IAM API reference, DeletePolicy.
    """
    if tx.one(_ATTACHED, arn=of.arn) or tx.one(_BOUNDING, arn=of.arn):
        raise InUse(reason="Cannot delete a policy attached to entities.")
    if len(versions(tx, of)) > 1:
        raise InUse(
            reason="This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy."
        )
    entity_tags.remove_all(tx, of.id)
    tx.run(_DELETE_VERSIONS, policy=of.id)
    _POLICIES.delete(tx, of.id)
    raise_generation(tx)


def _of_aws(own: managed.Managed) -> Policy:
    return Policy(
        own.id,
        "aws",
        own.name,
        own.path,
        own.arn,
        own.description,
        own.created_at,
        own.updated_at,
        own.version,
        own.version,
    )
