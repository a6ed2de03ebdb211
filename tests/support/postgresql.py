"""A PostgreSQL server of the tests' own: made when the first test asks for it, gone with the tests."""

import atexit
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from entrepot.schema.migrating import migrate
from tests.support.clients import client

_PATIENCE = 60.0
# The order of text is not that of bytes here, as in most installations: ours has to be told.
_INITDB = ("--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8")
_LOCALE = ("--locale-provider=icu", "--icu-locale=en-US")
_OPTIONS = ("autovacuum=off", "max_connections=200", "listen_addresses=", "log_min_messages=fatal")


class Cluster:
    """
    A server in a temporary folder that answers on a socket there; it is not run by root, who may not.

    *durable*: what it acknowledges is there after a power cut, and not only after its own end.
    """

    def __init__(self, programs: Path, *, durable: bool = False) -> None:
        self.programs = programs
        self._options = (*_OPTIONS, f"fsync={'on' if durable else 'off'}")
        self.folder = Path(tempfile.mkdtemp(prefix="entrepot-postgresql-"))
        self._user: dict[str, str | int] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
        self.process: subprocess.Popen[bytes] | None = None
        self._made = 0
        command = [programs / "initdb", *_INITDB, *_LOCALE, "--pgdata", self.folder / "data"]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._user)  # type: ignore[call-overload]
        self.start()

    def start(self) -> None:
        """Start it and wait until it lets somebody in."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            # What a killed one has left running keeps the next from starting, for a moment.
            if self.process is None or self.process.poll() is not None:
                self.process = self._spawned()
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("PostgreSQL does not answer")

    def _spawned(self) -> "subprocess.Popen[bytes]":
        options = [word for option in self._options for word in ("-c", option)]
        command = [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, *options]
        with (self.folder / "log").open("ab") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **self._user
            )  # type: ignore[call-overload]
        return process

    def kill(self) -> None:
        """Take it down at once, as the kernel does when memory runs out."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        """End it, and leave nothing behind."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def new(self, *, migrated: bool = False) -> str:
        """The address of a new database, empty or with all tables."""
        self._made += 1
        name = f"entrepot_{self._made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            template = f" TEMPLATE {self._migrated()}" if migrated else ""
            connection.execute(f"CREATE DATABASE {name}{template}".encode())
        return self.url(name)

    @functools.cache  # noqa: B019  # there is one, as long as the tests run
    def _migrated(self) -> str:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE migrated")
        migrate(self.url("migrated"))
        return "migrated"

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None


@functools.cache
def cluster() -> Cluster:
    """The one of this run; skips the test where PostgreSQL is not installed."""
    made = Cluster(client("initdb").resolve().parent)
    atexit.register(made.remove)
    return made
