"""
One PostgreSQL database, of as many processes on as many machines as there are.

Writers take turns by an advisory lock, which ends with the transaction, or with the process that held it.
Whether somebody has committed is asked of the server: why so, says
docs/decisions/0010-who-does-not-know-asks.md.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import count
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper

from entrepot.database.transactions import Connection
from entrepot.errors import NoSpace
from entrepot.postgresql.asking import Asker
from entrepot.postgresql.dialect import POSTGRESQL

# Whoever writes holds this: "ENTREPOT", as a number.
TURN = int.from_bytes(b"ENTREPOT", "big")
_SETTINGS: dict[str, Any] = {
    "autocommit": True,
    "connect_timeout": 5,
    "application_name": "entrepot",
    "tcp_user_timeout": 10_000,  # milliseconds, after which a server that has vanished is given up
}


class _Bool(Int8Dumper):
    """Columns hold numbers for true and false, as SQLite does."""

    def dump(self, obj: Any) -> Any:
        """1 or 0."""
        return super().dump(int(obj))


class Postgresql:
    """The database at *url*, as ``Database`` works with it."""

    dialect = POSTGRESQL
    begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ"
    # Each statement sees what was committed before it, so the first one after the wait what others did in their turns.
    begin_writing = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({TURN})"

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = count(1)
        self._seen = "", next(self._numbers)
        self._asker: Asker | None = None
        self._asking: asyncio.Future[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []

    def version(self) -> int:
        """A number that equals an earlier one only if nothing was committed between the two questions."""
        return self._seen[1]

    # Whoever remembers rights has the generation to see whether it was about them.
    rights_version = version

    def reader(self) -> Connection:
        """A connection that cannot write."""
        return _Mending(self._url, "SET default_transaction_read_only = on", alone=True)

    def writer(self) -> Connection:
        """The one connection of this process that writes; who holds its turn for long loses it."""
        return _Mending(self._url, "SET idle_in_transaction_session_timeout = '30s'", alone=False)

    def turn(self) -> contextlib.AbstractContextManager[None]:
        """Nothing: the transaction itself waits for its turn."""
        return contextlib.nullcontext()

    def commit(self, connection: Connection, *, rights: bool) -> None:
        """Make durable and visible what was done."""
        assert isinstance(connection, _Mending)
        # After an error that a work has kept to itself, PostgreSQL would undo all and call that done.
        if connection.has_failed:
            raise RuntimeError("a statement has failed in this transaction, and all of it with it")
        connection.execute("COMMIT")

    def named(self, error: BaseException) -> BaseException:
        """Call a full disk by its name. What did not fit has not been done."""
        return NoSpace(free=0, least=0) if isinstance(error, psycopg.errors.DiskFull) else error

    async def ask(self) -> None:
        """Let ``version`` tell what was committed before this. Who come while one question is out share the next."""
        told = asyncio.get_running_loop().create_future()
        self._waiting.append(told)
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask_for_all())
        await told

    def close(self) -> None:
        """End the connection that asks."""
        if self._asker is not None:
            self._asker.close()
            self._asker = None

    async def _ask_for_all(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                await self._look()
                for told in waiting:
                    if not told.done():  # who has gone meanwhile was told to
                        told.set_result(None)
        finally:
            self._asking, self._waiting = None, []  # who waits still has ended with the loop

    async def _look(self) -> None:
        try:
            snapshot = await self._snapshot()
        except Exception:  # noqa: BLE001  # whatever it is, all who wait are told, and nobody trusts what he knows
            snapshot = ""  # unlike every one that is remembered
        if not snapshot or snapshot != self._seen[0]:
            self._seen = snapshot, next(self._numbers)

    async def _snapshot(self) -> str:
        if self._asker is not None:
            with contextlib.suppress(psycopg.OperationalError):
                return await self._asker.snapshot()
            self.close()
        # Another server may use numbers again that the last one lost when it failed: they mean nothing any more.
        self._seen = "", next(self._numbers)
        self._asker = await Asker.connected(self._url, **_SETTINGS)
        return await self._asker.snapshot()


class _Mending:
    """A connection that is made when it is needed, and again where it is found broken outside a transaction."""

    def __init__(self, url: str, setting: str, *, alone: bool) -> None:
        """*setting* is a statement that each connection begins with; *alone*: statements need no transaction."""
        self._url = url
        self._setting = setting
        self._alone = alone
        self._raw: psycopg.Connection[Any] | None = None

    @property
    def in_transaction(self) -> bool:
        """Whether one has begun; not, where the connection is lost."""
        return self._raw is not None and self._raw.pgconn.transaction_status in _INSIDE

    @property
    def has_failed(self) -> bool:
        """Whether the transaction can only be undone."""
        return self._raw is not None and self._raw.pgconn.transaction_status == TransactionStatus.INERROR

    def execute(self, sql: str, parameters: Any = None, /) -> psycopg.Cursor[Any]:
        """Run one statement."""
        raw, inside = self._raw, self.in_transaction
        if not (inside or self._alone or sql.startswith("BEGIN")):
            raise psycopg.OperationalError("the transaction has been lost with its connection")
        if raw is None:
            raw = self._connect()
        try:
            return raw.execute(sql, parameters, binary=parameters is not None)
        except psycopg.OperationalError:
            if inside or not raw.closed:
                raise
        return self._connect().execute(sql, parameters, binary=parameters is not None)

    def executemany(self, sql: str, rows: Any, /) -> None:
        """Run one statement for each of *rows*, in a transaction that has begun."""
        assert self._raw is not None
        with self._raw.cursor() as cursor:
            cursor.executemany(sql, rows)

    def close(self) -> None:
        """Give it up."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def _connect(self) -> psycopg.Connection[Any]:
        self.close()
        raw = psycopg.connect(self._url, row_factory=_rows, **_SETTINGS)
        # Types that do not depend on the value: each statement is prepared once.
        for kind, dumper in ((int, Int8Dumper), (bool, _Bool), (str, StrDumper)):
            raw.adapters.register_dumper(kind, dumper)
        raw.execute(self._setting)
        self._raw = raw
        return raw


_INSIDE = frozenset({TransactionStatus.ACTIVE, TransactionStatus.INTRANS, TransactionStatus.INERROR})


class _Row(tuple[Any, ...]):
    """Values by name or by number; of one statement's results."""

    __slots__ = ()
    names: dict[str, int]

    def keys(self) -> Iterable[str]:
        """Names, so that ``**`` unfolds a row."""
        return self.names

    def __getitem__(self, key: Any, /) -> Any:
        return tuple.__getitem__(self, self.names[key] if type(key) is str else key)


@lru_cache(maxsize=1024)
def _row_type(names: tuple[str, ...]) -> type[_Row]:
    # Of two columns of one name the first counts, as with SQLite.
    numbers = {name: number for number, name in reversed(list(enumerate(names)))}
    return type("Row", (_Row,), {"names": numbers, "__slots__": ()})


def _rows(cursor: psycopg.Cursor[Any]) -> Callable[[Any], Any]:
    return _row_type(tuple(column.name for column in cursor.description or ()))
