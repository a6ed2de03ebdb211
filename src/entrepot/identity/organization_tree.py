"""
Units and accounts of the organization, and how they lie in each other. Every change raises the generation.

Source: AWS Organizations API reference; quotas of AWS Organizations.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, delete, func, insert, literal, select, union_all, update

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.identity import accounts, attachments, entity_tags, named, organization, roles
from entrepot.identity.entity_tags import Tag
from entrepot.identity.faults import EntityAlreadyExists, NameRefused
from entrepot.identity.organization import Organization
from entrepot.identity.organization_faults import (
    AccountNotFound,
    ChildNotFound,
    Constraint,
    DestinationParentNotFound,
    DuplicateAccount,
    DuplicateUnit,
    OrganizationInput,
    ParentNotFound,
    SourceParentNotFound,
    TargetNotFound,
    UnitNotEmpty,
    UnitNotFound,
)
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import accounts as account_rows
from entrepot.identity.tables import organization_accounts, organization_units

ACCESS_ROLE = "OrganizationAccountAccessRole"
_DEEPEST = 5  # levels of units below the root
_LONGEST_NAME = 128

_UNIT = Statement(select(organization_units).where(organization_units.c.id == bindparam("unit")))
_NAMESAKE = Statement(
    select(organization_units.c.id).where(
        organization_units.c.parent_id == bindparam("parent"), organization_units.c.name == bindparam("name")
    )
)
_PUT_UNIT = Statement(insert(organization_units))
_RENAME = Statement(
    update(organization_units).where(organization_units.c.id == bindparam("unit")).values(name=bindparam("new_name"))
)
_DELETE_UNIT = Statement(delete(organization_units).where(organization_units.c.id == bindparam("unit")))
_UNITS = Statement(
    select(organization_units)
    .where(organization_units.c.parent_id == bindparam("parent"), organization_units.c.id > bindparam("after"))
    .order_by(organization_units.c.id)
    .limit(bindparam("most"))
)
_INSIDE = Statement(
    union_all(
        select(organization_units.c.id).where(organization_units.c.parent_id == bindparam("parent")),
        select(organization_accounts.c.account).where(organization_accounts.c.parent_id == bindparam("parent")),
    ).limit(1)
)
_above = (
    select(organization_units.c.id, organization_units.c.parent_id, literal(1).label("height"))
    .where(organization_units.c.id == bindparam("unit"))
    .cte("above", recursive=True)
)
_above = _above.union_all(
    select(organization_units.c.id, organization_units.c.parent_id, _above.c.height + 1).where(
        organization_units.c.id == _above.c.parent_id
    )
)
_ABOVE = Statement(select(_above.c.id).order_by(_above.c.height.desc()))
_members = select(organization_accounts, account_rows.c.name).join(
    account_rows, account_rows.c.id == organization_accounts.c.account
)
_page = (
    _members.where(organization_accounts.c.account > bindparam("after"))
    .order_by(organization_accounts.c.account)
    .limit(bindparam("most"))
)
_ACCOUNT = Statement(_members.where(organization_accounts.c.account == bindparam("account")))
_ACCOUNTS = Statement(_page)
_ACCOUNTS_IN = Statement(_page.where(organization_accounts.c.parent_id == bindparam("parent")))
_CREATED = Statement(_page.where(organization_accounts.c.joined_by == "CREATED"))
_EMAIL = Statement(
    select(organization_accounts.c.account).where(func.lower(organization_accounts.c.email) == bindparam("lower"))
)
_MOVE = Statement(
    update(organization_accounts)
    .where(organization_accounts.c.account == bindparam("moved"))
    .values(parent_id=bindparam("new_parent"))
)


@dataclass(frozen=True, slots=True)
class Unit:
    """An organizational unit. *path* is all ids from the organization's down to its own, with a slash behind each."""

    id: str
    parent_id: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Member:
    """An account of the organization. *joined_at* is in seconds since the epoch, *joined_by* CREATED or INVITED."""

    account: str
    parent_id: str
    name: str
    email: str
    joined_at: float
    joined_by: str
    status: str
    path: str


