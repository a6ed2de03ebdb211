"""
One SQLite file in WAL mode, with what makes it fast beside several processes.

Writers of all processes queue on a file lock and not in SQLite's sleeping busy handler; that somebody has
committed is told by numbers in shared memory (``database.commits``).
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from entrepot.database.commits import Commits
from entrepot.database.statements import SQLITE
from entrepot.database.transactions import Connection
from entrepot.errors import NoSpace


class Sqlite:
    """The file at *path*, as ``Database`` works with it."""

    dialect = SQLITE
    begin_reading = "BEGIN"
    begin_writing = "BEGIN IMMEDIATE"
    ask = None  # nobody has to: the numbers are in memory

    def __init__(self, path: Path, *, cache_bytes: int) -> None:
        self._path = path
        self._cache_kib = cache_bytes >> 10
        self._lock = -1
        self.commits = Commits(path.with_suffix(".commits"))
        self.version = self.commits.version
        self.rights_version = self.commits.rights

    def reader(self) -> Connection:
        """A connection that cannot write."""
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def writer(self) -> Connection:
        """The one connection of this process that writes."""
        self._lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._connect()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Inside, nobody else writes, in whatever process."""
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            self.commits.end()
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def commit(self, connection: Connection, *, rights: bool) -> None:
        """Make durable and visible what was done; *rights*: it changed somebody's."""
        self.commits.begin(rights=rights)
        connection.execute("COMMIT")

    def named(self, error: BaseException) -> BaseException:
        """Call a full disk by its name. What did not fit has not been done."""
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            space = os.statvfs(self._path.parent)
            return NoSpace(free=space.f_bavail * space.f_frsize, least=0)
        return error

    def close(self) -> None:
        """Nobody writes any more."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _connect(self) -> sqlite3.Connection:
        # The busy timeout is for those who do not queue on the lock file: backups, somebody's shell.
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=30, cached_statements=512
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # 99th percentile of a push at 100,000 images: 74 ms with SQLite's 1,000 pages, 40 ms with 2,000.
        connection.execute("PRAGMA wal_autocheckpoint = 2000")
        connection.execute(f"PRAGMA cache_size = -{self._cache_kib}")
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection
