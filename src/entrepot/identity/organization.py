"""
The organization: accounts in a tree of units under one root, and what the policies along it leave to an account.

    o-… ─ root r-… ─┬─ unit ou-… ─┬─ unit
                    │             └─ account
                    └─ account (the one that manages it is never limited)

A deployment has one at most. Its units and accounts are with ``organization_tree``, its policies with
``organization_policies``. Source: AWS Organizations user guide.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, literal, select, union_all, update

from entrepot import clock
from entrepot.database import Row, Statement, Text, Transaction
from entrepot.identity.organization_faults import (
    AlreadyInOrganization,
    Constraint,
    ManagementStays,
    NotInOrganization,
    NotManagement,
    OrganizationNotEmpty,
)
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import (
    organization_accounts,
    organization_attachments,
    organization_policies,
    organization_units,
    organizations,
)

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
_FULL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",%s"Action":"*","Resource":"*"}]}'
# AWS's own policies, one of each kind, which allow everything: by kind, the id and the document.
FULL = {SCP: ("p-FullAWSAccess", _FULL % ""), RCP: ("p-RCPFullAWSAccess", _FULL % '"Principal":"*",')}

_FIND = Statement(select(organizations).limit(1))
_PUT = Statement(insert(organizations))
_DELETE = Statement(delete(organizations))
_MEMBER = Statement(select(organization_accounts).where(organization_accounts.c.account == bindparam("account")))
_JOIN = Statement(insert(organization_accounts))
_LEAVE = Statement(delete(organization_accounts).where(organization_accounts.c.account == bindparam("account")))
_ANYTHING = Statement(
    union_all(
        select(organization_units.c.id),
        select(organization_policies.c.id),
        select(organization_accounts.c.account).where(organization_accounts.c.account != bindparam("management")),
    ).limit(1)
)
_ATTACH = Statement(insert(organization_attachments))
_DETACH_ALL = Statement(
    delete(organization_attachments).where(organization_attachments.c.target_id == bindparam("target"))
)
_TYPES = Statement(update(organizations).values(policy_types=bindparam("new_types")))

_parents = union_all(
    select(organization_accounts.c.account.label("child"), organization_accounts.c.parent_id),
    select(organization_units.c.id, organization_units.c.parent_id),
).subquery()
_account = bindparam("account", type_=Text)
_chain = select(_account.label("target"), literal(0).label("height")).cte("chain", recursive=True)
_chain = _chain.union_all(select(_parents.c.parent_id, _chain.c.height + 1).where(_parents.c.child == _chain.c.target))
# One row for each policy on the way from the account up to the root, and one for a place that has none.
_ALONG = Statement(
    select(
        _chain.c.target,
        organization_attachments.c.policy_id,
        organization_policies.c.kind,
        organization_policies.c.document,
    )
    .select_from(
        _chain.outerjoin(organization_attachments, organization_attachments.c.target_id == _chain.c.target).outerjoin(
            organization_policies, organization_policies.c.id == organization_attachments.c.policy_id
        )
    )
    .order_by(_chain.c.height.desc(), organization_attachments.c.policy_id)
)


@dataclass(frozen=True, slots=True)
class Organization:
    """The organization. *created_at* is in seconds since the epoch."""

    id: str
    management_account: str
    root_id: str
    policy_types: tuple[str, ...]
    created_at: float

    def arn(self, kind: str, *parts: str) -> str:
        """The ARN of a thing of the organization: its *kind* (``account``) and what follows its id."""
        return f"arn:aws:organizations::{self.management_account}:{'/'.join((kind, self.id, *parts))}"


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What its organization says of an account. *path* is as ``aws:PrincipalOrgPaths`` has it.

    *scps* and *rcps*: for each level from the root down to the account the documents attached there. Both are
    empty for the management account (*management*), and where that kind of policy is not enabled.
    """

    organization: str | None = None
    path: str = ""
    management: bool = False
    scps: tuple[tuple[str, ...], ...] = ()
    rcps: tuple[tuple[str, ...], ...] = ()


def limits_of(tx: Transaction, account: str) -> Limits:
    """What limits *account*; two statements. Source: AWS Organizations user guide, "Authorization policies"."""
    found = find(tx)
    if found is None:
        return Limits()
    rows = tx.all(_ALONG, account=account)
    levels: dict[str, list[Row]] = {}
    for row in rows:
        levels.setdefault(row["target"], []).append(row)
    way = list(levels)
    if way[0] != found.root_id:
        return Limits()
    path = "/".join((found.id, *way[:-1], ""))
    if account == found.management_account:
        return Limits(found.id, path, management=True)
    scps, rcps = (_levels(levels, kind) if kind in found.policy_types else () for kind in (SCP, RCP))
    return Limits(found.id, path, scps=scps, rcps=rcps)


