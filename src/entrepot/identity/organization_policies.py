"""
Control policies of the organization, and where they are attached. Every change raises the generation.

Service control policies limit what an account's principals may, resource control policies what may be done with
its resources. Source: AWS Organizations API reference; quotas of AWS Organizations.
"""

from dataclasses import asdict, dataclass, field, replace

from sqlalchemy import bindparam, delete, func, insert, select, update

from entrepot import clock, errors
from entrepot.database import Row, Statement, Transaction
from entrepot.identity import entity_tags, organization, organization_tree, policy
from entrepot.identity.entity_tags import Tag
from entrepot.identity.organization import FULL, RCP, SCP, Organization
from entrepot.identity.organization_faults import (
    Constraint,
    DuplicateAttachment,
    DuplicatePolicy,
    OrganizationInput,
    PolicyAttached,
    PolicyMalformed,
    PolicyMissing,
    PolicyNotAttached,
    RootNotFound,
    TypeEnabled,
    TypeNotAvailable,
    TypeNotEnabled,
)
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import (
    organization_accounts,
    organization_attachments,
    organization_policies,
    organization_units,
)

_KINDS = {SCP: policy.Kind.SCP, RCP: policy.Kind.RCP}
_MOST_OF_A_KIND, _MOST_ATTACHED = 10_000, 5
_LONGEST_NAME, _LONGEST_DESCRIPTION = 128, 512
_DESCRIPTIONS = {SCP: "Allows access to every operation", RCP: "Allows access to every resource"}  # of AWS's own

_THIS = organization_policies.c.id == bindparam("policy")
_FIND = Statement(select(organization_policies).where(_THIS))
_NAMESAKE = Statement(
    select(organization_policies.c.id).where(
        organization_policies.c.kind == bindparam("kind"), organization_policies.c.name == bindparam("name")
    )
)
_COUNT = Statement(select(func.count().label("number")).where(organization_policies.c.kind == bindparam("kind")))
_PUT = Statement(insert(organization_policies))
_CHANGE = Statement(
    update(organization_policies)
    .where(_THIS)
    .values(name=bindparam("new_name"), description=bindparam("new_text"), document=bindparam("new_document"))
)
_DELETE = Statement(delete(organization_policies).where(_THIS))
_PAGE = Statement(
    select(organization_policies)
    .where(organization_policies.c.kind == bindparam("kind"), organization_policies.c.id > bindparam("after"))
    .order_by(organization_policies.c.id)
    .limit(bindparam("most"))
)
_ATTACH = Statement(insert(organization_attachments))
_DETACH = Statement(
    delete(organization_attachments).where(
        organization_attachments.c.policy_id == bindparam("policy"),
        organization_attachments.c.target_id == bindparam("target"),
    )
)
_DETACH_EVERYWHERE = Statement(
    delete(organization_attachments).where(organization_attachments.c.policy_id == bindparam("policy"))
)
_OF_KIND = Statement(select(organization_policies.c.id).where(organization_policies.c.kind == bindparam("kind")))
_OF_TARGET = Statement(
    select(organization_attachments.c.policy_id)
    .where(organization_attachments.c.target_id == bindparam("target"))
    .order_by(organization_attachments.c.policy_id)
    .limit(100)
)
_TARGETS = Statement(
    select(organization_attachments.c.target_id)
    .where(
        organization_attachments.c.policy_id == bindparam("policy"),
        organization_attachments.c.target_id > bindparam("after"),
    )
    .order_by(organization_attachments.c.target_id)
    .limit(bindparam("most"))
)
_UNITS = Statement(select(organization_units.c.id))
_ACCOUNTS = Statement(select(organization_accounts.c.account))


@dataclass(frozen=True, slots=True)
class ControlPolicy:
    """A policy of the organization, or AWS's own of its kind."""

    id: str
    kind: str
    name: str
    description: str
    document: str = field(repr=False)

    @property
    def of_aws(self) -> bool:
        """Whether it is AWS's own, which nobody changes."""
        return self.id in _OF_AWS

    def arn(self, of: Organization) -> str:
        """The ARN of the policy."""
        kind = self.kind.lower()
        if self.of_aws:
            return f"arn:aws:organizations::aws:policy/{kind}/{self.id}"
        return of.arn("policy", kind, self.id)


