"""Rows, transactions, and what both need of a connection, whichever database it is to."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from sqlalchemy.engine import Dialect

from entrepot.database.statements import Statement


class Row(Protocol):
    """Values by name or by number."""

    def __getitem__(self, key: Any, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...

    def keys(self) -> Iterable[str]:
        """Their names: ``**`` unfolds a row."""


class Cursor(Protocol):
    """What a statement has found or done."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""

    def close(self) -> None:
        """Nobody asks for more."""


class Connection(Protocol):
    """A connection that begins and ends no transaction by itself; of one thread at a time."""

    @property
    def in_transaction(self) -> bool:
        """Whether one has begun."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Cursor:
        """Run one statement."""

    def executemany(self, sql: str, rows: Any, /) -> object:
        """Run one statement for each of *rows*."""

    def close(self) -> None:
        """Give it up, with whatever transaction it is in."""


class Transaction:
    """
    Statements run here become true together, or not at all.

    *remembered* holds what was read and cannot have changed since, because nobody else can write now. It is
    shared by all who are in one commit; who changes a row that is remembered has to remove it. Who changes
    anybody's rights says so by *changes_rights*.
    """

    __slots__ = ("_begin", "_connection", "_dialect", "changes_rights", "remembered")

    def __init__(self, connection: Connection, dialect: Dialect, *, begin: str | None = None) -> None:
        """*begin*: what its first statement begins it with."""
        self._connection = connection
        self._dialect = dialect
        self._begin = begin
        self.remembered: dict[object, Any] = {}
        self.changes_rights = False

    def run(self, statement: Statement, **params: Any) -> int:
        """How many rows the statement changed."""
        if self._begin:
            self._start(self._begin)
        return self._connection.execute(*statement.bind(params, self._dialect)).rowcount

    def many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Run one statement for each of *rows*."""
        if rows:
            sql, _ = statement.bind(rows[0], self._dialect)
            self._connection.executemany(sql, [statement.bind(row, self._dialect)[1] for row in rows])

    def one(self, statement: Statement, **params: Any) -> Row | None:
        """The first row, or None."""
        if self._begin:
            self._start(self._begin)
        cursor = self._connection.execute(*statement.bind(params, self._dialect))
        row: Row | None = cursor.fetchone()
        cursor.close()
        return row

    def all(self, statement: Statement, **params: Any) -> list[Row]:
        """Every row; *the statement must have a LIMIT or a bound of its own*."""
        if self._begin:
            self._start(self._begin)
        return self._connection.execute(*statement.bind(params, self._dialect)).fetchall()

    def _start(self, begin: str) -> None:
        self._connection.execute(begin)
        self._begin = None
