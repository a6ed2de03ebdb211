"""
The question that every request asks of PostgreSQL: which transactions are visible?

It is asked of libpq itself. By way of psycopg's connection and cursor it took 100 µs of the processor, a third of what
all else of a request takes; so it takes 20.
"""

import asyncio
from typing import Any, Self

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

_SNAPSHOT = b"SELECT pg_current_snapshot()::text"
_NAME = b"snapshot"
_GOOD = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


class Asker:
    """A connection for one question at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection: PGconn = connection.pgconn
        self._owner = connection  # which complains if it is forgotten first
        self._result: PGresult | None = None

    @classmethod
    async def connected(cls, url: str, **settings: Any) -> Self:
        """One to the database at *url*. Raises: psycopg.Error."""
        asker = cls(await psycopg.AsyncConnection.connect(url, **settings))
        asker._connection.send_prepare(_NAME, _SNAPSHOT)
        await asker._answer()
        return asker

    async def snapshot(self) -> str:
        """Which transactions are visible: two that are equal see the same. Raises: psycopg.Error."""
        self._connection.send_query_prepared(_NAME, None)
        value = (await self._answer()).get_value(0, 0)
        assert value is not None  # it is a function's value
        return value.decode()

    def close(self) -> None:
        """End the connection."""
        self._connection.finish()

    async def _answer(self) -> PGresult:
        """The answer to what has been sent. Raises: psycopg.Error."""
        if self._connection.flush():
            raise psycopg.OperationalError("the server does not take in a question of some bytes")
        loop, socket = asyncio.get_running_loop(), self._connection.socket
        answered: asyncio.Future[PGresult] = loop.create_future()
        loop.add_reader(socket, self._take_in, answered)
        try:
            return await answered
        finally:
            loop.remove_reader(socket)

    def _take_in(self, answered: "asyncio.Future[PGresult]") -> None:
        """Take in what has come; after the last result of an answer comes none."""
        try:
            # Where a connection is reset behind the server's last words, uvloop tells of both at once, and never again.
            for _ in ("what has come", "and the end behind it"):
                self._connection.consume_input()
                while not self._connection.is_busy():
                    result = self._connection.get_result()
                    if result is None:
                        _settle(answered, self._result)
                        return
                    self._result = result
        except psycopg.Error as error:
            if not answered.done():
                answered.set_exception(error)


def _settle(answered: "asyncio.Future[PGresult]", result: PGresult | None) -> None:
    if answered.done():
        return
    if result is not None and result.status in _GOOD:
        answered.set_result(result)
    else:
        reason = result.error_message.decode(errors="replace").strip() if result else "the answer is none"
        answered.set_exception(psycopg.OperationalError(reason))
