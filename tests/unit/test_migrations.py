"""The schema that migrations make is the one that the tables describe."""

import contextlib
import re
import sqlite3
import subprocess
import sys

import psycopg
import pytest
import sqlalchemy

from entrepot.database import metadata
from entrepot.database.migrating import SchemaRefused, demand_current, migrate
from tests.support.database import database_in
from tests.support.postgresql import cluster


def _schema(path):
    """
    Every table by name: its columns, its indexes and their columns, and how SQLite keeps it.

    Not its SQL: a column that a later migration added stands behind the constraints there.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: (
                sorted(column[1:] for column in connection.execute(f"PRAGMA table_xinfo({name})")),
                sorted(_index(connection, *row[1:4]) for row in connection.execute(f"PRAGMA index_list({name})")),
                [word in re.sub(r"\s+", " ", sql) for word in ("WITHOUT ROWID", "AUTOINCREMENT")],
            )
            for name, sql in tables
            if name != "alembic_version"
        }


def _index(connection, name, unique, origin):
    """An index by its name, unless SQLite has made that up, and its columns in order."""
    columns = [row[2] for row in connection.execute(f"PRAGMA index_info({name})")]
    return (name if origin == "c" else "", unique, origin, columns)


def _schema_on_server(url):
    """Every table by name: its columns, its keys and its indexes, as PostgreSQL has them."""
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    seen = sqlalchemy.inspect(engine)
    tables = {
        name: (
            sorted(str(sorted(column.items())) for column in seen.get_columns(name)),
            seen.get_pk_constraint(name)["constrained_columns"],
            sorted(constraint["column_names"] for constraint in seen.get_unique_constraints(name)),
            sorted(str(sorted(index.items())) for index in seen.get_indexes(name)),
        )
        for name in seen.get_table_names()
        if name != "alembic_version"
    }
    engine.dispose()
    return tables


def _change(path, sql):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
        connection.commit()


def test_migrations_make_what_the_tables_describe(tmp_path):
    migrated = tmp_path / "migrated.sqlite"

    migrate(migrated)
    with database_in(tmp_path):
        described = _schema(tmp_path / "entrepot.sqlite")

    assert len(described) > 20
    assert _schema(migrated) == described


def test_on_postgresql_too_they_make_what_the_tables_describe():
    migrated, described = cluster().new(), cluster().new()
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(described))

    migrate(migrated)
    metadata.create_all(engine)
    engine.dispose()

    tables = _schema_on_server(described)
    assert len(tables) > 20
    assert _schema_on_server(migrated) == tables
    columns = "".join(column for each, *_ in tables.values() for column in each)
    assert "INTEGER()" not in columns, "32 bits do not hold the size of a layer: use Integer of entrepot.database"
    assert "TEXT()" not in columns, "this is not in the order of bytes: use Text of entrepot.database"


def test_two_that_migrate_a_postgresql_database_at_a_time_do_not_meet():
    url = cluster().new()
    program = "import sys; from entrepot.database.migrating import migrate; migrate(sys.argv[1])"

    both = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(2)]

    assert [one.wait() for one in both] == [0, 0]
    demand_current(url)


def test_a_postgresql_database_that_cannot_be_reached_is_refused_without_its_password(tmp_path):
    with pytest.raises(SchemaRefused, match=r"postgresql:///rows cannot be read: .*No such file") as refused:
        migrate(f"postgresql://ann:s3cret@/rows?host={tmp_path}")

    assert "s3cret" not in str(refused.value)


def test_migrating_again_changes_nothing(tmp_path):
    path = tmp_path / "entrepot.sqlite"
    migrate(path)
    before = path.read_bytes()

    migrate(path)

    assert path.read_bytes() == before


def test_a_current_schema_is_left_without_loading_alembic(tmp_path):
    """It would cost every start 0.3 s."""
    migrate(tmp_path / "entrepot.sqlite")
    program = (
        "import sys, pathlib; from entrepot.database.migrating import migrate; "
        "migrate(pathlib.Path(sys.argv[1])); assert 'alembic' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", program, tmp_path / "entrepot.sqlite"], check=True)


def test_a_newer_schema_is_refused_by_name_of_both(tmp_path):
    path = tmp_path / "entrepot.sqlite"
    migrate(path)
    _change(path, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaRefused, match=r"schema 9999, and this program knows none after 0007"):
        migrate(path)


def test_only_a_current_schema_is_worked_with(tmp_path):
    path = tmp_path / "entrepot.sqlite"
    with pytest.raises(SchemaRefused, match="schema none"):
        demand_current(path)
    migrate(path)

    demand_current(path)


def test_a_step_that_fails_leaves_nothing_behind(tmp_path):
    """A table that is in the way stands for any failure half-way."""
    path = tmp_path / "entrepot.sqlite"
    _change(path, "CREATE TABLE manifests (x)")
    before = _schema(path)

    with pytest.raises(Exception, match="manifests already exists"):
        migrate(path)

    assert _schema(path) == before


def test_material_from_before_there_were_versions_of_the_root_key_is_of_version_1(tmp_path):
    path = tmp_path / "entrepot.sqlite"
    migrate(path)
    _change(path, "DROP TABLE replaced")
    _change(path, "UPDATE alembic_version SET version_num = '0005'")
    for version in (1, 2):
        _change(path, f"INSERT INTO kms_materials VALUES ('key', {version}, x'aa0{version}', 0, NULL)")

    migrate(path)

    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT version, sealed FROM kms_materials ORDER BY version").fetchall()
    assert rows == [(1, b"\x01\xaa\x01"), (2, b"\x01\xaa\x02")]


def test_a_folder_with_odd_characters_is_no_obstacle(tmp_path):
    folder = tmp_path / "50% of it's #1?&x=1"
    folder.mkdir()

    migrate(folder / "entrepot.sqlite")

    demand_current(folder / "entrepot.sqlite")
