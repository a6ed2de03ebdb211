"""Rows to test on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.database import Database
from entrepot.registry.repositories import Repository
from tests.support.database import database_in
from tests.support.pushing import make_repository


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
def repository(database: Database) -> Repository:
    return make_repository(database)
