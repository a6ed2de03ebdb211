"""The process of jobs, run for real: by the clock, over a crash, and to its end."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.postgresql import cluster

_PROGRAM = """
import logging, sys, time
from datetime import timedelta
from pathlib import Path
from entrepot import clock
from entrepot.jobs import Every
from entrepot.jobs.worker import run
from entrepot.runtime import Runtime
from entrepot.serving.preparing import open_database
from entrepot.settings import Settings
from entrepot.storage.drivers import open_store

logging.basicConfig(level=logging.INFO, format="%(message)s")
folder, seconds, travel = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
clock.travel(travel)

def note(text):
    with (folder / "notes").open("a") as notes:
        notes.write(text + "\\n")

def work(runtime):
    '''Harmless: it writes down that it was here.'''
    note("began")
    while (folder / "block").exists():
        time.sleep(0.05)
    if (folder / "fail").exists():
        raise ValueError("as it was told to")
    note("ended")
    return "a result"

settings = Settings(data=folder, database=sys.argv[4] if sys.argv[4:] else None)
runtime = Runtime(settings, open_database(settings.database_place), open_store("memory://"), bytes(32))
periodic = [Every(timedelta(seconds=seconds), "work", work)] if seconds else []
run(runtime, periodic)
"""
_DAY = 86400


class Jobs:
    """Processes of jobs, one after another, on one folder."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        self.folder = folder
        self.database = database
        self.process: subprocess.Popen[str] | None = None

    def start(self, interval: float = 1, travel: float = 0) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "error", "-c", _PROGRAM, str(self.folder), str(interval), str(travel)]
        if self.database:
            command.append(self.database)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return self.process

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """The exit status and all that was written."""
        assert self.process is not None
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGKILL)

    def notes(self) -> list[str]:
        try:
            return (self.folder / "notes").read_text().split()
        except FileNotFoundError:
            return []

    def rows(self, query: str) -> list[Any]:
        """What a query finds; nothing, before the tables are there."""
        if self.database:
            with (
                psycopg.connect(self.database, options="-c search_path=dbos") as server,
                contextlib.suppress(psycopg.errors.UndefinedTable),
            ):
                return server.execute(query.encode()).fetchall()
            return []
        with (
            contextlib.closing(sqlite3.connect(self.folder / "jobs.sqlite", timeout=30)) as connection,
            contextlib.suppress(sqlite3.OperationalError),
        ):
            return connection.execute(query).fetchall()
        return []

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Until it holds. A process that never comes to it is given up: that is a failure, not a measurement."""
        assert self.process is not None
        for _ in range(1200):
            if condition():
                return
            assert self.process.poll() is None, self.process.stdout and self.process.stdout.read()
            time.sleep(0.05)
        raise AssertionError(f"it never came: {self.notes()}")


@pytest.fixture(params=["sqlite", "postgresql"])
def jobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Jobs]:
    jobs = Jobs(tmp_path, cluster().new() if request.param == "postgresql" else None)
    yield jobs
    jobs.kill()


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """A process in the middle of a job that does not end."""
    jobs = Jobs(tmp_path_factory.mktemp("jobs"))
    (jobs.folder / "block").touch()
    jobs.start()
    jobs.wait_for(lambda: jobs.notes() == ["began"])
    yield jobs
    jobs.kill()


def test_a_job_runs_again_and_again_and_its_results_are_logged(jobs: Jobs) -> None:
    jobs.start()
    jobs.wait_for(lambda: jobs.notes().count("ended") >= 2)

    status, output = jobs.end()

    assert status == 0
    assert set(output.splitlines()) == {"work: a result"}


def test_a_job_that_a_crash_cut_short_is_taken_up_by_the_next_process(jobs: Jobs) -> None:
    (jobs.folder / "block").touch()
    jobs.start()
    jobs.wait_for(lambda: jobs.notes() == ["began"])
    jobs.end(signal.SIGKILL)
    (jobs.folder / "block").unlink()

    jobs.start(interval=_DAY)
    jobs.wait_for(lambda: "ended" in jobs.notes())
    jobs.wait_for(lambda: jobs.rows("SELECT DISTINCT status FROM workflow_status") == [("SUCCESS",)])
    jobs.end()

    assert jobs.notes()[:2] == ["began", "began"]


def test_what_is_remembered_of_a_job_runs_no_code_when_it_is_read(blocked: Jobs) -> None:
    [(inputs,), *_] = blocked.rows("SELECT inputs FROM workflow_input")

    assert set(json.loads(inputs)) == {"args", "kwargs"}


def test_a_job_that_fails_is_logged_and_runs_again(jobs: Jobs) -> None:
    (jobs.folder / "fail").touch()
    jobs.start()
    jobs.wait_for(lambda: jobs.notes().count("began") >= 2)
    (jobs.folder / "fail").unlink()
    jobs.wait_for(lambda: "ended" in jobs.notes())

    _, output = jobs.end()

    assert "work has failed" in output
    assert "ValueError: as it was told to" in output


def test_a_job_is_not_begun_while_it_is_under_way(blocked: Jobs) -> None:
    blocked.wait_for(lambda: len(blocked.rows("SELECT 1 FROM workflow_status WHERE status = 'SUCCESS'")) >= 2)

    assert blocked.notes() == ["began"]


def test_the_process_ends_when_it_is_told_to_even_in_the_middle_of_a_job(jobs: Jobs) -> None:
    (jobs.folder / "block").touch()
    jobs.start()
    jobs.wait_for(lambda: jobs.notes() == ["began"])

    assert jobs.end() == (0, "")


def test_a_time_that_passed_while_nobody_was_here_is_made_up_for_and_what_is_not_wanted_forgotten(jobs: Jobs) -> None:
    triggered = "SELECT status FROM workflow_status WHERE workflow_uuid LIKE 'sched-work-%T00:00:00%'"
    jobs.start()
    jobs.wait_for(lambda: "ended" in jobs.notes())
    assert jobs.rows(triggered) == []
    jobs.end(signal.SIGINT)

    jobs.start(interval=_DAY, travel=3 * _DAY)
    jobs.wait_for(lambda: jobs.rows(triggered) == [("SUCCESS",)])
    jobs.end()

    jobs.start(interval=0, travel=11 * _DAY)
    jobs.wait_for(lambda: jobs.rows("SELECT 1 FROM workflow_schedules") == [])
    jobs.wait_for(lambda: jobs.rows("SELECT 1 FROM workflow_status WHERE status = 'SUCCESS'") == [])


def test_the_process_opens_no_port_and_connects_to_nobody(blocked: Jobs) -> None:
    assert blocked.process is not None
    folder = Path(f"/proc/{blocked.process.pid}")
    if not folder.exists():
        pytest.skip("this system has no /proc")

    links = [os.readlink(entry) for entry in (folder / "fd").iterdir()]
    sockets = {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
    tables = [table.read_text().splitlines()[1:] for table in (folder / "net").glob("[tu][cd]p*")]

    assert len(tables) >= 2
    assert [line for table in tables for line in table if line.split()[9] in sockets] == []


def test_only_the_owner_reads_what_is_remembered(blocked: Jobs) -> None:
    assert {oct(path.stat().st_mode & 0o777) for path in blocked.folder.glob("jobs.sqlite*")} == {"0o600"}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Jobs, Jobs]]:
    """Processes on two machines: each has a folder of its own and both one database; they write into the same notes."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "notes").symlink_to(tmp_path / "one" / "notes")
    one = Jobs(tmp_path / "one", cluster().new())
    other = Jobs(tmp_path / "two", one.database)
    yield one, other
    one.kill()
    other.kill()


