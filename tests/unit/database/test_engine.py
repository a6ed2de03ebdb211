"""The database of one process: one writer for all who write, and readers that see what is committed."""

import asyncio
import contextlib
import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvloop
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text, bindparam, insert, select, update

from entrepot.database import Database, Statement, Transaction
from entrepot.errors import Fault, NoSpace
from entrepot.postgresql import Postgresql
from entrepot.postgresql.driver import TURN
from entrepot.serving.preparing import open_database
from tests.support.postgresql import cluster

notes = Table(
    "notes",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("text", Text, unique=True),
    Column("content", LargeBinary),
)
ADD = Statement(insert(notes).values(text=bindparam("text"), content=bindparam("content")))
ALL = Statement(select(notes.c.text).order_by(notes.c.id).limit(10_000))
ONE = Statement(select(notes.c.id, notes.c.text).where(notes.c.text == bindparam("text")))
RENAME = Statement(update(notes).where(notes.c.text == bindparam("old")).values(text=bindparam("new")))


class Refused(Fault):
    """What a work may raise."""


def add(text: str, content: bytes | None = None) -> Any:
    return lambda tx: tx.run(ADD, text=text, content=content)


def texts(database: Database) -> list[str]:
    with database.reading() as tx:
        return [row["text"] for row in tx.all(ALL)]


ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("place", ["postgresql"], indirect=True)
INTEGRITY = (sqlite3.IntegrityError, psycopg.IntegrityError)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a database with a table of notes is: every test is for both, unless it says otherwise."""
    if request.param == "sqlite":
        file = tmp_path / "notes.sqlite"
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE, content BLOB)")
        return file
    url = cluster().new()
    with psycopg.connect(url) as server:
        server.execute("CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, text TEXT UNIQUE, content BYTEA)")
    return url


@pytest.fixture
def database(place: Path | str) -> Iterator[Database]:
    opened = open_database(place)
    yield opened
    opened.close()


@contextmanager
def _lock_held(place: Path | str) -> Iterator[None]:
    """Nobody commits inside; whoever waits then comes into one commit."""
    if isinstance(place, str):
        with psycopg.connect(place) as server:
            server.execute(f"SELECT pg_advisory_xact_lock({TURN})".encode())
            yield
        return
    lock = os.open(place.with_suffix(".lock"), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _version(database: Database) -> int:
    """The version, after asking where one has to."""
    if database.ask is not None:
        asyncio.run(_asked(database.ask))
    return database.version()


async def _asked(ask: Callable[[], Awaitable[None]]) -> None:
    await ask()


def _together(database: Database, place: Path | str, *works: Any) -> list[Any]:
    """The results of works that are committed in one commit, in order; an error in the place of a result."""

    async def run() -> list[Any]:
        with _lock_held(place):
            tasks = []
            for work in works:
                tasks.append(asyncio.ensure_future(database.awrite(work)))
                await asyncio.sleep(0)  # until it is in the queue
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    database.write(lambda tx: None)  # the writer's thread is there, and waits
    return asyncio.run(run())


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_write_gives_what_its_work_returns_and_is_seen_by_the_next_read(database):
    assert database.write(add("one")) == 1
    assert texts(database) == ["one"]


def test_what_raises_leaves_nothing_and_reaches_who_waits(database):
    def work(tx: Transaction) -> None:
        tx.run(ADD, text="half", content=None)
        raise Refused

    with pytest.raises(Refused):
        database.write(work)

    assert texts(database) == []


def test_a_statement_that_fails_leaves_nothing(database):
    def work(tx: Transaction) -> None:
        tx.run(ADD, text="twice", content=None)
        tx.run(ADD, text="twice", content=None)

    with pytest.raises(INTEGRITY):
        database.write(work)

    assert texts(database) == []


def test_the_writer_goes_on_after_a_failure(database):
    for number in range(5):
        with pytest.raises(ZeroDivisionError):
            database.write(lambda tx: 1 // 0)
        database.write(add(str(number)))

    assert texts(database) == ["0", "1", "2", "3", "4"]


def test_those_who_wait_come_into_one_commit(database, place):
    results: list[Any] = []

    def work(number: int) -> Any:
        def run(tx: Transaction) -> int:
            tx.run(ADD, text=str(number), content=None)
            results.append(database.version())
            return number

        return run

    assert _together(database, place, *(work(number) for number in range(20))) == list(range(20))

    assert len(texts(database)) == 20
    assert len(set(results)) == 1


def test_works_run_in_the_order_in_which_they_came(database, place):
    _together(database, place, *(add(f"{number:03}") for number in range(50)))

    assert texts(database) == [f"{number:03}" for number in range(50)]


def test_a_later_work_sees_what_an_earlier_one_of_the_same_commit_did(database, place):
    def rename(tx: Transaction) -> int:
        return tx.run(RENAME, old="first", new="renamed")

    assert _together(database, place, add("other"), add("first"), rename) == [1, 1, 1]
    assert texts(database) == ["other", "renamed"]


def test_of_a_commit_only_the_guilty_fails(database, place):
    def guilty(tx: Transaction) -> None:
        tx.run(ADD, text="guilty", content=None)
        raise Refused

    results = _together(database, place, add("a"), guilty, add("b"), add("b"), add("c"))

    assert [isinstance(result, int) for result in results] == [True, False, True, False, True]
    assert isinstance(results[1], Refused)
    assert isinstance(results[3], INTEGRITY)
    assert texts(database) == ["a", "b", "c"]


def test_what_a_guilty_work_has_read_is_not_remembered_for_the_others(database, place):
    """It may have been of its own making."""
    seen = []

    def guilty(tx: Transaction) -> None:
        tx.run(ADD, text="invented", content=None)
        tx.remembered["invented"] = True
        raise Refused

    def next_one(tx: Transaction) -> None:
        seen.append(dict(tx.remembered))

    _together(database, place, add("first"), guilty, next_one)

    assert seen[-1] == {}


def test_a_work_runs_again_only_where_its_commit_has_failed(database, place):
    runs = []

    def counted(tx: Transaction) -> None:
        runs.append(1)

    _together(database, place, add("x"), counted, counted)
    assert len(runs) == 2
    runs.clear()
    _together(database, place, add("y"), counted, lambda tx: 1 // 0)
    assert len(runs) in {1, 2}


def test_many_threads_lose_nothing(database):
    def increment(tx: Transaction) -> None:
        row = tx.one(Statement(select(notes.c.text).limit(1)))
        assert row is not None
        tx.run(RENAME, old=row["text"], new=str(int(row["text"]) + 1))

    database.write(add("0"))
    threads = [
        threading.Thread(target=lambda: [database.write(increment) for _ in range(25)], daemon=True) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert texts(database) == ["200"]


def test_a_client_that_leaves_does_not_take_its_work_along(database, place):
    """What was asked for is done; who no longer waits is not told, and nobody else is disturbed."""

    async def run() -> None:
        with _lock_held(place):
            leaving = asyncio.ensure_future(database.awrite(add("left")))
            staying = asyncio.ensure_future(database.awrite(add("stayed")))
            await asyncio.sleep(0.01)
            leaving.cancel()
            await asyncio.sleep(0)
        assert await staying == 1

    asyncio.run(run())

    assert texts(database) == ["left", "stayed"]


def test_an_event_loop_that_has_ended_does_not_stop_the_writer(database, place):
    with _lock_held(place):

        async def leave() -> None:
            task = asyncio.ensure_future(database.awrite(add("of a loop that ended")))
            await asyncio.sleep(0.01)
            task.cancel()

        asyncio.run(leave())

    assert database.write(add("after")) == 1
    assert texts(database) == ["of a loop that ended", "after"]


def test_closing_finishes_what_waits(place):
    database = open_database(place)
    with _lock_held(place):
        threads = [threading.Thread(target=database.write, args=[add(str(number))]) for number in range(5)]
        for thread in threads:
            thread.start()
        closing = threading.Thread(target=database.close)
    closing.start()
    for thread in [*threads, closing]:
        thread.join()

    again = open_database(place)
    assert sorted(texts(again)) == ["0", "1", "2", "3", "4"]
    again.close()


@ON_SQLITE
def test_a_full_disk_is_called_by_its_name(database):
    """SQLite rolls the whole commit back then; whoever waited hears why, and what is there stays."""
    database.write(add("small"))

    def limit(tx: Transaction) -> None:
        tx._connection.execute("PRAGMA max_page_count = 8")

    database.write(limit)

    with pytest.raises(NoSpace):
        database.write(add("large", b"x" * 1_000_000))
    assert database.write(add("small again")) == 1
    assert texts(database) == ["small", "small again"]


@ON_SQLITE
def test_on_a_full_disk_a_commit_of_several_fails_as_a_whole(database, place):
    def limit(tx: Transaction) -> None:
        tx._connection.execute("PRAGMA max_page_count = 8")

    database.write(limit)

    results = _together(database, place, add("a"), add("large", b"x" * 1_000_000), add("b"))

    done = {text for text, result in zip(("a", "large", "b"), results, strict=True) if result == 1}
    assert set(texts(database)) == done
    assert all(result == 1 or isinstance(result, NoSpace) for result in results)
    assert isinstance(results[1], NoSpace)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_reading_sees_one_state_while_others_commit(database):
    database.write(add("before"))

    with database.reading() as tx:
        assert len(tx.all(ALL)) == 1
        database.write(add("meanwhile"))
        assert len(tx.all(ALL)) == 1
    assert texts(database) == ["before", "meanwhile"]


def test_a_reading_refuses_to_write(database):
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.ReadOnlySqlTransaction)), database.reading() as tx:
        tx.run(ADD, text="x", content=None)

    assert texts(database) == []


def test_a_look_sees_what_is_committed(database):
    assert database.look(ONE, text="one") is None
    database.write(add("one"))

    row = database.look(ONE, text="one")

    assert row is not None
    assert (row["id"], row["text"]) == (1, "one")


def test_nothing_is_seen_of_a_work_that_is_under_way(database):
    inside, leave = threading.Event(), threading.Event()

    def slow(tx: Transaction) -> None:
        tx.run(ADD, text="slow", content=None)
        inside.set()
        assert leave.wait(30)

    writing = threading.Thread(target=database.write, args=[slow])
    writing.start()
    assert inside.wait(30)
    assert texts(database) == []
    assert database.look(ONE, text="slow") is None
    leave.set()
    writing.join()
    assert texts(database) == ["slow"]


def test_many_rows_are_written_by_one_statement(database):
    rows = [{"text": str(number), "content": None} for number in range(100)]

    database.write(lambda tx: tx.many(ADD, rows))
    database.write(lambda tx: tx.many(ADD, []))

    assert len(texts(database)) == 100


# ── versions ────────────────────────────────────────────────────────────────────────────────────────


def test_the_version_differs_after_every_commit_and_only_then(database):
    versions = [_version(database)]
    for number in range(3):
        texts(database)
        assert _version(database) == versions[-1]
        database.write(add(str(number)))
        versions.append(_version(database))

    assert len(set(versions)) == 4


@ON_SQLITE
def test_the_version_of_rights_differs_only_where_a_work_says_so(database):
    def change(tx: Transaction) -> None:
        tx.changes_rights = True

    before = database.rights_version()
    database.write(add("a push"))
    assert database.rights_version() == before
    database.write(change)
    after = database.rights_version()
    database.write(add("another push"))

    assert before != after == database.rights_version()


def test_another_one_on_the_same_place_tells_of_its_commits(database, place):
    other = open_database(place)
    before = _version(database)

    other.write(add("theirs"))

    assert _version(database) != before
    assert isinstance(place, str) or database.version() == other.version()
    other.close()


@ON_SQLITE
def test_while_a_commit_is_becoming_visible_no_version_is_trusted(database):
    """A reader between commit and number would take the old state for the new one, or the other way round."""
    database.write(add("x"))
    before = database.version()

    database._driver.commits.begin(rights=True)
    assert len({database.version() for _ in range(10)} | {before}) == 11
    assert database.rights_version() != database.rights_version()
    database._driver.commits.end()

    assert database.version() == database.version() != before


_OTHER_PROCESS = """
import sys
from pathlib import Path
from sqlalchemy import column, table, select, update, bindparam
from entrepot.database import Statement
from entrepot.serving.preparing import open_database

