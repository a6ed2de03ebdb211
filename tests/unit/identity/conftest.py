"""A deployment with one account, for tests of identity."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.database import Database
from entrepot.identity import accounts, credentials, deployment, users
from entrepot.identity.credentials import Vault
from entrepot.identity.directory import Directory
from entrepot.identity.new_keys import NewKey
from entrepot.identity.principals import Principal
from tests.support.database import database_in
from tests.support.rootkey import root_key

ROOT_KEY = root_key()
ACCOUNT = "123456789012"


class World:
    """What a deployment holds, and changes to it as an administrator makes them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.vault = Vault(ROOT_KEY)
        deployment.establish(database, ROOT_KEY)
        database.write(lambda tx: accounts.create(tx, account=ACCOUNT))

    def directory(self) -> Directory:
        return Directory(self.database, ROOT_KEY)

    def user(self, name: str, account: str = ACCOUNT) -> Principal:
        return self.database.write(lambda tx: users.create(tx, account, name=name).principal)

    def key(self, owner: Principal) -> NewKey:
        return self.database.write(lambda tx: credentials.create(tx, owner, vault=self.vault))


@pytest.fixture(scope="session")
def empty(tmp_path_factory) -> Path:
    """A database without rows, to be copied: making one anew takes a third of a second."""
    folder: Path = tmp_path_factory.mktemp("empty")
    with database_in(folder):
        return folder / "entrepot.sqlite"


@pytest.fixture
def database(empty, tmp_path) -> Iterator[Database]:
    opened = Database(Path(shutil.copy(empty, tmp_path)))
    yield opened
    opened.close()


@pytest.fixture
def world(database) -> World:
    return World(database)