@pytest.mark.timeout(300)
def test_what_is_due_is_done_by_one_of_many(two: tuple[Jobs, Jobs]) -> None:
    one, other = two
    one.start()
    other.start()
    one.wait_for(lambda: len(one.rows("SELECT DISTINCT executor_id FROM workflow_status")) == 2)

    one.end()
    other.end()

    # Two due times that one process meets at once are one run: the second finds the first at work.
    begun = one.rows("SELECT 1 FROM workflow_status WHERE executor_id IS NOT NULL")
    assert 1 <= one.notes().count("began") <= len(begun)


def test_what_one_had_begun_when_it_was_killed_another_takes_up(two: tuple[Jobs, Jobs]) -> None:
    one, other = two
    (one.folder / "block").touch()
    one.start()
    one.wait_for(lambda: one.notes() == ["began"])
    other.start(interval=_DAY)
    other.wait_for(lambda: len(one.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2")) == 2)
    (begun,) = one.rows("SELECT workflow_uuid FROM workflow_status WHERE status = 'PENDING'")

    one.end(signal.SIGKILL)

    query = f"SELECT executor_id FROM workflow_status WHERE workflow_uuid = '{begun[0]}' AND status = 'SUCCESS'"
    other.wait_for(lambda: one.rows(query))
    assert one.notes()[:2] == ["began", "began"]


def test_what_a_living_one_does_is_left_to_it(two: tuple[Jobs, Jobs]) -> None:
    one, other = two
    (one.folder / "block").touch()
    one.start()
    one.wait_for(lambda: one.notes() == ["began"])
    (doing,) = one.rows("SELECT workflow_uuid, executor_id FROM workflow_status WHERE status = 'PENDING'")
    other.start(interval=_DAY)
    looks = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_try_advisory_lock%'"
    other.wait_for(lambda: one.rows(looks))

    (one.folder / "block").unlink()
    done = f"SELECT executor_id FROM workflow_status WHERE workflow_uuid = '{doing[0]}' AND status = 'SUCCESS'"
    one.wait_for(lambda: one.rows(done))

    assert one.rows(done) == [doing[1:]]
