"""Re-encryption as a job: asked for by a command, done by processes of jobs, some of which are killed at it."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.crash.test_rotation import Busy, content, name_all, pull_all, sealed_under
from tests.crash.test_sealing import with_marker
from tests.support.postgresql import cluster
from tests.support.server import ENTREPOT, Server
from tests.support.signals import inherited

pytestmark = pytest.mark.timeout(300)

_BLOBS = 30
_BEAT = 5.1  # seconds: before then whoever is at it says how far it is, and hears that it is not wanted


class Beside(NamedTuple):
    """A command that runs, and what it says."""

    process: "subprocess.Popen[bytes]"
    log: Path


@pytest.fixture
def begun():
    """Starts commands beside the tests, which end with them."""
    started: list[Beside] = []

    def start(server, name, *arguments):
        log = server.data.parent / f"{name}-{len(started)}.log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ENTREPOT_", "AWS_"))} | server.settings
        data = server.data.with_name(f"data-{name}-{len(started)}") if name == "worker" else server.data
        with log.open("wb") as output, inherited(signal.SIGINT, signal.SIG_DFL):
            process = subprocess.Popen(
                [ENTREPOT, name, *arguments, "--data", data],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        started.append(Beside(process, log))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def _until(holds):
    while not holds():
        time.sleep(0.01)


def _pushed(server):
    """What lies there, small and large, and a login."""
    server.aws("ecr").create_repository(repositoryName="app")
    registry = server.registry()
    blobs = [content(number) for number in range(_BLOBS)] + [content("small", 3_000)]
    for blob in blobs:
        registry.push_blob("app", blob)
    return registry, blobs


def _renewed(server):
    """How many objects were written in place of others."""
    return server.sql("SELECT count(*) FROM replaced")[0][0]


def _worker_of(server):
    return server.sql("SELECT worker FROM reencryption")[0][0]


def _check(server, registry, blobs, version):
    """Nothing is lost, and all lies under *version*."""
    name_all(registry, blobs)
    server.command("gc", "--grace", "0")
    assert sealed_under(server) == {f"service/{version}"}
    pull_all(registry, blobs)
    assert "no damage" in server.command("verify").stdout


def _jobs_of(server):
    """The process of jobs of a server, once there is one: it alone has that file."""
    while True:
        for entry in Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):  # it is closed meanwhile, or its process has gone
                if os.readlink(entry) == f"{server.data}/jobs.sqlite":
                    return int(entry.parts[2])
        time.sleep(0.01)


@contextlib.contextmanager
def _halted(server, process):
    """*process* stands still, between two of its transactions: so nobody who writes waits for it."""
    try:
        while True:
            os.kill(process, signal.SIGSTOP)
            with contextlib.suppress(sqlite3.OperationalError):
                server.sql("BEGIN IMMEDIATE")
                break
            os.kill(process, signal.SIGCONT)
            time.sleep(0.01)
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def test_what_a_killed_process_of_jobs_was_at_the_next_one_ends(tmp_path, begun):
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system has no /proc")
    database = f"sqlite:{tmp_path}/data/entrepot.sqlite"
    with Server(tmp_path / "data", database=database, storage=f"file://{tmp_path}/data/blobs", gc_interval=0) as server:
        registry, blobs = _pushed(server)
        _jobs_of(server)
        with Busy(server, registry, blobs) as busy:
            command = begun(server, "key", "rotate")
            for further in (3, 12):
                _until(lambda: _renewed(server) >= further)  # noqa: B023  # it is asked at once
                os.kill(_jobs_of(server), signal.SIGKILL)
            assert _renewed(server) < _BLOBS
            assert _worker_of(server) == "jobs"

            assert command.process.wait() == 0

        said, status = command.log.read_text(), server.command("reencrypt", "--status").stdout
        assert "version 2 seals" in said
        assert said.splitlines()[-1] == status.splitlines()[-1]
        assert "done 20" in status
        assert "left as they are: 0" in status
        assert busy.failures == []
        assert server.log.read_text().count("the process jobs ended with -9") == 2
        server.command("reencrypt")  # what was pushed before the servers knew
        _check(server, server.registry(), [*blobs, *busy.pushed], 2)


def test_of_two_workers_one_is_at_it_and_when_that_is_killed_the_other_goes_on(tmp_path, begun):
    shared = {"database": cluster().new(), "storage": f"file://{tmp_path}/data/blobs", "keys": tmp_path / "keys"}
    with Server(tmp_path / "data", jobs=False, default_at_rest="disk", gc_interval=0, **shared) as server:
        registry, blobs = _pushed(server)
        workers = {str(worker.process.pid): worker for worker in (begun(server, "worker"), begun(server, "worker"))}
        command = begun(server, "reencrypt", "--default-at-rest", "service")
        _until(lambda: _renewed(server) >= 3)

        first = _worker_of(server).partition("/")[0].rpartition(":")[2]
        workers.pop(first).process.kill()
        assert _renewed(server) < _BLOBS
        ((other, worker),) = workers.items()
        _until(lambda: f":{other}/" in (_worker_of(server) or ""))

        assert command.process.wait() == 0
        assert "Course(" in worker.log.read_text()
        assert "under way" not in server.command("reencrypt", "--status").stdout
        _check(server, registry, blobs, 1)
        server.stop()
        assert [path for path in with_marker(server) if path.is_relative_to(server.data)] == []


def test_whoever_follows_may_go_and_whoever_stops_it_ends_it(tmp_path, begun):
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system has no /proc")
    database = f"sqlite:{tmp_path}/data/entrepot.sqlite"
    with Server(tmp_path / "data", default_at_rest="disk", database=database, gc_interval=0) as server:
        assert server.command("reencrypt", "--status").stdout == "nobody has asked for a re-encryption\n"
        assert server.command("reencrypt", "--stop").stdout.startswith("nothing goes on\n")
        registry, blobs = _pushed(server)
        jobs = _jobs_of(server)
        command = begun(server, "reencrypt", "--default-at-rest", "service")
        _until(lambda: _renewed(server) >= 1)
        with _halted(server, jobs):  # else it may be done before the commands have begun
            next_word = time.monotonic() + _BEAT
            command.process.send_signal(signal.SIGINT)
            assert command.process.wait() == 130
            assert "processes of jobs go on with it" in command.log.read_text()
            assert "under way" in server.command("reencrypt", "--status").stdout

            stopped = server.command("reencrypt", "--stop").stdout
            time.sleep(max(0.0, next_word - time.monotonic()))

        assert "seal, under version 1 of the root key" in stopped
        assert "it was stopped 20" in stopped
        _until(lambda: _worker_of(server) is None)
        assert 0 < server.sql("SELECT count(*) FROM blobs WHERE sealing IS NOT NULL")[0][0] < len(blobs)
        server.command("reencrypt", "--default-at-rest", "disk")
        assert server.sql("SELECT count(*) FROM blobs WHERE sealing IS NOT NULL")[0][0] == 0
        pull_all(registry, blobs)


def test_where_no_process_of_jobs_takes_it_up_the_command_does_it(tmp_path):
    with Server(tmp_path / "data", jobs=False, default_at_rest="disk") as server:
        server.aws("ecr").create_repository(repositoryName="app")
        server.registry().push_blob("app", content("one"))

        said = server.command("reencrypt", "--default-at-rest", "service").stdout

        assert said.startswith("written anew: blobs 1, ")
        assert server.sql("SELECT DISTINCT sealing FROM blobs") == [("service",)]


def test_what_stands_in_the_way_is_told_to_whoever_asks_and_once_it_is_gone_it_goes_on(tmp_path):
    server = Server(tmp_path / "data", default_at_rest="disk", storage=f"file://{tmp_path}/data/blobs")
    with server:
        server.aws("ecr").create_repository(repositoryName="app")
        server.registry().push_blob("app", content("one"))
    server.settings["ENTREPOT_LEAST_FREE"] = str(1 << 60)
    with server:
        asked = server.command("reencrypt", "--default-at-rest", "service", check=False)

        assert asked.returncode == 1
        assert asked.stdout.startswith("written anew: blobs 0, bytes 0")
        assert "entrepot: cut short, and tried again: " in asked.stderr
        assert "cut short, and tried again: " in server.command("reencrypt", "--status").stdout
        assert "reencrypt has failed, and is tried again" in server.log.read_text()
    del server.settings["ENTREPOT_LEAST_FREE"]
    with server:
        assert server.command("reencrypt", "--default-at-rest", "service").stdout.startswith("written anew: blobs 1, ")