notes = table("notes", column("text"))
READ = Statement(select(notes.c.text).limit(1))
WRITE = Statement(update(notes).values(text=bindparam("new")))
place = sys.argv[1]
database = open_database(place if place.startswith("postgresql:") else Path(place))

def increment(tx):
    tx.run(WRITE, new=str(int(tx.one(READ)["text"]) + 1))

for _ in range(100):
    database.write(increment)
database.close()
"""


def test_processes_take_turns_and_lose_nothing(database, place):
    database.write(add("0"))
    before = _version(database)
    processes = [subprocess.Popen([sys.executable, "-c", _OTHER_PROCESS, place]) for _ in range(2)]
    for _ in range(50):
        database.write(
            lambda tx: tx.run(RENAME, old=(text := tx.all(ALL)[0]["text"]), new=str(int(text) + 1)) or 1 // 0
        )
    for process in processes:
        assert process.wait(60) == 0

    assert texts(database) == ["250"]
    assert _version(database) != before


_DYING_PROCESS = """
import os, sys
from pathlib import Path
from sqlalchemy import column, table, insert
from entrepot.database import Statement
from entrepot.serving.preparing import open_database

place = sys.argv[1]
database = open_database(place if place.startswith("postgresql:") else Path(place))

def die(tx):
    tx.run(Statement(insert(table("notes", column("text"))).values(text="never")))
    if sys.argv[2] == "visible":
        database._driver.commits.begin(rights=False)
    os._exit(9)

