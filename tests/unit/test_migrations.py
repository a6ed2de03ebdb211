"""The schema that migrations make is the one that the tables describe."""

import contextlib
import importlib
import re
import sqlite3
import subprocess
import sys

import psycopg
import pytest
import sqlalchemy

from entrepot.database import metadata
from entrepot.schema.migrating import SchemaRefused, demand_current, migrate
from tests.support.database import database_in
from tests.support.migrations import NEWEST, NEXT, VERSIONS, newer_program, refused_in
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
    program = "import sys; from entrepot.schema.migrating import migrate; migrate(sys.argv[1])"

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
        "import sys, pathlib; from entrepot.schema.migrating import migrate; "
        "migrate(pathlib.Path(sys.argv[1])); assert 'alembic' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", program, tmp_path / "entrepot.sqlite"], check=True)


def test_a_newer_schema_is_refused_by_name_of_both(tmp_path):
    path = tmp_path / "entrepot.sqlite"
    migrate(path)
    _change(path, "UPDATE alembic_version SET version_num = '9999'")
    _change(path, "UPDATE deployment SET value = '9999' WHERE name = 'oldest-program'")

    with pytest.raises(SchemaRefused, match=f"schema 9999, and this program knows none after {NEWEST}"):
        migrate(path)


@pytest.mark.parametrize("place", ["file", "server"])
def test_a_newer_schema_that_takes_this_program_is_left_as_it_is(place, tmp_path, monkeypatch):
    where = tmp_path / "entrepot.sqlite" if place == "file" else cluster().new()
    with newer_program(monkeypatch, tmp_path, oldest=NEWEST):
        migrate(where)
        with pytest.raises(SchemaRefused, match=f"has schema none|works with {NEXT}"):
            demand_current(tmp_path / "other.sqlite")

    migrate(where)
    demand_current(where)

    with newer_program(monkeypatch, tmp_path, oldest=NEWEST):
        demand_current(where)


@pytest.mark.parametrize("oldest", [NEXT, None])
def test_one_that_does_not_is_refused_also_where_it_was_ours_before(oldest, tmp_path, monkeypatch):
    path = tmp_path / "entrepot.sqlite"
    migrate(path)
    with newer_program(monkeypatch, tmp_path, oldest=oldest):
        migrate(path)

    for start in (migrate, demand_current):
        with pytest.raises(SchemaRefused, match=rf"has schema {NEXT}.*{NEWEST}"):
            start(path)


def test_who_takes_old_programs_only_adds_what_they_need_not_know():
    """A release's steps may be followed by writes of the release before it."""
    for file in sorted(VERSIONS.glob("[0-9]*.py")):
        module = importlib.import_module(f"entrepot.schema.migrations.versions.{file.stem}")
        if getattr(module, "OLDEST", module.revision) < module.revision:
            assert refused_in(file.read_text()) == [], file.name


@pytest.mark.parametrize(
    ("step", "is_refused"),
    [
        ('op.create_table("x", sa.Column("a", Text, nullable=False))', False),
        ('op.create_index("x_by_a", "x", ["a"], unique=False)', False),
        ('op.create_index("x_by_a", "x", ["a"], unique=True)', True),
        ('op.add_column("blobs", sa.Column("a", Text, nullable=True))', False),
        ('op.add_column("blobs", sa.Column("a", Integer, server_default="0", nullable=False))', False),
        ('op.add_column("blobs", sa.Column("a", Text, nullable=False))', True),
        ('op.drop_column("blobs", "a")', True),
        ('op.execute("DELETE FROM blobs")', True),
    ],
)
def test_what_an_old_program_cannot_bear_is_known(step, is_refused):
    assert bool(refused_in(f"def upgrade():\n    {step}\n")) is is_refused


def test_only_a_current_schema_is_worked_with(tmp_path):
    path = tmp_path / "entrepot.sqlite"
    with pytest.raises(SchemaRefused, match="schema none"):
        demand_current(path)
    migrate(path)

    demand_current(path)


def test_a_first_start_that_ended_before_its_first_step_is_taken_up(tmp_path):
    """Alembic makes its table in a transaction of its own."""
    path = tmp_path / "entrepot.sqlite"
    _change(path, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")

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
    for table in ("replaced", "reencryption", "quotas"):
        _change(path, f"DROP TABLE {table}")
    for column in ("account", "counted"):
        _change(path, f"ALTER TABLE uploads DROP COLUMN {column}")
    _change(path, "UPDATE alembic_version SET version_num = '0006'")
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
