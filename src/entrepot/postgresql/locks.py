"""
Locks that last as long as a connection to PostgreSQL: who does jobs and lives, and who starts alone.

A process that dies, however it dies, has its connections closed by its machine, and its locks go with them. A machine
that vanishes without a word is given up by the server, which asks for it, after 25 s.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from entrepot import clock

# The first of two numbers is what a lock is about.
_JOBS, _START = (int.from_bytes(name, "big") for name in (b"JOBS", b"STRT"))
_PAUSE = 0.1  # seconds
_LISTEN = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"


class Presence:
    """One process of jobs, seen by the others for as long as it lives."""

    def __init__(self, url: str) -> None:
        """It is not seen before ``hold``."""
        self.name = f"jobs-{clock.new_uuid()}"
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def hold(self) -> None:
        """Be seen, again where the connection was lost. Raises: psycopg.Error."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.OperationalError):
                self._connection.execute("SELECT 1")
                return
        self._connection = _connected(self._url)
        self._connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (_JOBS, self.name))

    def starting(self) -> contextlib.AbstractContextManager[None]:
        """``alone``, on the same database."""
        return alone(self._url)

    @contextlib.contextmanager
    def outliving(self, name: str) -> Iterator[bool]:
        """Whether the process *name* is dead; meanwhile nobody else is told so. Raises: psycopg.Error."""
        assert self._connection is not None
        given = _JOBS, name
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", given).fetchone()
        is_dead = row is not None and bool(row[0])
        try:
            yield is_dead
        finally:
            if is_dead:
                self._connection.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", given)


@contextlib.contextmanager
def alone(url: str) -> Iterator[None]:
    """Wait until nobody else starts on the database at *url*, and keep others waiting. Raises: psycopg.Error."""
    with contextlib.closing(_connected(url)) as connection:
        # It asks again and again. A statement that waits holds up whoever makes an index beside others, as DBOS does in
        # its turn, and would wait for that one to end: for ever.
        while not _got(connection):
            time.sleep(_PAUSE)
        yield


def _got(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s, 0)", (_START,)).fetchone()
    return row is not None and bool(row[0])


def _connected(url: str) -> psycopg.Connection[Any]:
    connection = psycopg.connect(url, autocommit=True, connect_timeout=5, tcp_user_timeout=10_000)
    connection.execute(_LISTEN)
    return connection