database.write(die)
"""


@pytest.mark.parametrize(
    ("place", "moment"),
    [("sqlite", "running"), ("sqlite", "visible"), ("postgresql", "running")],
    indirect=["place"],
)
def test_a_process_that_dies_in_a_commit_leaves_nothing_and_holds_up_nobody(database, place, moment):
    """Its lock ends with it; the number that it left odd is trusted by nobody until the next commit."""
    database.write(add("before"))

    assert subprocess.run([sys.executable, "-c", _DYING_PROCESS, place, moment], check=False).returncode == 9

    if moment == "visible":
        assert database.version() != database.version()
    assert texts(database) == ["before"]
    assert database.write(add("after")) == 1
    assert database.version() == database.version()
    assert texts(database) == ["before", "after"]


# ── PostgreSQL ──────────────────────────────────────────────────────────────────────────────────────


def _cut(place: Path | str) -> None:
    """End every connection to the database, as a restart of its server does."""
    with psycopg.connect(str(place)) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@ON_POSTGRESQL
def test_connections_that_were_cut_are_made_again(database, place):
    database.write(add("before"))
    before = _version(database)
    assert texts(database) == ["before"]
    _cut(place)

    assert texts(database) == ["before"]
    _cut(place)
    assert database.look(ONE, text="before") is not None
    assert database.write(add("after")) == 1
    assert _version(database) != before
    assert texts(database) == ["before", "after"]


@ON_POSTGRESQL
def test_a_transaction_that_was_cut_is_not_gone_on_with(database, place):
    """What it had done is lost, so none of it may be told to be done; nor is it tried again behind anybody's back."""
    runs = []

    def work(tx: Transaction) -> None:
        runs.append(1)
        tx.run(ADD, text="lost", content=None)
        _cut(place)
        for text in ("alone", "still alone"):
            with contextlib.suppress(psycopg.OperationalError):
                tx.run(ADD, text=text, content=None)

    with pytest.raises(psycopg.OperationalError):
        database.write(work)

    assert (texts(database), len(runs)) == ([], 1)
    with database.reading() as tx:
        tx.all(ALL)
        _cut(place)
        with pytest.raises(psycopg.OperationalError):
            tx.all(ALL)


