"""The schema that migrations make is the one that the tables describe."""

import contextlib
import re
import sqlite3
import subprocess
import sys

import pytest

from entrepot.database.migrating import SchemaRefused, demand_current, migrate
from tests.support.database import database_in


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

    with pytest.raises(SchemaRefused, match=r"schema 9999, and this program knows none after 0002"):
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


def test_a_folder_with_odd_characters_is_no_obstacle(tmp_path):
    folder = tmp_path / "50% of it's #1?&x=1"
    folder.mkdir()

    migrate(folder / "entrepot.sqlite")

    demand_current(folder / "entrepot.sqlite")
