"""Accounts and their users: create, find, list, delete. Every change raises the generation."""

import re
import secrets
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.identity.faults import EntityAlreadyExists, EntityNotFound, NameRefused
from entrepot.identity.principals import Principal, user_of
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import access_keys, accounts, users

_ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)
_ACCOUNT_NAME = re.compile(r"[\w+=,.@ -]{1,50}", re.ASCII)
# Source: IAM API reference, CreateUser.
_USER_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_PATH = re.compile(r"/|/[\x21-\x7e]{1,510}/")

_PAGE = 1000

_FIND = Statement(select(accounts).where(accounts.c.id == bindparam("id")))
_FIND_NAME = Statement(select(accounts).where(accounts.c.name == bindparam("name")))
_PUT = Statement(insert(accounts))
_LIST = Statement(select(accounts).where(accounts.c.id > bindparam("after")).order_by(accounts.c.id).limit(_PAGE))

_FIND_USER = Statement(select(users).where(users.c.account == bindparam("account"), users.c.name == bindparam("name")))
_FIND_NAMESAKE = Statement(
    select(users.c.id).where(users.c.account == bindparam("account"), func.lower(users.c.name) == bindparam("lower"))
)
_PUT_USER = Statement(insert(users))
_LIST_USERS = Statement(
    select(users)
    .where(users.c.account == bindparam("account"), users.c.name > bindparam("after"))
    .order_by(users.c.name)
    .limit(_PAGE)
)
_DELETE_USER = Statement(delete(users).where(users.c.id == bindparam("user")))
_DELETE_KEYS = Statement(delete(access_keys).where(access_keys.c.user_id == bindparam("user")))


@dataclass(frozen=True, slots=True)
class Account:
    """A space of users and registries of its own. *created_at* is in seconds since the epoch."""

    id: str
    name: str
    created_at: float


def create(tx: Transaction, *, account: str | None = None, name: str | None = None) -> Account:
    """
    A new account; twelve random digits where *account* is None, named like its id where *name* is.

    Raises: NameRefused, EntityAlreadyExists.
    """
    account = account or _unused_id(tx)
    name = name or account
    if not _ACCOUNT_ID.fullmatch(account):
        raise NameRefused(what="id of an account", name=account, reason="it must be twelve digits")
    if not _ACCOUNT_NAME.fullmatch(name):
        raise NameRefused(what="name of an account", name=name, reason="use 1 to 50 of A-Z a-z 0-9 _+=,.@- and blank")
    if tx.one(_FIND, id=account) or tx.one(_FIND_NAME, name=name):
        raise EntityAlreadyExists(what="Account", name=name)
    made = Account(account, name, clock.now())
    tx.run(_PUT, id=made.id, name=made.name, created_at=made.created_at)
    raise_generation(tx)
    return made


def find(tx: Transaction, account: str) -> Account | None:
    """The account with this id, or None."""
    row = tx.one(_FIND, id=account)
    return None if row is None else Account(**row)


def get(tx: Transaction, account: str) -> Account:
    """The account with this id. Raises: EntityNotFound."""
    found = find(tx, account)
    if found is None:
        raise EntityNotFound(what="account", name=account)
    return found


def page(tx: Transaction, *, after: str = "") -> list[Account]:
    """At most 1,000 accounts behind the id *after*, by id."""
    return [Account(**row) for row in tx.all(_LIST, after=after)]


def create_user(tx: Transaction, account: str, *, name: str, path: str = "/") -> Principal:
    """
    A new user, with an id that no user ever had. Raises: NameRefused, EntityNotFound, EntityAlreadyExists.

    Source: IAM API reference, CreateUser; names that differ only in case are one name.
    """
    if not _USER_NAME.fullmatch(name):
        raise NameRefused(what="name of a user", name=name, reason="use 1 to 64 of A-Z a-z 0-9 _+=,.@-")
    if not _PATH.fullmatch(path):
        raise NameRefused(what="path of a user", name=path, reason="it must begin and end with a slash")
    get(tx, account)
    if tx.one(_FIND_NAMESAKE, account=account, lower=name.lower()):
        raise EntityAlreadyExists(what="User", name=name)
    user_id = clock.new_id("AIDA", 17)
    made = {"id": user_id, "account": account, "name": name, "path": path, "created_at": clock.now()}
    tx.run(_PUT_USER, **made, boundary=None, valid_after=0.0)
    raise_generation(tx)
    return user_of(account, user_id=user_id, path=path, name=name)


def get_user(tx: Transaction, account: str, *, name: str) -> Principal:
    """The user of that name. Raises: EntityNotFound."""
    row = tx.one(_FIND_USER, account=account, name=name)
    if row is None:
        raise EntityNotFound(what="user", name=name)
    return _principal(row)


def users_page(tx: Transaction, account: str, *, after: str = "") -> list[Principal]:
    """At most 1,000 users of an account behind the name *after*, by name."""
    return [_principal(row) for row in tx.all(_LIST_USERS, account=account, after=after)]


def delete_user(tx: Transaction, account: str, *, name: str) -> None:
    """Remove a user and its access keys: what they signed in with stops to work. Raises: EntityNotFound."""
    user = get_user(tx, account, name=name)
    tx.run(_DELETE_KEYS, user=user.id)
    tx.run(_DELETE_USER, user=user.id)
    raise_generation(tx)


def _unused_id(tx: Transaction) -> str:
    while True:
        account = f"{secrets.randbelow(9 * 10**11) + 10**11}"
        if tx.one(_FIND, id=account) is None:
            return account


def _principal(row: Row) -> Principal:
    return user_of(row["account"], user_id=row["id"], path=row["path"], name=row["name"])