@ON_POSTGRESQL
def test_a_work_that_keeps_an_error_to_itself_is_not_taken_for_done(database, place):
    """SQLite goes on after a statement that failed; PostgreSQL would end the transaction as if it had never been."""
    database.write(add("x"))

    def work(tx: Transaction) -> None:
        tx.run(ADD, text="y", content=None)
        with contextlib.suppress(psycopg.IntegrityError):
            tx.run(ADD, text="x", content=None)

    with pytest.raises(RuntimeError, match="a statement has failed in this transaction"):
        database.write(work)
    results = _together(database, place, add("a"), work, add("b"))

    assert [result == 1 for result in results] == [True, False, True]
    assert texts(database) == ["x", "a", "b"]


@ON_POSTGRESQL
def test_who_ask_at_a_time_share_an_answer_that_was_asked_for_after_all_of_them(database, monkeypatch):
    questions, asked = [], asyncio.Event()
    snapshot = Postgresql._snapshot

    async def counted(self: Postgresql) -> str:
        questions.append(1)
        asked.set()
        return await snapshot(self)

    monkeypatch.setattr(Postgresql, "_snapshot", counted)

    async def run() -> None:
        first = asyncio.ensure_future(database.ask())
        await asked.wait()
        before = database.version()
        await database.awrite(add("meanwhile"))
        await asyncio.gather(*(database.ask() for _ in range(50)))
        assert database.version() != before
        await first

    asyncio.run(run())

    assert len(questions) in {2, 3}


