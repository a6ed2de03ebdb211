"""Who pushes and pulls in tests, beside the root user of the default account."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from entrepot import clock
from entrepot.database import Database, Transaction
from entrepot.identity import accounts, attachments, credentials, users
from entrepot.identity.credentials import Vault
from entrepot.identity.directory import Directory
from entrepot.identity.principals import Principal, root_of
from entrepot.serving.preparing import open_database
from tests.support.rootkey import root_key_of
from tests.support.server import ACCOUNT, REGION, Registry, Server

Key = tuple[str, str]


@dataclass(frozen=True)
class Account:
    """An account, with the access key of its root user."""

    id: str
    key: Key

    def host(self, server: Server, region: str = REGION) -> str:
        """The name of its registry."""
        return f"{self.id}.dkr.ecr.{region}.localhost:{server.port}"

    def registry(self, server: Server) -> Registry:
        """Its own registry, logged in as its root user."""
        registry = server.registry(key=self.key)
        registry.headers["Host"] = self.host(server)
        return registry


def new_account(server: Server) -> Account:
    """A new account."""
    account = change(server, accounts.create).id
    return Account(account, _key(server, root_of(account)))


def new_user(server: Server, name: str, policy: str = "AdministratorAccess") -> Key:
    """The access key of a new user of the default account, who has one of AWS's own policies."""

    def work(tx: Transaction) -> Principal:
        user = users.create(tx, ACCOUNT, name=name)
        attachments.attach(tx, user.id, f"arn:aws:iam::aws:policy/{policy}", kind="User", account=ACCOUNT)
        return user.principal

    return _key(server, change(server, work))


def change(server: Server, work: Callable[[Transaction], Any]) -> Any:
    """What ``entrepot account``, ``user`` and ``key`` do, without the half second that a process takes to start."""
    with database_of(server) as database:
        return database.write(work)


def password_of(server: Server, *, ago: float) -> str:
    """A login password of the default account's root user as it was issued *ago* seconds before now."""
    clock.travel(-ago)
    try:
        with directory_of(server) as directory:
            access_key_id = server.environment()["AWS_ACCESS_KEY_ID"]
            return directory.logins.issue(root_of(ACCOUNT), access_key_id, REGION).password
    finally:
        clock.travel(ago)


@contextmanager
def directory_of(server: Server) -> Iterator[Directory]:
    """Everybody whom a server that is at work knows, with the keys that it seals with."""
    with database_of(server) as database:
        yield Directory(database, root_key_of(server.data))


def _key(server: Server, owner: Principal) -> Key:
    vault = Vault(root_key_of(server.data))
    made = change(server, lambda tx: credentials.create(tx, owner, vault=vault))
    return made.id, made.secret


@contextmanager
def database_of(server: Server) -> Iterator[Database]:
    """The rows of a server that is at work."""
    database = open_database(server.place)
    try:
        yield database
    finally:
        database.close()