def create_unit(tx: Transaction, of: Organization, parent: str, *, name: str, tags: list[Tag]) -> Unit:
    """A new unit in the root or another unit. Raises: ParentNotFound, DuplicateUnit, Constraint, OrganizationInput."""
    above = _path_of(tx, of, parent)
    if above is None:
        raise ParentNotFound
    if len(above) >= _DEEPEST + 1:
        raise Constraint(reason="OU_DEPTH_LIMIT_EXCEEDED", why="You have exceeded the allowed depth of units.")
    _check_name(tx, parent, name)
    unit = f"ou-{of.root_id.removeprefix('r-')}-{organization.new_id(8)}"
    tx.run(_PUT_UNIT, id=unit, parent_id=parent, name=name, created_at=clock.now())
    entity_tags.tag(tx, unit, tags)
    organization.allow_all(tx, of, unit)
    return get_unit(tx, of, unit)


def get_unit(tx: Transaction, of: Organization, unit: str) -> Unit:
    """The unit of that id. Raises: UnitNotFound."""
    row = tx.one(_UNIT, unit=unit)
    if row is None:
        raise UnitNotFound
    return _unit(tx, of, row)


def rename_unit(tx: Transaction, of: Organization, unit: str, *, name: str) -> Unit:
    """The unit under another name. Raises: UnitNotFound, DuplicateUnit, OrganizationInput."""
    _check_name(tx, get_unit(tx, of, unit).parent_id, name)
    tx.run(_RENAME, unit=unit, new_name=name)
    return get_unit(tx, of, unit)


def remove_unit(tx: Transaction, of: Organization, unit: str) -> None:
    """Delete a unit with nothing in it. Raises: UnitNotFound, UnitNotEmpty."""
    get_unit(tx, of, unit)
    if tx.one(_INSIDE, parent=unit):
        raise UnitNotEmpty
    organization.detach_all(tx, unit)
    tx.run(_DELETE_UNIT, unit=unit)
    entity_tags.remove_all(tx, unit)
    raise_generation(tx)


def units_page(tx: Transaction, of: Organization, parent: str, *, after: str, limit: int) -> list[Unit]:
    """At most *limit* units right in *parent*, behind the id *after*, by id. Raises: ParentNotFound."""
    if _path_of(tx, of, parent) is None:
        raise ParentNotFound
    return [_unit(tx, of, row) for row in tx.all(_UNITS, parent=parent, after=after, most=limit)]


def create_account(tx: Transaction, of: Organization, *, name: str, email: str, role: str, tags: list[Tag]) -> Member:
    """
    A new account under the root, with a role by which the management account administers it.

    *email* must not be another account's (``has_email``). Names of accounts differ here: one that is taken gets
    something behind it.

    Raises: OrganizationInput, and what makes a role refuse.
    """
    try:
        made = accounts.create(tx, name=name)
    except EntityAlreadyExists:
        made = accounts.create(tx, name=f"{name[:40]}-{organization.new_id(8)}")
    except NameRefused as refused:
        raise OrganizationInput(reason="INVALID_PATTERN", why=str(refused)) from None
    organization.join(tx, of, made.id, email=email, by="CREATED")
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":'
        f'{{"AWS":"arn:aws:iam::{of.management_account}:root"}},"Action":"sts:AssumeRole"}}]}}'
    )
    created = roles.create(tx, made.id, name=role, trust=named.stored(tx, trust, account=made.id))
    attachments.attach(tx, created.id, "arn:aws:iam::aws:policy/AdministratorAccess", kind="Role", account=made.id)
    entity_tags.tag(tx, made.id, tags)
    return get_account(tx, of, made.id)


def has_email(tx: Transaction, email: str) -> bool:
    """Whether an account of the organization has that address."""
    return tx.one(_EMAIL, lower=email.lower()) is not None


def get_account(tx: Transaction, of: Organization, account: str) -> Member:
    """The account of that id. Raises: AccountNotFound."""
    row = tx.one(_ACCOUNT, account=account)
    if row is None:
        raise AccountNotFound
    return _member(tx, of, row)