_OF_AWS = {
    policy_id: ControlPolicy(policy_id, kind, policy_id.removeprefix("p-"), _DESCRIPTIONS[kind], document)
    for kind, (policy_id, document) in FULL.items()
}


def enable(tx: Transaction, of: Organization, root: str, *, kind: str) -> Organization:
    """
    Let policies of a kind count, and attach the one that allows everything everywhere.

    Raises: RootNotFound, TypeNotAvailable, TypeEnabled.
    """
    _check_root(of, root, kind)
    if kind in of.policy_types:
        raise TypeEnabled
    organization.put_types(tx, (*of.policy_types, kind))
    (full, _), now = FULL[kind], clock.now()
    targets = [of.root_id, *(row[0] for row in tx.all(_UNITS)), *(row[0] for row in tx.all(_ACCOUNTS))]
    tx.many(_ATTACH, [{"policy_id": full, "target_id": target, "attached_at": now} for target in targets])
    return organization.of(tx, of.management_account)


def disable(tx: Transaction, of: Organization, root: str, *, kind: str) -> Organization:
    """
    Let policies of a kind count no longer; they are detached everywhere, and stay.

    Raises: RootNotFound, TypeNotAvailable, TypeNotEnabled.
    """
    _check_root(of, root, kind)
    if kind not in of.policy_types:
        raise TypeNotEnabled
    organization.put_types(tx, tuple(each for each in of.policy_types if each != kind))
    for policy_id in (FULL[kind][0], *(row[0] for row in tx.all(_OF_KIND, kind=kind))):
        tx.run(_DETACH_EVERYWHERE, policy=policy_id)
    return organization.of(tx, of.management_account)


def create(tx: Transaction, *, kind: str, name: str, description: str, document: str, tags: list[Tag]) -> ControlPolicy:
    """
    A new policy, attached nowhere.

    Raises: TypeNotAvailable, OrganizationInput, PolicyMalformed, DuplicatePolicy, Constraint.
    """
    made = ControlPolicy(f"p-{organization.new_id(8)}", kind, name, description, document)
    _check(tx, made)
    count = tx.one(_COUNT, kind=kind)
    if count and count["number"] >= _MOST_OF_A_KIND:
        raise Constraint(reason="POLICY_NUMBER_LIMIT_EXCEEDED", why="You have exceeded the number of policies.")
    tx.run(_PUT, **asdict(made), created_at=clock.now())
    entity_tags.tag(tx, made.id, tags)
    raise_generation(tx)
    return made


def get(tx: Transaction, policy_id: str) -> ControlPolicy:
    """The policy of that id. Raises: PolicyMissing."""
    if policy_id in _OF_AWS:
        return _OF_AWS[policy_id]
    row = tx.one(_FIND, policy=policy_id)
    if row is None:
        raise PolicyMissing
    return _policy(row)


def page(tx: Transaction, kind: str, *, after: str, limit: int) -> list[ControlPolicy]:
    """At most *limit* policies of a kind behind the id *after*, by id: AWS's own too. Raises: TypeNotAvailable."""
    if kind not in _KINDS:
        raise TypeNotAvailable
    found = [_policy(row) for row in tx.all(_PAGE, kind=kind, after=after, most=limit)]
    own = [each for each in _OF_AWS.values() if each.kind == kind and each.id > after]
    return sorted((*found, *own), key=lambda each: each.id)[:limit]


def change(
    tx: Transaction,
    policy_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    document: str | None = None,
) -> ControlPolicy:
    """
    The policy with what is given in place of what was.

    Raises: PolicyMissing, Constraint (AWS's own), OrganizationInput, PolicyMalformed, DuplicatePolicy.
    """
    old = _own(tx, policy_id)
    given = {"name": name, "description": description, "document": document}
    new = replace(old, **{member: text for member, text in given.items() if text is not None})
    _check(tx, new)
    tx.run(_CHANGE, policy=old.id, new_name=new.name, new_text=new.description, new_document=new.document)
    raise_generation(tx)
    return new


def remove(tx: Transaction, policy_id: str) -> None:
    """Delete a policy that is attached nowhere. Raises: PolicyMissing, PolicyAttached, Constraint (AWS's own)."""
    _own(tx, policy_id)
    if targets_page(tx, policy_id, after="", limit=1):
        raise PolicyAttached
    tx.run(_DELETE, policy=policy_id)
    entity_tags.remove_all(tx, policy_id)
    raise_generation(tx)


