"""What moving asks of a database at either end, and the statements that both kinds share."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from sqlalchemy import Column, Table, bindparam, func, select, tuple_

from entrepot.database import Statement
from entrepot.errors import Refused

Values = tuple[Any, ...]

# The number that a table gave its last row.
_LAST = "last"


class MoveRefused(Refused):
    """The move cannot begin, go on or end. The text says why, and what to do."""


class AlreadyMoved(MoveRefused):
    """The target has the registry's rows, and was given to those who work with it."""


class End(Protocol):
    """One database. What is read is of one state of it, that of the first look."""

    def tables(self) -> set[str]:
        """Names of all tables, but for the one of the schema's version."""

    def rows(self, table: Table, after: Values | None) -> Iterator[Values]:
        """Rows whose key is greater than *after*, all columns, in the order of their keys, a few in memory."""

    def look(self, statement: Statement) -> Values | None:
        """The first row."""

    def put(self, table: Table, rows: Sequence[Values]) -> None:
        """Add rows, in one transaction of their own. Raises: MoveRefused."""

    def last_number(self, table: Table) -> int:
        """The greatest number that the table has ever given a row by itself, or been given; 0: none."""

    def number_from(self, table: Table, last: int) -> None:
        """Let the table give its next row a number greater than *last*."""

    def say_version(self, version: str) -> None:
        """Call the schema's version so."""

    def close(self) -> None:
        """Give it up."""


def key_of(table: Table) -> list[Column[Any]]:
    """The columns of its primary key, in order."""
    return list(table.primary_key.columns)


def rows_behind(table: Table, after: Values | None) -> tuple[Statement, dict[str, Any]]:
    """The statement for rows whose key is greater than *after*, and its parameters."""
    key = key_of(table)
    found = select(*table.columns).order_by(*key)
    if after is None:
        return Statement(found), {}
    marks = [bindparam(f"{_LAST}{number}", type_=column.type) for number, column in enumerate(key)]
    behind = tuple_(*key) > tuple_(*marks) if len(key) > 1 else key[0] > marks[0]
    return Statement(found.where(behind)), {mark.key: value for mark, value in zip(marks, after, strict=True)}


def last_key(end: End, table: Table) -> Values | None:
    """The greatest key; None where the table is empty."""
    key = key_of(table)
    row = end.look(Statement(select(*key).order_by(*(column.desc() for column in key)).limit(1)))
    return None if row is None else tuple(row)


def count(end: End, table: Table) -> int:
    """How many rows there are."""
    row = end.look(Statement(select(func.count()).select_from(table)))
    assert row is not None  # it counts
    return int(row[0])


def numbers_itself(table: Table) -> bool:
    """Whether rows that come without a key are given a number."""
    return table.autoincrement_column is not None
