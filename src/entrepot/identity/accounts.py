"""Accounts: create, find, list. Every change raises the generation."""

import re
import secrets
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select

from entrepot import clock
from entrepot.database import Statement, Transaction
from entrepot.identity.faults import EntityAlreadyExists, EntityNotFound, NameRefused
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import accounts

_ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)
_ACCOUNT_NAME = re.compile(r"[\w+=,.@ -]{1,50}", re.ASCII)

#: Before ``account/<id>``, where an ARN is to stand: all accounts are a matter of the deployment's default account.
PREFIX = "deployment:"

_FIND = Statement(select(accounts).where(accounts.c.id == bindparam("id")))
_FIND_NAME = Statement(select(accounts).where(accounts.c.name == bindparam("name")))
_PUT = Statement(insert(accounts))
_LIST = Statement(
    select(accounts).where(accounts.c.id > bindparam("after")).order_by(accounts.c.id).limit(bindparam("most"))
)


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


def page(tx: Transaction, *, after: str = "", limit: int) -> list[Account]:
    """At most *limit* accounts behind the id *after*, by id."""
    return [Account(**row) for row in tx.all(_LIST, after=after, most=limit)]


def located(resource: str, default_account: str) -> str:
    """The ARN by which policies know what ``deployment:account/<id>`` means; anything else stays as it is."""
    if not resource.startswith(PREFIX):
        return resource
    return f"arn:aws:entrepot::{default_account}:{resource.removeprefix(PREFIX)}"


def _unused_id(tx: Transaction) -> str:
    while True:
        account = f"{secrets.randbelow(9 * 10**11) + 10**11}"
        if tx.one(_FIND, id=account) is None:
            return account
