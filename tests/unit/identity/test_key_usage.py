"""When keys were used. Source: IAM API reference, GetAccessKeyLastUsed."""

import sqlite3

import pytest

from entrepot.database import Database
from entrepot.identity import key_usage


@pytest.fixture
def key(world):
    """The id of the key of a new user."""
    key_usage.flush(world.database)
    return world.key(world.user("ann")).id


def last(world, key):
    with world.database.reading() as tx:
        return key_usage.find(tx, key)


def test_a_use_is_written_by_the_next_flush(world, key):
    key_usage.note_use(key, "eu-west-1", service="ecr", at=1000.0)
    assert last(world, key).used_at is None

    assert key_usage.flush(world.database) == 1

    used = last(world, key)
    assert (used.used_at, used.region, used.service) == (1000.0, "eu-west-1", "ecr")
    assert key_usage.flush(world.database) == 0


def test_the_same_use_is_noted_once_a_minute_and_another_at_once(world, key):
    key_usage.note_use(key, "r", service="ecr", at=1000.0)
    key_usage.flush(world.database)
    key_usage.note_use(key, "r", service="ecr", at=1059.0)
    assert key_usage.flush(world.database) == 0
    key_usage.note_use(key, "r", service="iam", at=1059.0)
    assert key_usage.flush(world.database) == 1
    key_usage.note_use(key, "r", service="iam", at=1119.0)
    assert key_usage.flush(world.database) == 1

    assert last(world, key).used_at == 1119.0


def test_a_later_use_that_another_process_wrote_stays(world, key):
    key_usage.note_use(key, "new", service="ecr", at=5000.0)
    key_usage.flush(world.database)
    key_usage.note_use(key, "old", service="ecr", at=4000.0)
    key_usage.flush(world.database)

    assert last(world, key).region == "new"


def test_what_could_not_be_written_is_written_with_the_next_flush(world, key, tmp_path):
    without_tables = Database(tmp_path / "without-tables.sqlite")
    key_usage.note_use(key, "r", service="ecr", at=9000.0)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        key_usage.flush(without_tables)
    without_tables.close()

    assert key_usage.flush(world.database) == 1
    assert last(world, key).used_at == 9000.0


def test_a_use_raises_no_generation(world, key):
    directory = world.directory()
    before = directory.generation()
    key_usage.note_use(key, "r", service="ecr", at=1.0)
    key_usage.flush(world.database)

    assert directory.generation() == before


def test_nobodys_key_has_no_last_use(world):
    key_usage.note_use("AKIANOBODY", "r", service="ecr", at=1.0)
    key_usage.flush(world.database)
    assert last(world, "AKIANOBODY") is None
