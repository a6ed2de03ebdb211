"""Groups of users: what is granted to a group, all of its members may. Every change raises the generation."""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select

from entrepot import clock
from entrepot.database import Statement, Transaction
from entrepot.identity import users
from entrepot.identity.faults import EntityAlreadyExists, EntityNotFound, QuotaExceeded
from entrepot.identity.inventory import Belongings, Inventory
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import attachments, groups, inline_policies, memberships
from entrepot.identity.tables import users as user_rows
from entrepot.identity.users import User

# Source: IAM and STS quotas, "Groups in an AWS account" and "IAM groups an IAM user can be a member of".
QUOTA, QUOTA_OF_A_USER = 300, 10

_GROUPS = Inventory(groups)
_BELONGINGS = Belongings(
    (memberships.c.group_id, "must remove users from group first."),
    (attachments.c.owner_id, "must detach all policies first."),
    (inline_policies.c.owner_id, "must delete policies first."),
)

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
    if _GROUPS.namesake(tx, account, name):
        raise EntityAlreadyExists(what="Group", name=name)
    if _GROUPS.count(tx, account) >= QUOTA:
        raise QuotaExceeded(quota="GroupsPerAccount", limit=QUOTA)
    made = Group(clock.new_id("AGPA", 17), account, name, path, clock.now())
    _GROUPS.put(tx, id=made.id, account=account, name=name, path=path, created_at=made.created_at)
    raise_generation(tx)
    return made


def find(tx: Transaction, account: str, *, name: str) -> Group | None:
    """The group of that name, or None."""
    row = _GROUPS.find(tx, account, name)
    return None if row is None else Group(**row)


def get(tx: Transaction, account: str, *, name: str) -> Group:
    """The group of that name. Raises: EntityNotFound."""
    found = find(tx, account, name=name)
    if found is None:
        raise EntityNotFound(what="group", name=name)
    return found


def find_by_id(tx: Transaction, group_id: str) -> Group | None:
    """The group of that id, while there is one."""
    row = _GROUPS.find_by_id(tx, group_id)
    return None if row is None else Group(**row)


def page(tx: Transaction, account: str, *, prefix: str = "/", after: str = "", limit: int = 1000) -> list[Group]:
    """At most *limit* groups of an account whose path begins with *prefix*, behind the name *after*, by name."""
    return [Group(**row) for row in _GROUPS.page(tx, account, prefix=prefix, after=after, limit=limit)]


def change(tx: Transaction, group: Group, *, name: str | None, path: str | None) -> None:
    """Give a group another name or another path; members and policies stay. Raises: EntityAlreadyExists."""
    new_name, new_path = name or group.name, path or group.path
    if _GROUPS.namesake(tx, group.account, new_name) not in (None, group.id):
        raise EntityAlreadyExists(what="Group", name=new_name)
    _GROUPS.rename(tx, group.id, name=new_name, path=new_path)
    raise_generation(tx)


def remove(tx: Transaction, group: Group) -> None:
    """Delete a group that has neither members nor policies. Raises: InUse."""
    _BELONGINGS.check_none(tx, group.id)
    _GROUPS.delete(tx, group.id)
    raise_generation(tx)


def members(tx: Transaction, group: Group, *, after: str, limit: int) -> list[User]:
    """At most *limit* members of a group, behind the name *after*, by name."""
    return [users.of_row(row) for row in tx.all(_MEMBERS, this=group.id, after=after, most=limit)]


def of_user(tx: Transaction, user_id: str, *, after: str = "", limit: int = QUOTA_OF_A_USER) -> list[Group]:
    """At most *limit* groups that a user is in, behind the name *after*, by name."""
    return [Group(**row) for row in tx.all(_OF_USER, user=user_id, after=after, most=limit)]


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
