"""
A PostgreSQL database, as an end of a move.

It is loaded by those alone who have such a database.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy
from psycopg import sql
from sqlalchemy import Column, Table

from entrepot.database import Statement
from entrepot.moving.ends import MoveRefused, Values, key_of, rows_behind
from entrepot.postgresql.dialect import POSTGRESQL
from entrepot.schema.migrating import shown

# As the servers' connections are called, and so that they can be told from it.
_NAME = "entrepot"
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'entrepot%' AND pid <> pg_backend_pid()
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_SEQUENCE = "SELECT pg_get_serial_sequence(%s, %s)"
_TYPES = ((sqlalchemy.Integer, "int8"), (sqlalchemy.Float, "float8"), (sqlalchemy.Text, "text"))


class PostgresqlEnd:
    """The database at *url*, which has all tables."""

    def __init__(self, url: str, *, writes: bool) -> None:
        self._url = url
        self._connection = _connected(url)
        if not writes:
            self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def tables(self) -> set[str]:
        """Names of all tables in our schema, but for the one of its version."""
        return {name for (name,) in self._connection.execute(_TABLES)} - {"alembic_version"}

    def rows(self, table: Table, after: Values | None) -> Iterator[Values]:
        """Rows behind *after*, as they come. Raises: MoveRefused."""
        statement, params = rows_behind(table, after)
        with self._answering(), self._connection.cursor() as cursor:
            text, bound = statement.bind(params, POSTGRESQL)
            yield from cursor.stream(text.encode(), bound, binary=True)

    def look(self, statement: Statement) -> Values | None:
        """The first row. Raises: MoveRefused."""
        text, params = statement.bind({}, POSTGRESQL)
        with self._answering():
            return self._connection.execute(text.encode(), params).fetchone()

    def put(self, table: Table, rows: Sequence[Values]) -> None:
        """Add rows. Raises: MoveRefused."""
        columns = [sql.Identifier(column.name) for column in table.columns]
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            sql.Identifier(table.name), sql.SQL(", ").join(columns)
        )
        try:
            with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
                copy.set_types([_type(column) for column in table.columns])
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            raise MoveRefused(f"{shown(self._url)} does not take rows of {table.name}: {_first_line(error)}") from None

    def last_number(self, table: Table) -> int:
        """What its sequence has given last."""
        sequence = self._sequence(table)
        row = self._connection.execute(
            sql.SQL("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {}").format(sequence)
        ).fetchone()
        assert row is not None  # a sequence has one
        return int(row[0])

    def number_from(self, table: Table, last: int) -> None:
        """Set its sequence, which begins at 1 where nothing was given."""
        if last:
            self._connection.execute(
                "SELECT setval(pg_get_serial_sequence(%s, %s), %s)", (table.name, key_of(table)[0].name, last)
            )

    def say_version(self, version: str) -> None:
        """Call the schema's version so."""
        self._connection.execute("UPDATE alembic_version SET version_num = %s", (version,))

    def close(self) -> None:
        """Give it up."""
        self._connection.close()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise MoveRefused(f"{shown(self._url)} does not answer: {_first_line(error)}. Run this again") from None

    def _sequence(self, table: Table) -> sql.Identifier:
        row = self._connection.execute(_SEQUENCE, (table.name, key_of(table)[0].name)).fetchone()
        assert row is not None  # it is a function's value
        return sql.Identifier(*str(row[0]).split("."))


def others_on(url: str) -> int:
    """How many connections of servers and commands there are to a database."""
    connection = _connected(url)
    try:
        row = connection.execute(_OTHERS).fetchone()
        assert row is not None  # it counts
        return int(row[0])
    finally:
        connection.close()


def _connected(url: str) -> "psycopg.Connection[Any]":
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=5, application_name=_NAME)
    except psycopg.Error as error:
        raise MoveRefused(f"The database {shown(url)} cannot be reached: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _type(column: Column[Any]) -> str:
    return next((name for kind, name in _TYPES if isinstance(column.type, kind)), "bytea")