def accounts_page(tx: Transaction, of: Organization, parent: str | None, *, after: str, limit: int) -> list[Member]:
    """
    At most *limit* accounts behind the id *after*, by id; right in *parent*, if one is given.

    Raises: ParentNotFound.
    """
    if parent is None:
        rows = tx.all(_ACCOUNTS, after=after, most=limit)
    elif _path_of(tx, of, parent) is None:
        raise ParentNotFound
    else:
        rows = tx.all(_ACCOUNTS_IN, parent=parent, after=after, most=limit)
    return [_member(tx, of, row) for row in rows]


def created_page(tx: Transaction, of: Organization, *, after: str, limit: int) -> list[Member]:
    """At most *limit* accounts that the organization made, behind the id *after*, by id."""
    return [_member(tx, of, row) for row in tx.all(_CREATED, after=after, most=limit)]


def move_account(tx: Transaction, of: Organization, account: str, *, source: str, destination: str) -> None:
    """
    Put an account under another parent.

    Raises: AccountNotFound, SourceParentNotFound, DestinationParentNotFound, DuplicateAccount.
    """
    found = get_account(tx, of, account)
    if _path_of(tx, of, source) is None or found.parent_id != source:
        raise SourceParentNotFound
    if _path_of(tx, of, destination) is None:
        raise DestinationParentNotFound
    if source == destination:
        raise DuplicateAccount
    tx.run(_MOVE, moved=account, new_parent=destination)
    raise_generation(tx)


def remove_account(tx: Transaction, of: Organization, account: str) -> None:
    """Let an account go; it stays one by itself. Raises: AccountNotFound, ManagementStays."""
    get_account(tx, of, account)
    organization.leave(tx, of, account)
    entity_tags.remove_all(tx, account)


def parent_of(tx: Transaction, child: str) -> str:
    """The id of the root or unit that *child*, a unit or an account, is in. Raises: ChildNotFound."""
    row = tx.one(_ACCOUNT, account=child) or tx.one(_UNIT, unit=child)
    if row is None:
        raise ChildNotFound
    return str(row["parent_id"])


Kind = Literal["ROOT", "ORGANIZATIONAL_UNIT", "ACCOUNT"]


def describe(tx: Transaction, of: Organization, target: str) -> tuple[Kind, str, str]:
    """What kind of thing *target* is, its ARN and its name. Raises: TargetNotFound."""
    if target == of.root_id:
        return "ROOT", of.arn("root", target), "Root"
    if (unit := tx.one(_UNIT, unit=target)) is not None:
        return "ORGANIZATIONAL_UNIT", of.arn("ou", target), unit["name"]
    if (account := tx.one(_ACCOUNT, account=target)) is not None:
        return "ACCOUNT", of.arn("account", target), account["name"]
    raise TargetNotFound


def _path_of(tx: Transaction, of: Organization, parent: str) -> list[str] | None:
    """The ids from the root down to *parent*; None where there is no such root or unit."""
    if parent == of.root_id:
        return [parent]
    above = [row["id"] for row in tx.all(_ABOVE, unit=parent)]
    return [of.root_id, *above] if above else None


def _check_name(tx: Transaction, parent: str, name: str) -> None:
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise OrganizationInput(reason="MAX_LENGTH_EXCEEDED", why="You provided a name of a unit that is too long.")
    if tx.one(_NAMESAKE, parent=parent, name=name):
        raise DuplicateUnit


def _unit(tx: Transaction, of: Organization, row: Row) -> Unit:
    path = _path_of(tx, of, row["id"]) or []
    return Unit(row["id"], row["parent_id"], row["name"], "/".join((of.id, *path, "")))


def _member(tx: Transaction, of: Organization, row: Row) -> Member:
    path = _path_of(tx, of, row["parent_id"]) or []
    return Member(
        row["account"],
        row["parent_id"],
        row["name"],
        row["email"],
        row["joined_at"],
        row["joined_by"],
        row["status"],
        "/".join((of.id, *path, row["account"], "")),
    )
