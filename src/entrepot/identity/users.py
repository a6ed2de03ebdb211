"""Users of an account: create, find, list, rename, delete. Every change raises the generation."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, update

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.identity import accounts, entity_tags
from entrepot.identity.entity_tags import Tag
from entrepot.identity.faults import EntityAlreadyExists, EntityNotFound, InUse, NameRefused, QuotaExceeded
from entrepot.identity.principals import Principal, user_of
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import access_keys, attachments, inline_policies, login_profiles, memberships, users

# Source: IAM API reference, CreateUser.
_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_PATH = re.compile(r"/|/[\x21-\x7e]{1,510}/")
# Source: IAM and STS quotas, "Users in an AWS account".
QUOTA = 5000

_FIND = Statement(select(users).where(users.c.account == bindparam("account"), users.c.name == bindparam("name")))
_BY_ID = Statement(select(users).where(users.c.id == bindparam("user")))
_NAMESAKE = Statement(
    select(users.c.id).where(users.c.account == bindparam("account"), func.lower(users.c.name) == bindparam("lower"))
)
_COUNT = Statement(select(func.count().label("n")).select_from(users).where(users.c.account == bindparam("account")))
_PUT = Statement(insert(users))
_RENAME = Statement(
    update(users).where(users.c.id == bindparam("user")).values(name=bindparam("new_name"), path=bindparam("new_path"))
)
_LIST = Statement(
    select(users)
    .where(
        users.c.account == bindparam("account"),
        users.c.name > bindparam("after"),
        func.substr(users.c.path, 1, func.length(bindparam("prefix"))) == bindparam("prefix"),
    )
    .order_by(users.c.name)
    .limit(bindparam("most"))
)
_DELETE = Statement(delete(users).where(users.c.id == bindparam("user")))

# What a user may leave behind, by the column that names it: with what AWS says while there is some of it.
# Source: IAM user guide, "Removing or deactivating an IAM user".
_BELONGINGS = (
    (memberships.c.user_id, "must remove users from group first."),
    (attachments.c.owner_id, "must detach all policies first."),
    (inline_policies.c.owner_id, "must delete policies first."),
    (access_keys.c.user_id, "must delete access keys first."),
    (login_profiles.c.user_id, "must delete login profile first."),
)
_HAS = [
    (Statement(select(column).where(column == bindparam("user")).limit(1)), what_to_do)
    for column, what_to_do in _BELONGINGS
]
_STRIP = [Statement(delete(column.table).where(column == bindparam("user"))) for column, _ in _BELONGINGS]


@dataclass(frozen=True, slots=True)
class User:
    """One user as it was when it was read. *created_at* is in seconds since the epoch."""

    id: str
    account: str
    name: str
    path: str
    created_at: float
    boundary: str | None = None  # the ARN of a policy

    @property
    def arn(self) -> str:
        """Its Amazon Resource Name, with its path."""
        return self.principal.arn

    @property
    def principal(self) -> Principal:
        """The same as somebody who asks."""
        return user_of(self.account, user_id=self.id, path=self.path, name=self.name)


def create(
    tx: Transaction,
    account: str,
    *,
    name: str,
    path: str = "/",
    boundary: str | None = None,
    tags: Iterable[Tag] = (),
) -> User:
    """
    A new user, with an id that no user ever had. Names that differ only in case are one name.

    Raises: NameRefused, EntityNotFound (the account), EntityAlreadyExists, QuotaExceeded, and what tags raise.
    Source: IAM API reference, CreateUser.
    """
    _check(name, path)
    accounts.get(tx, account)
    if tx.one(_NAMESAKE, account=account, lower=name.lower()):
        raise EntityAlreadyExists(what="User", name=name)
    count = tx.one(_COUNT, account=account)
    if count and count["n"] >= QUOTA:
        raise QuotaExceeded(quota="UsersPerAccount", limit=QUOTA)
    made = User(clock.new_id("AIDA", 17), account, name, path, clock.now(), boundary)
    tx.run(
        _PUT,
        id=made.id,
        account=account,
        name=name,
        path=path,
        created_at=made.created_at,
        boundary=boundary,
        valid_after=0.0,
    )
    entity_tags.tag(tx, made.id, tags)
    raise_generation(tx)
    return made


def find(tx: Transaction, account: str, *, name: str) -> User | None:
    """The user of that name, or None."""
    row = tx.one(_FIND, account=account, name=name)
    return None if row is None else of_row(row)


def get(tx: Transaction, account: str, *, name: str) -> User:
    """The user of that name. Raises: EntityNotFound."""
    found = find(tx, account, name=name)
    if found is None:
        raise EntityNotFound(what="user", name=name)
    return found


def find_by_id(tx: Transaction, user_id: str) -> User | None:
    """The user of that id, while there is one."""
    row = tx.one(_BY_ID, user=user_id)
    return None if row is None else of_row(row)


def page(tx: Transaction, account: str, *, path_prefix: str = "/", after: str = "", limit: int = 1000) -> list[User]:
    """At most *limit* users of an account whose path begins so, behind the name *after*, by name."""
    return [of_row(row) for row in tx.all(_LIST, account=account, prefix=path_prefix, after=after, most=limit)]


def change(tx: Transaction, user: User, *, name: str | None, path: str | None) -> None:
    """
    Give a user another name or another path; its id, and so its rights, stay.

    Raises: NameRefused, EntityAlreadyExists.
    """
    new_name, new_path = name or user.name, path or user.path
    _check(new_name, new_path)
    namesake = tx.one(_NAMESAKE, account=user.account, lower=new_name.lower())
    if namesake and namesake["id"] != user.id:
        raise EntityAlreadyExists(what="User", name=new_name)
    tx.run(_RENAME, user=user.id, new_name=new_name, new_path=new_path)
    raise_generation(tx)


def remove(tx: Transaction, user: User) -> None:
    """
    Delete a user that has nothing any more.

    Raises: InUse.
    """
    for statement, what_to_do in _HAS:
        if tx.one(statement, user=user.id):
            raise InUse(reason=f"Cannot delete entity, {what_to_do}")
    _forget(tx, user)


def expel(tx: Transaction, user: User) -> None:
    """Delete a user with all that it has: what was signed in with its keys stops to work."""
    for statement in _STRIP:
        tx.run(statement, user=user.id)
    _forget(tx, user)


def of_row(row: Row) -> User:
    """The user that a row of the table describes."""
    return User(row["id"], row["account"], row["name"], row["path"], row["created_at"], row["boundary"])


def _forget(tx: Transaction, user: User) -> None:
    entity_tags.remove_all(tx, user.id)
    tx.run(_DELETE, user=user.id)
    raise_generation(tx)


def _check(name: str, path: str) -> None:
    if not _NAME.fullmatch(name):
        raise NameRefused(what="name of a user", name=name, reason="use 1 to 64 of A-Z a-z 0-9 _+=,.@-")
    if not _PATH.fullmatch(path):
        raise NameRefused(what="path of a user", name=path, reason="it must begin and end with a slash")