@ON_POSTGRESQL
def test_who_leaves_while_he_asks_does_not_take_the_question_along(database):
    async def run() -> None:
        leaving, staying = (asyncio.ensure_future(database.ask()) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        await staying

    asyncio.run(run())

    assert _version(database) == _version(database)


def _terminate(connection: psycopg.Connection[Any], stopped: int) -> None:
    """End a backend that stands still, and return when nothing more comes of it; the event loop waits meanwhile."""
    connection.execute("SELECT pg_terminate_backend(%s)", [stopped])
    os.kill(stopped, signal.SIGCONT)
    while connection.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [stopped]).fetchall():
        time.sleep(0.01)
    time.sleep(0.1)


@ON_POSTGRESQL
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_question_whose_connection_is_cut_is_asked_again(database, place, loop):
    """The server's last words and the reset are there together: it ends with the question unread."""
    database.write(add("before"))

    async def run() -> None:
        await database.ask()
        version = database.version()
        with psycopg.connect(place, autocommit=True) as connection:
            ((asker,),) = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE query LIKE '%current_snapshot%' AND pid <> pg_backend_pid() "
                "AND datname = current_database()"
            ).fetchall()
            os.kill(asker, signal.SIGSTOP)
            question = asyncio.ensure_future(database.ask())
            await asyncio.sleep(0.05)
            assert not question.done()
            _terminate(connection, asker)
        await asyncio.wait_for(question, 20)
        assert database.version() != version
        version = database.version()
        await database.ask()
        assert database.version() == version

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


def test_where_nobody_answers_no_version_is_trusted(tmp_path):
    database = open_database(f"postgresql:///nothing?host={tmp_path}")

    assert _version(database) != _version(database)
    with pytest.raises(psycopg.OperationalError):
        database.look(ONE, text="x")
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError):
            database.write(add("x"))
    database.close()