def attach(tx: Transaction, of: Organization, policy_id: str, *, target: str) -> None:
    """
    Attach a policy to the root, a unit or an account.

    Raises: PolicyMissing, TargetNotFound, TypeNotEnabled, DuplicateAttachment, Constraint.
    """
    found, present = _at(tx, of, policy_id, target=target)
    if found in present:
        raise DuplicateAttachment
    if len(present) >= _MOST_ATTACHED:
        raise Constraint(
            reason="MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            why="You have attached the maximum number of policies to the specified target.",
        )
    tx.run(_ATTACH, policy_id=policy_id, target_id=target, attached_at=clock.now())
    raise_generation(tx)


def detach(tx: Transaction, of: Organization, policy_id: str, *, target: str) -> None:
    """
    Detach a policy; one of its kind has to stay.

    Raises: PolicyMissing, TargetNotFound, TypeNotEnabled, PolicyNotAttached, Constraint.
    """
    found, present = _at(tx, of, policy_id, target=target)
    if found not in present:
        raise PolicyNotAttached
    if found.kind == RCP and found.of_aws:
        raise Constraint(reason="POLICY_TYPE_NOT_ENABLED_FOR_THIS_SERVICE", why="RCPFullAWSAccess cannot be detached.")
    if len(present) == 1:
        raise Constraint(
            reason="MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            why="You cannot remove the last policy attached to the specified target. "
            "You must have at least one attached at all times.",
        )
    tx.run(_DETACH, policy=policy_id, target=target)
    raise_generation(tx)


def of_target(tx: Transaction, target: str, *, kind: str) -> list[ControlPolicy]:
    """The policies of a kind that are attached right to *target*."""
    attached = (get(tx, row["policy_id"]) for row in tx.all(_OF_TARGET, target=target))
    return [each for each in attached if each.kind == kind]


def targets_page(tx: Transaction, policy_id: str, *, after: str, limit: int) -> list[str]:
    """At most *limit* ids behind *after* of what a policy is attached to, in order. Raises: PolicyMissing."""
    get(tx, policy_id)
    return [row["target_id"] for row in tx.all(_TARGETS, policy=policy_id, after=after, most=limit)]


def _at(tx: Transaction, of: Organization, policy_id: str, *, target: str) -> tuple[ControlPolicy, list[ControlPolicy]]:
    """
    A policy, and those of its kind that *target* has.

    Raises: PolicyMissing, TargetNotFound, TypeNotEnabled.
    """
    found = get(tx, policy_id)
    organization_tree.describe(tx, of, target)
    if found.kind not in of.policy_types:
        raise TypeNotEnabled
    return found, of_target(tx, target, kind=found.kind)


def _check_root(of: Organization, root: str, kind: str) -> None:
    if root != of.root_id:
        raise RootNotFound
    if kind not in _KINDS:
        raise TypeNotAvailable


def _check(tx: Transaction, new: ControlPolicy) -> None:
    """Raises: TypeNotAvailable, OrganizationInput, PolicyMalformed, DuplicatePolicy."""
    if new.kind not in _KINDS:
        raise TypeNotAvailable
    if not 1 <= len(new.name) <= _LONGEST_NAME or len(new.description) > _LONGEST_DESCRIPTION:
        raise OrganizationInput(
            reason="MAX_LENGTH_EXCEEDED", why="You provided a name or description that is too long."
        )
    try:
        policy.parse(new.document, _KINDS[new.kind])
    except errors.Fault as fault:
        raise PolicyMalformed(why=str(fault)) from None
    namesake = tx.one(_NAMESAKE, kind=new.kind, name=new.name)
    if (namesake and namesake["id"] != new.id) or f"p-{new.name}" in _OF_AWS:
        raise DuplicatePolicy


def _own(tx: Transaction, policy_id: str) -> ControlPolicy:
    found = get(tx, policy_id)
    if found.of_aws:
        raise Constraint(reason="IMMUTABLE_POLICY", why="This policy is AWS managed and cannot be changed.")
    return found


def _policy(row: Row) -> ControlPolicy:
    return ControlPolicy(row["id"], row["kind"], row["name"], row["description"], row["document"])
