"""Rows out of either database, and back."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from entrepot.backup import rows
from entrepot.database import Database
from entrepot.moving import rows as moving
from entrepot.postgresql import Postgresql
from entrepot.registry import repositories
from entrepot.schema.migrating import migrate
from tests.support.postgresql import cluster
from tests.support.pushing import make_repository, push_image


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    if request.param == "postgresql":
        return cluster().new(migrated=True)
    path = tmp_path / "entrepot.sqlite"
    migrate(path)
    return path


@pytest.fixture
def database(place):
    database = _open(place)
    yield database
    database.close()


def _open(place):
    return Database(Postgresql(place) if isinstance(place, str) else place)


def _put(source, target):
    """As a restore does."""
    if isinstance(target, str):
        moving.move(source, target, lambda done, total: None)
    else:
        rows.put(source, target)


def _dumped(path):
    """All rows of a file, by table."""
    with sqlite3.connect(path) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}


def _new_id(database):
    return make_repository(database, "another").id


def test_rows_taken_and_put_into_either_kind_of_database_are_the_same_rows(place, database, tmp_path):
    repository = make_repository(database)
    for number in range(120):  # more than are read at a time
        push_image(database, repository, str(number), f"tag-{number}")
    rows.take(place, tmp_path / "taken.sqlite")
    taken = _dumped(tmp_path / "taken.sqlite")
    assert (len(taken["manifests"]), len(taken["tags"]), len(taken["blobs"])) == (120, 120, 240)

    for number, target in enumerate((cluster().new(migrated=True), tmp_path / "put" / "entrepot.sqlite")):
        (tmp_path / "put").mkdir(exist_ok=True)
        _put(tmp_path / "taken.sqlite", target)
        rows.take(target, tmp_path / f"again-{number}.sqlite")
        assert _dumped(tmp_path / f"again-{number}.sqlite") == taken


def test_an_id_that_was_given_out_before_the_backup_is_not_given_out_after_it(place, database, tmp_path):
    """A deleted repository's rows are swept away later: whoever got its id would get them."""
    make_repository(database, "kept")
    deleted = make_repository(database, "deleted")
    database.write(lambda tx: repositories.delete(tx, deleted, force=True))
    rows.take(place, tmp_path / "taken.sqlite")
    target = cluster().new(migrated=True) if isinstance(place, str) else tmp_path / "put.sqlite"
    _put(tmp_path / "taken.sqlite", target)
    restored = _open(target)

    assert _new_id(restored) > deleted.id

    restored.close()


def test_the_rows_are_those_of_one_instant_while_others_write(place, database, tmp_path):
    repository, ending = make_repository(database), Event()

    def write():
        number = 0
        while not ending.is_set():
            push_image(database, repository, str(number), "latest")
            number += 1
        return number

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            for number in range(5):
                rows.take(place, tmp_path / f"{number}.sqlite")
        finally:
            ending.set()
        assert writing.result() > 5
    for number in range(5):
        with sqlite3.connect(tmp_path / f"{number}.sqlite") as taken:
            (blobs,) = taken.execute("SELECT count(*) FROM blobs").fetchone()
            (needed,) = taken.execute("SELECT count(DISTINCT blob_id) FROM manifest_blobs").fetchone()
            # An image's config, its layer and its manifest come one after the other, each in a transaction.
            (images,) = taken.execute("SELECT count(*) FROM manifests").fetchone()
            assert needed == 2 * images
            assert blobs - needed <= 2
            assert taken.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
