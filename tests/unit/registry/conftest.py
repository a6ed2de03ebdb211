"""Rows to test on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.database import Database
from entrepot.registry.repositories import Repository
from tests.support.database import database_in
from tests.support.pushing import make_repository


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with database_in(tmp_path) as database:
        yield database


@pytest.fixture
def repository(database: Database) -> Repository:
    return make_repository(database)
