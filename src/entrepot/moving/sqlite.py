"""SQLite's file, as an end of a move."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Table, func, select

from entrepot.database import Statement
from entrepot.moving.ends import MoveRefused, Values, key_of, rows_behind

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite|_%' ESCAPE '|'"
_SEQUENCE = "SELECT seq FROM sqlite_sequence WHERE name = ?"


class SqliteEnd:
    """The file at *path*, which has all tables."""

    def __init__(self, path: Path, *, writes: bool) -> None:
        self._path = path
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        if not writes:
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("BEGIN")

    def tables(self) -> set[str]:
        """Names of all tables, but for SQLite's own and the one of the schema's version."""
        return {name for (name,) in self._connection.execute(_TABLES)} - {"alembic_version"}

    def rows(self, table: Table, after: Values | None) -> Iterator[Values]:
        """Rows behind *after*, as SQLite finds them."""
        statement, params = rows_behind(table, after)
        yield from self._connection.execute(*statement.bind(params))

    def look(self, statement: Statement) -> Values | None:
        """The first row."""
        row: Values | None = self._connection.execute(*statement.bind({})).fetchone()
        return row

    def put(self, table: Table, rows: Sequence[Values]) -> None:
        """Add rows. Raises: MoveRefused."""
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        places = ", ".join("?" for _ in table.columns)
        insert = f'INSERT INTO "{table.name}" ({columns}) VALUES ({places})'  # noqa: S608  # names of our own tables
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(insert, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise MoveRefused(f"{self._path} does not take rows of {table.name}: {error}") from None

    def last_number(self, table: Table) -> int:
        """What SQLite remembers where it does, and else the greatest there is."""
        (key,) = key_of(table)
        kept = self._connection.execute(_SEQUENCE, (table.name,)).fetchone()
        row = self.look(Statement(select(func.coalesce(func.max(key), 0))))
        assert row is not None  # it is a function's value
        return max(int(row[0]), kept[0] if kept else 0)

    def number_from(self, table: Table, last: int) -> None:
        """Remember *last*, where the table remembers at all: else it counts on from the greatest there is."""
        if table.dialect_options["sqlite"]["autoincrement"]:
            known = self._connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (last, table.name))
            if known.rowcount == 0:
                self._connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, last))

    def say_version(self, version: str) -> None:
        """Call the schema's version so."""
        self._connection.execute("UPDATE alembic_version SET version_num = ?", (version,))

    def close(self) -> None:
        """Give it up."""
        self._connection.close()
