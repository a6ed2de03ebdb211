"""The database of one process: one writer for all who write, and readers that see what is committed."""

import asyncio
import fcntl
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text, bindparam, insert, select, update

from entrepot.database import Database, Statement, Transaction
from entrepot.errors import Fault, NoSpace

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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "notes.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE, content BLOB)")
    connection.close()
    return file


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database(path)
    yield opened
    opened.close()


@contextmanager
def _lock_held(path: Path) -> Iterator[None]:
    """Nobody commits inside; whoever waits then comes into one commit."""
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _together(database: Database, path: Path, *works: Any) -> list[Any]:
    """The results of works that are committed in one commit, in order; an error in the place of a result."""

    async def run() -> list[Any]:
        with _lock_held(path):
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

    with pytest.raises(sqlite3.IntegrityError):
        database.write(work)

    assert texts(database) == []


def test_the_writer_goes_on_after_a_failure(database):
    for number in range(5):
        with pytest.raises(ZeroDivisionError):
            database.write(lambda tx: 1 // 0)
        database.write(add(str(number)))

    assert texts(database) == ["0", "1", "2", "3", "4"]


def test_those_who_wait_come_into_one_commit(database, path):
    results: list[Any] = []

    def work(number: int) -> Any:
        def run(tx: Transaction) -> int:
            tx.run(ADD, text=str(number), content=None)
            results.append(database.version())
            return number

        return run

    assert _together(database, path, *(work(number) for number in range(20))) == list(range(20))

    assert len(texts(database)) == 20
    assert len(set(results)) == 1


def test_works_run_in_the_order_in_which_they_came(database, path):
    _together(database, path, *(add(f"{number:03}") for number in range(50)))

    assert texts(database) == [f"{number:03}" for number in range(50)]


def test_a_later_work_sees_what_an_earlier_one_of_the_same_commit_did(database, path):
    def rename(tx: Transaction) -> int:
        return tx.run(RENAME, old="first", new="renamed")

    assert _together(database, path, add("other"), add("first"), rename) == [1, 1, 1]
    assert texts(database) == ["other", "renamed"]


def test_of_a_commit_only_the_guilty_fails(database, path):
    def guilty(tx: Transaction) -> None:
        tx.run(ADD, text="guilty", content=None)
        raise Refused

    results = _together(database, path, add("a"), guilty, add("b"), add("b"), add("c"))

    assert [type(result) for result in results] == [int, Refused, int, sqlite3.IntegrityError, int]
    assert texts(database) == ["a", "b", "c"]


def test_what_a_guilty_work_has_read_is_not_remembered_for_the_others(database, path):
    """It may have been of its own making."""
    seen = []

    def guilty(tx: Transaction) -> None:
        tx.run(ADD, text="invented", content=None)
        tx.remembered["invented"] = True
        raise Refused

    def next_one(tx: Transaction) -> None:
        seen.append(dict(tx.remembered))

    _together(database, path, add("first"), guilty, next_one)

    assert seen[-1] == {}


def test_a_work_runs_again_only_where_its_commit_has_failed(database, path):
    runs = []

    def counted(tx: Transaction) -> None:
        runs.append(1)

    _together(database, path, add("x"), counted, counted)
    assert len(runs) == 2
    runs.clear()
    _together(database, path, add("y"), counted, lambda tx: 1 // 0)
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


def test_a_client_that_leaves_does_not_take_its_work_along(database, path):
    """What was asked for is done; who no longer waits is not told, and nobody else is disturbed."""

    async def run() -> None:
        with _lock_held(path):
            leaving = asyncio.ensure_future(database.awrite(add("left")))
            staying = asyncio.ensure_future(database.awrite(add("stayed")))
            await asyncio.sleep(0.01)
            leaving.cancel()
            await asyncio.sleep(0)
        assert await staying == 1

    asyncio.run(run())

    assert texts(database) == ["left", "stayed"]


def test_an_event_loop_that_has_ended_does_not_stop_the_writer(database, path):
    with _lock_held(path):

        async def leave() -> None:
            task = asyncio.ensure_future(database.awrite(add("of a loop that ended")))
            await asyncio.sleep(0.01)
            task.cancel()

        asyncio.run(leave())

    assert database.write(add("after")) == 1
    assert texts(database) == ["of a loop that ended", "after"]


def test_closing_finishes_what_waits(path):
    database = Database(path)
    with _lock_held(path):
        threads = [threading.Thread(target=database.write, args=[add(str(number))]) for number in range(5)]
        for thread in threads:
            thread.start()
        closing = threading.Thread(target=database.close)
    closing.start()
    for thread in [*threads, closing]:
        thread.join()

    again = Database(path)
    assert sorted(texts(again)) == ["0", "1", "2", "3", "4"]
    again.close()


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


def test_on_a_full_disk_a_commit_of_several_fails_as_a_whole(database, path):
    def limit(tx: Transaction) -> None:
        tx._connection.execute("PRAGMA max_page_count = 8")

    database.write(limit)

    results = _together(database, path, add("a"), add("large", b"x" * 1_000_000), add("b"))

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
    with pytest.raises(sqlite3.OperationalError), database.reading() as tx:
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
    versions = [database.version()]
    for number in range(3):
        texts(database)
        assert database.version() == versions[-1]
        database.write(add(str(number)))
        versions.append(database.version())

    assert len(set(versions)) == 4


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


def test_another_database_on_the_same_file_tells_of_its_commits(database, path):
    other = Database(path)
    before = database.version()

    other.write(add("theirs"))

    assert database.version() != before
    assert database.version() == other.version()
    other.close()


def test_while_a_commit_is_becoming_visible_no_version_is_trusted(database):
    """A reader between commit and number would take the old state for the new one, or the other way round."""
    database.write(add("x"))
    before = database.version()

    database._commits.begin(rights=True)
    assert len({database.version() for _ in range(10)} | {before}) == 11
    assert database.rights_version() != database.rights_version()
    database._commits.end()

    assert database.version() == database.version() != before


_OTHER_PROCESS = """
import sys
from pathlib import Path
from sqlalchemy import column, table, select, update, bindparam
from entrepot.database import Database, Statement

notes = table("notes", column("text"))
READ = Statement(select(notes.c.text).limit(1))
WRITE = Statement(update(notes).values(text=bindparam("new")))
database = Database(Path(sys.argv[1]))

def increment(tx):
    tx.run(WRITE, new=str(int(tx.one(READ)["text"]) + 1))

for _ in range(100):
    database.write(increment)
database.close()
"""


def test_processes_take_turns_and_lose_nothing(database, path):
    database.write(add("0"))
    before = database.version()
    processes = [subprocess.Popen([sys.executable, "-c", _OTHER_PROCESS, path]) for _ in range(2)]
    for _ in range(50):
        database.write(
            lambda tx: tx.run(RENAME, old=(text := tx.all(ALL)[0]["text"]), new=str(int(text) + 1)) or 1 // 0
        )
    for process in processes:
        assert process.wait(60) == 0

    assert texts(database) == ["250"]
    assert database.version() != before


_DYING_PROCESS = """
import os, sys
from pathlib import Path
from sqlalchemy import column, table, insert
from entrepot.database import Database, Statement

database = Database(Path(sys.argv[1]))

def die(tx):
    tx.run(Statement(insert(table("notes", column("text"))).values(text="never")))
    if sys.argv[2] == "visible":
        database._commits.begin(rights=False)
    os._exit(9)

database.write(die)
"""


@pytest.mark.parametrize("moment", ["running", "visible"])
def test_a_process_that_dies_in_a_commit_leaves_nothing_and_holds_up_nobody(database, path, moment):
    """Its lock ends with it; the number that it left odd is trusted by nobody until the next commit."""
    database.write(add("before"))

    assert subprocess.run([sys.executable, "-c", _DYING_PROCESS, path, moment], check=False).returncode == 9

    if moment == "visible":
        assert database.version() != database.version()
    assert texts(database) == ["before"]
    assert database.write(add("after")) == 1
    assert database.version() == database.version()
    assert texts(database) == ["before", "after"]
