"""Users of an account: create, find, list, rename, delete. Every change raises the generation."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from entrepot import clock
from entrepot.database import Row, Transaction
from entrepot.identity import accounts, entity_tags
from entrepot.identity.entity_tags import Tag
from entrepot.identity.faults import EntityAlreadyExists, EntityNotFound, NameRefused, QuotaExceeded
from entrepot.identity.inventory import Belongings, Inventory
from entrepot.identity.principals import Principal, user_of
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import access_keys, attachments, inline_policies, login_profiles, memberships, users

# Source: IAM API reference, CreateUser.
_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_PATH = re.compile(r"/|/[\x21-\x7e]{1,510}/")
# Source: IAM and STS quotas, "Users in an AWS account".
QUOTA = 5000

_USERS = Inventory(users)
# Source: IAM user guide, "Removing or deactivating an IAM user"; what is to do is told in AWS's words.
_BELONGINGS = Belongings(
    (memberships.c.user_id, "must remove users from group first."),
    (attachments.c.owner_id, "must detach all policies first."),
    (inline_policies.c.owner_id, "must delete policies first."),
    (access_keys.c.user_id, "must delete access keys first."),
    (login_profiles.c.user_id, "must delete login profile first."),
)


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
    if _USERS.namesake(tx, account, name):
        raise EntityAlreadyExists(what="User", name=name)
    if _USERS.count(tx, account) >= QUOTA:
        raise QuotaExceeded(quota="UsersPerAccount", limit=QUOTA)
    made = User(clock.new_id("AIDA", 17), account, name, path, clock.now(), boundary)
    _USERS.put(
        tx,
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
    row = _USERS.find(tx, account, name)
    return None if row is None else of_row(row)


def get(tx: Transaction, account: str, *, name: str) -> User:
    """The user of that name. Raises: EntityNotFound."""
    found = find(tx, account, name=name)
    if found is None:
        raise EntityNotFound(what="user", name=name)
    return found


def find_by_id(tx: Transaction, user_id: str) -> User | None:
    """The user of that id, while there is one."""
    row = _USERS.find_by_id(tx, user_id)
    return None if row is None else of_row(row)


def page(tx: Transaction, account: str, *, prefix: str = "/", after: str = "", limit: int = 1000) -> list[User]:
    """At most *limit* users of an account whose path begins with *prefix*, behind the name *after*, by name."""
    return [of_row(row) for row in _USERS.page(tx, account, prefix=prefix, after=after, limit=limit)]


def change(tx: Transaction, user: User, *, name: str | None, path: str | None) -> None:
    """
    Give a user another name or another path; its id, and so its rights, stay.

    Raises: NameRefused, EntityAlreadyExists.
    """
    new_name, new_path = name or user.name, path or user.path
    _check(new_name, new_path)
    if _USERS.namesake(tx, user.account, new_name) not in (None, user.id):
        raise EntityAlreadyExists(what="User", name=new_name)
    _USERS.rename(tx, user.id, name=new_name, path=new_path)
    raise_generation(tx)


def remove(tx: Transaction, user: User) -> None:
    """Delete a user that has nothing any more. Raises: InUse."""
    _BELONGINGS.check_none(tx, user.id)
    entity_tags.remove_all(tx, user.id)
    _USERS.delete(tx, user.id)
    raise_generation(tx)


def of_row(row: Row) -> User:
    """The user that a row of the table describes."""
    return User(row["id"], row["account"], row["name"], row["path"], row["created_at"], row["boundary"])


def _check(name: str, path: str) -> None:
    if not _NAME.fullmatch(name):
        raise NameRefused(what="name of a user", name=name, reason="use 1 to 64 of A-Z a-z 0-9 _+=,.@-")
    if not _PATH.fullmatch(path):
        raise NameRefused(what="path of a user", name=path, reason="it must begin and end with a slash")
