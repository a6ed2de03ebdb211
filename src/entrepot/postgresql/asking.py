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
        self._socket = connection.pgconn.socket
        self._listening: asyncio.AbstractEventLoop | None = None
        self._answered: asyncio.Future[PGresult] | None = None
        self._result: PGresult | None = None

    @classmethod
    async def connected(cls, url: str, **settings: Any) -> Self:
        """One to the database at *url*. Raises: psycopg.Error."""
        asker = cls(await psycopg.AsyncConnection.connect(url, **settings))
        try:
            asker._connection.send_prepare(_NAME, _SNAPSHOT)
            await asker._answer()
        except BaseException:
            asker.close()
            raise
        return asker

    async def snapshot(self) -> str:
        """Which transactions are visible: two that are equal see the same. Raises: psycopg.Error."""
        self._connection.send_query_prepared(_NAME, None)
        value = (await self._answer()).get_value(0, 0)
        assert value is not None  # it is a function's value
        return value.decode()

    def close(self) -> None:
        """End the connection."""
        self._ignore()
        self._connection.finish()

    async def _answer(self) -> PGresult:
        """The answer to what has been sent. Raises: psycopg.Error."""
        if self._connection.flush():
            raise psycopg.OperationalError("the server does not take in a question of some bytes")
        loop = asyncio.get_running_loop()
        if self._listening is not loop:
            # Once and for all: to listen anew for each answer takes two calls of the kernel more.
            self._ignore()
            loop.add_reader(self._socket, self._take_in)
            self._listening = loop
        self._answered = loop.create_future()
        return await self._answered

    def _ignore(self) -> None:
        """Listen no more: the number of a socket that has ended is soon another's."""
        loop, self._listening = self._listening, None
        if loop is not None and not loop.is_closed():
            loop.remove_reader(self._socket)

    def _take_in(self) -> None:
        """Take in what has come. After the last result of an answer comes none; where nobody has asked, none at all."""
        try:
            self._connection.consume_input()
            while not self._connection.is_busy():
                result = self._connection.get_result()
                if result is None:
                    result, self._result = self._result, None
                    self._settle(_outcome(result))
                    return
                self._result = result
        except psycopg.Error as error:
            self._ignore()
            self._settle(error)

    def _settle(self, outcome: PGresult | psycopg.Error) -> None:
        answered, self._answered = self._answered, None
        if answered is None or answered.done():  # nobody waits
            return
        if isinstance(outcome, psycopg.Error):
            answered.set_exception(outcome)
        else:
            answered.set_result(outcome)


def _outcome(result: PGresult | None) -> PGresult | psycopg.Error:
    if result is not None and result.status in _GOOD:
        return result
    reason = result.error_message.decode(errors="replace").strip() if result else "the answer is none"
    return psycopg.OperationalError(reason)
