"""
All rows as they are at one instant, in a SQLite file, and back from one into PostgreSQL.

A SQLite database is copied by its own online backup, a PostgreSQL database table by table out of one snapshot. Ids
that were given out are carried along with the rows: they must never be used again.
"""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, bindparam, create_engine, insert, select, text, tuple_

from entrepot.backup.folder import sync
from entrepot.database import Database, Statement, Transaction
from entrepot.database.statements import SQLITE
from entrepot.schema.migrating import migrate, vacate

# Manifests have up to 4 MiB, and so many of them stand in memory at a time.
_PAGE = 50
# SQLite's pages that are copied in one go.
_STEP = 4096
# Tables whose rows are numbered, no number twice.
_NUMBERED = ("repositories", "manifests", "blobs")

_LAST = Statement(text("SELECT seq FROM sqlite_sequence WHERE name = :of"))
_FORGET_LAST = Statement(text("DELETE FROM sqlite_sequence WHERE name = :of"))
_SET_LAST = Statement(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:of, :last)"))
_LAST_OF_SERVER = Statement(
    text("SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(CAST(:of AS text), 'id') AS regclass))")
)
_SET_LAST_OF_SERVER = Statement(text("SELECT setval(pg_get_serial_sequence(CAST(:of AS text), 'id'), :last)"))


@contextlib.contextmanager
def alone(path: Path) -> Iterator[Transaction]:
    """One transaction on a file of rows that nobody else works with."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        yield Transaction(connection, SQLITE)
        connection.execute("COMMIT")


def take(place: Path | str, database: Database, target: Path) -> None:
    """Put all rows of the *database* at *place*, as of one instant, into the file *target*, in place of what it is."""
    for file in (target, target.with_name(f"{target.name}-journal")):
        file.unlink(missing_ok=True)
    if isinstance(place, Path):
        _copy_file(place, target)
        return
    migrate(target)
    vacate(target)
    tables = _tables(target)
    with alone(target) as into, database.reading() as source:
        _copy_tables(tables, source, into)
        for table in _NUMBERED:
            row = source.one(_LAST_OF_SERVER, of=table)
            into.run(_FORGET_LAST, of=table)
            into.run(_SET_LAST, of=table, last=row[0] or 0 if row else 0)


def put(source: Path, place: Path | str, database: Database | None) -> None:
    """
    Make the rows of the file *source* those at *place*: all of them or, after a crash, none.

    A file there must not be; a *database* of a server must have its tables, and no rows.
    """
    if isinstance(place, Path):
        beside = source
        if source.parent != place.parent:
            beside = place.with_name(f"{place.name}.restoring")
            shutil.copyfile(source, beside)
        sync(beside)
        beside.rename(place)
        sync(place.parent)
        return
    assert database is not None
    vacate(place)
    tables = _tables(source)

    def work(tx: Transaction) -> None:
        with alone(source) as rows:
            _copy_tables(tables, rows, tx)
            for table in _NUMBERED:
                if row := rows.one(_LAST, of=table):
                    tx.one(_SET_LAST_OF_SERVER, of=table, last=max(1, row[0]))

    database.write(work)


def _copy_file(source: Path, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(source, isolation_level=None, timeout=30)) as connection:
        # Inside a transaction the backup keeps to what that sees, and nobody's commit makes it begin anew.
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with contextlib.closing(sqlite3.connect(target)) as into:
            connection.backup(into, pages=_STEP)
            into.execute("PRAGMA journal_mode = DELETE")


def _tables(file: Path) -> list[Table]:
    """What the migrations have made in a file: whoever imports which domains, none is left out."""
    engine, found = create_engine(f"sqlite:///{file}"), MetaData()
    found.reflect(engine)
    engine.dispose()
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def _copy_tables(tables: list[Table], source: Transaction, into: Transaction) -> None:
    for table in tables:
        put_all = Statement(insert(table).values({column.name: bindparam(column.name) for column in table.columns}))
        for rows in _pages(source, table):
            into.many(put_all, rows)


def _pages(source: Transaction, table: Table) -> Iterator[list[dict[str, Any]]]:
    """All rows in the order of their key, so that each page knows where the last one has ended."""
    key = list(table.primary_key.columns)
    some = select(table).order_by(*key).limit(_PAGE)
    behind = tuple_(*key) > tuple_(*(bindparam(f"last_{column.name}", type_=column.type) for column in key))
    following = Statement(some.where(behind))
    rows = source.all(Statement(some))
    while rows:
        yield [{**row} for row in rows]
        last = {f"last_{column.name}": rows[-1][str(column.name)] for column in key}
        rows = source.all(following, **last)
