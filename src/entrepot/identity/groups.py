"""Groups of users: what is granted to a group, all of its members may. Every change raises the generation."""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, update

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.identity import users
from entrepot.identity.faults import EntityAlreadyExists, EntityNotFound, InUse, QuotaExceeded
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import attachments, groups, inline_policies, memberships
from entrepot.identity.tables import users as user_rows
from entrepot.identity.users import User

# Source: IAM and STS quotas, "Groups in an AWS account" and "IAM groups an IAM user can be a member of".
QUOTA, QUOTA_OF_A_USER = 300, 10

_FIND = Statement(select(groups).where(groups.c.account == bindparam("account"), groups.c.name == bindparam("name")))
_NAMESAKE = Statement(
    select(groups.c.id).where(groups.c.account == bindparam("account"), func.lower(groups.c.name) == bindparam("lower"))
)
_BY_ID = Statement(select(groups).where(groups.c.id == bindparam("this")))
_COUNT = Statement(select(func.count().label("n")).select_from(groups).where(groups.c.account == bindparam("account")))
_PUT = Statement(insert(groups))
_RENAME = Statement(
    update(groups)
    .where(groups.c.id == bindparam("this"))
    .values(name=bindparam("new_name"), path=bindparam("new_path"))
)
_LIST = Statement(
    select(groups)
    .where(
        groups.c.account == bindparam("account"),
        groups.c.name > bindparam("after"),
        func.substr(groups.c.path, 1, func.length(bindparam("prefix"))) == bindparam("prefix"),
    )
    .order_by(groups.c.name)
    .limit(bindparam("most"))
)
_DELETE = Statement(delete(groups).where(groups.c.id == bindparam("this")))

_MEMBERS = Statement(
    select(user_rows)
    .join_from(memberships, user_rows, user_rows.c.id == memberships.c.user_id)
    .where(memberships.c.group_id == bindparam("this"), user_rows.c.name > bindparam("after"))
    .order_by(user_rows.c.name)
    .limit(bindparam("most"))
)
_OF_USER = Statement(
    select(groups)
    .join_from(memberships, groups, groups.c.id == memberships.c.group_id)
    .where(memberships.c.user_id == bindparam("user"), groups.c.name > bindparam("after"))
    .order_by(groups.c.name)
    .limit(bindparam("most"))
)
_BOTH = (memberships.c.group_id == bindparam("this"), memberships.c.user_id == bindparam("user"))
_IS_MEMBER = Statement(select(memberships.c.user_id).where(*_BOTH))
_JOIN = Statement(insert(memberships).values(group_id=bindparam("this"), user_id=bindparam("user")))
_LEAVE = Statement(delete(memberships).where(*_BOTH))

# What a group may leave behind, and what AWS says while there is some of it.
_HAS = [
    (Statement(select(column).where(column == bindparam("this")).limit(1)), what_to_do)
    for column, what_to_do in (
        (memberships.c.group_id, "must remove users from group first."),
        (attachments.c.owner_id, "must detach all policies first."),
        (inline_policies.c.owner_id, "must delete policies first."),
    )
]


@dataclass(frozen=True, slots=True)
class Group:
    """One group as it was when it was read. *created_at* is in seconds since the epoch."""

    id: str
    account: str
    name: str
    path: str
    created_at: float

    @property
    def arn(self) -> str:
        """Its Amazon Resource Name, with its path."""
        return f"arn:aws:iam::{self.account}:group{self.path}{self.name}"


def create(tx: Transaction, account: str, *, name: str, path: str = "/") -> Group:
    """
    A new, empty group. Names that differ only in case are one name.

    Raises: EntityAlreadyExists, QuotaExceeded.
    Source: IAM API reference, CreateGroup.
    """
    if tx.one(_NAMESAKE, account=account, lower=name.lower()):
        raise EntityAlreadyExists(what="Group", name=name)
    count = tx.one(_COUNT, account=account)
    if count and count["n"] >= QUOTA:
        raise QuotaExceeded(quota="GroupsPerAccount", limit=QUOTA)
    made = Group(clock.new_id("AGPA", 17), account, name, path, clock.now())
    tx.run(_PUT, id=made.id, account=account, name=name, path=path, created_at=made.created_at)
    raise_generation(tx)
    return made


def find(tx: Transaction, account: str, *, name: str) -> Group | None:
    """The group of that name, or None."""
    row = tx.one(_FIND, account=account, name=name)
    return None if row is None else of_row(row)


def get(tx: Transaction, account: str, *, name: str) -> Group:
    """The group of that name. Raises: EntityNotFound."""
    found = find(tx, account, name=name)
    if found is None:
        raise EntityNotFound(what="group", name=name)
    return found


def find_by_id(tx: Transaction, group_id: str) -> Group | None:
    """The group of that id, while there is one."""
    row = tx.one(_BY_ID, this=group_id)
    return None if row is None else of_row(row)


def page(tx: Transaction, account: str, *, path_prefix: str = "/", after: str = "", limit: int = 1000) -> list[Group]:
    """At most *limit* groups of an account whose path begins so, behind the name *after*, by name."""
    return [of_row(row) for row in tx.all(_LIST, account=account, prefix=path_prefix, after=after, most=limit)]


def change(tx: Transaction, group: Group, *, name: str | None, path: str | None) -> None:
    """Give a group another name or another path; members and policies stay. Raises: EntityAlreadyExists."""
    new_name, new_path = name or group.name, path or group.path
    namesake = tx.one(_NAMESAKE, account=group.account, lower=new_name.lower())
    if namesake and namesake["id"] != group.id:
        raise EntityAlreadyExists(what="Group", name=new_name)
    tx.run(_RENAME, this=group.id, new_name=new_name, new_path=new_path)
    raise_generation(tx)


def remove(tx: Transaction, group: Group) -> None:
    """Delete a group that has neither members nor policies. Raises: InUse."""
    for statement, what_to_do in _HAS:
        if tx.one(statement, this=group.id):
            raise InUse(reason=f"Cannot delete entity, {what_to_do}")
    tx.run(_DELETE, this=group.id)
    raise_generation(tx)


def members(tx: Transaction, group: Group, *, after: str = "", limit: int = 1000) -> list[User]:
    """At most *limit* members of a group, behind the name *after*, by name."""
    return [users.of_row(row) for row in tx.all(_MEMBERS, this=group.id, after=after, most=limit)]


def of_user(tx: Transaction, user_id: str, *, after: str = "", limit: int = QUOTA_OF_A_USER) -> list[Group]:
    """At most *limit* groups that a user is in, behind the name *after*, by name."""
    return [of_row(row) for row in tx.all(_OF_USER, user=user_id, after=after, most=limit)]


def join(tx: Transaction, group: Group, user: User) -> None:
    """Make a user a member; who is one stays one. Raises: QuotaExceeded."""
    if tx.one(_IS_MEMBER, this=group.id, user=user.id):
        return
    if len(of_user(tx, user.id)) >= QUOTA_OF_A_USER:
        raise QuotaExceeded(quota="GroupsPerUser", limit=QUOTA_OF_A_USER)
    tx.run(_JOIN, this=group.id, user=user.id)
    raise_generation(tx)


def leave(tx: Transaction, group: Group, user: User) -> None:
    """End a membership; who is no member stays none."""
    if tx.run(_LEAVE, this=group.id, user=user.id):
        raise_generation(tx)


def of_row(row: Row) -> Group:
    """The group that a row of the table describes."""
    return Group(row["id"], row["account"], row["name"], row["path"], row["created_at"])