def create(tx: Transaction, account: str, *, default_account: str) -> Organization:
    """
    A new organization, managed by *account*. Raises: AlreadyInOrganization, Constraint.

    At AWS any account can have one of its own. There is one here, whose manager limits what others may and makes
    accounts, so it is for the account of whoever runs the deployment.
    Source: AWS Organizations API reference, CreateOrganization.
    """
    if tx.one(_MEMBER, account=account):
        raise AlreadyInOrganization
    if account != default_account:
        raise Constraint(why="The organization of this deployment is managed by its default account.")
    if find(tx) is not None:
        raise Constraint(why="This deployment has an organization.")
    made = Organization(f"o-{new_id(10)}", account, f"r-{new_id(4)}", (), clock.now())
    tx.run(
        _PUT,
        id=made.id,
        management_account=account,
        root_id=made.root_id,
        policy_types=json.dumps(made.policy_types),
        created_at=made.created_at,
    )
    join(tx, made, account, email=f"root@{account}.invalid", by="INVITED")
    return made


def find(tx: Transaction) -> Organization | None:
    """The organization of this deployment, or None."""
    row = tx.one(_FIND)
    if row is None:
        return None
    types = tuple(json.loads(row["policy_types"]))
    return Organization(row["id"], row["management_account"], row["root_id"], types, row["created_at"])


def of(tx: Transaction, account: str) -> Organization:
    """The organization that *account* is in. Raises: NotInOrganization."""
    found = find(tx)
    if found is None or tx.one(_MEMBER, account=account) is None:
        raise NotInOrganization
    return found


def managed_by(tx: Transaction, account: str) -> Organization:
    """The organization that *account* manages. Raises: NotInOrganization, NotManagement."""
    found = of(tx, account)
    if found.management_account != account:
        raise NotManagement
    return found


def remove(tx: Transaction, organization: Organization) -> None:
    """Delete an organization of which only the management account is left. Raises: OrganizationNotEmpty."""
    if tx.one(_ANYTHING, management=organization.management_account):
        raise OrganizationNotEmpty
    for target in (organization.root_id, organization.management_account):
        detach_all(tx, target)
    tx.run(_LEAVE, account=organization.management_account)
    tx.run(_DELETE)
    raise_generation(tx)


def join(tx: Transaction, organization: Organization, account: str, *, email: str, by: str) -> None:
    """
    Put an account under the root. *by* is CREATED or INVITED. Raises: AlreadyInOrganization.

    It gets the policies that allow everything, as everything new does: what is above limits it all the same.
    """
    if tx.one(_MEMBER, account=account):
        raise AlreadyInOrganization
    tx.run(
        _JOIN,
        account=account,
        parent_id=organization.root_id,
        email=email,
        joined_at=clock.now(),
        joined_by=by,
        status="ACTIVE",
    )
    allow_all(tx, organization, account)


def leave(tx: Transaction, organization: Organization, account: str) -> None:
    """Take an account out of the organization. Raises: ManagementStays."""
    if account == organization.management_account:
        raise ManagementStays
    detach_all(tx, account)
    tx.run(_LEAVE, account=account)
    raise_generation(tx)


def allow_all(tx: Transaction, organization: Organization, target: str) -> None:
    """Attach to something new AWS's own policy of each kind that is enabled."""
    for kind in organization.policy_types:
        tx.run(_ATTACH, policy_id=FULL[kind][0], target_id=target, attached_at=clock.now())
    raise_generation(tx)


def detach_all(tx: Transaction, target: str) -> None:
    """Detach every policy from something that goes."""
    tx.run(_DETACH_ALL, target=target)


def put_types(tx: Transaction, types: tuple[str, ...]) -> None:
    """Say which kinds of policies are enabled."""
    tx.run(_TYPES, new_types=json.dumps(types))
    raise_generation(tx)


def new_id(length: int) -> str:
    """Letters and digits as the ids of Organizations have them."""
    return clock.new_id("", length).lower()


def _levels(levels: dict[str, list[Row]], kind: str) -> tuple[tuple[str, ...], ...]:
    full, text = FULL[kind]

    def documents(rows: list[Row]) -> Iterator[str]:
        for row in rows:
            if row["policy_id"] == full:
                yield text
            elif row["kind"] == kind:
                yield row["document"]

    return tuple(tuple(documents(rows)) for rows in levels.values())
