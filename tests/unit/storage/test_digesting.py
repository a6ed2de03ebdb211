"""The intake: hash, write and receive at once, in order, with a bound, and never two on one file."""

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import pytest

from entrepot.errors import NoSpace
from entrepot.storage.digesting import Intake
from entrepot.storage.memory import MemoryStore

MEBIBYTE = 1 << 20
UPLOAD = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class Disk:
    """An upload whose writes wait until they are let, and that knows what was done to it."""

    def __init__(self) -> None:
        self.let = threading.Semaphore(0)
        self.written = 0
        self.committed = False
        self.closed = False
        self.refuse: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.closed = True

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        assert self.let.acquire(timeout=60)
        assert not self.closed
        if self.refuse is not None:
            raise self.refuse
        self.written += len(piece)

    def commit(self) -> None:
        assert not self.closed
        if self.refuse is not None:
            raise self.refuse
        self.committed = True


def test_what_is_fed_is_hashed_and_written_in_order(pool: ThreadPoolExecutor) -> None:
    store, hasher = MemoryStore(), hashlib.sha256()
    pieces = [bytes([i]) * (i * 1000) for i in range(100)]

    async def push() -> int:
        async with Intake(store.append(UPLOAD, 0), hasher, pool) as intake:
            for piece in pieces:
                await intake.feed(piece)
            await intake.end()
            return intake.size

    size = asyncio.run(push())

    assert size == 4_950_000
    assert b"".join(store.uploaded(UPLOAD)) == b"".join(pieces)
    assert hasher.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_without_a_hasher_it_only_writes(pool: ThreadPoolExecutor) -> None:
    store = MemoryStore()

    async def push() -> None:
        async with Intake(store.append(UPLOAD, 0), None, pool) as intake:
            await intake.feed(b"abc")
            await intake.end()

    asyncio.run(push())

    assert b"".join(store.uploaded(UPLOAD)) == b"abc"


def test_the_end_commits_and_closes(pool: ThreadPoolExecutor) -> None:
    async def push(disk: Disk, commit: bool) -> None:
        disk.let.release()
        async with Intake(disk, hashlib.sha256(), pool) as intake:
            await intake.feed(b"abc")
            await intake.end(commit=commit)

    kept, left = Disk(), Disk()
    asyncio.run(push(kept, True))
    asyncio.run(push(left, False))

    assert (kept.written, kept.committed, kept.closed) == (3, True, True)
    assert (left.written, left.committed, left.closed) == (3, False, True)


def test_a_receiver_gets_at_most_two_mebibytes_ahead_and_waits_for_half_of_it(pool: ThreadPoolExecutor) -> None:
    disk = Disk()

    async def push() -> None:
        async with Intake(disk, hashlib.sha256(), pool) as intake:
            for _ in range(4):
                await intake.feed(bytes(MEBIBYTE // 2))
            fifth = asyncio.create_task(intake.feed(bytes(MEBIBYTE // 2)))
            disk.let.release()
            await asyncio.sleep(0.05)
            assert not fifth.done()

            disk.let.release()
            await fifth

            assert disk.written == MEBIBYTE
            for _ in range(3):
                disk.let.release()
            await intake.end()

    asyncio.run(push())

    assert disk.written == 5 * MEBIBYTE // 2


def test_a_piece_larger_than_the_bound_passes_alone(pool: ThreadPoolExecutor) -> None:
    store = MemoryStore()

    async def push() -> None:
        async with Intake(store.append(UPLOAD, 0), hashlib.sha256(), pool) as intake:
            await intake.feed(b"a")
            await intake.feed(bytes(9 * MEBIBYTE))
            await intake.feed(b"b")
            await intake.end()

    asyncio.run(push())

    assert len(b"".join(store.uploaded(UPLOAD))) == 9 * MEBIBYTE + 2


def test_a_refused_write_reaches_the_receiver_that_waits(pool: ThreadPoolExecutor) -> None:
    disk = Disk()
    disk.refuse = NoSpace(free=0, least=0)

    async def push() -> int:
        async with Intake(disk, hashlib.sha256(), pool) as intake:
            for _ in range(2):
                await intake.feed(bytes(MEBIBYTE))
            disk.let.release()
            with pytest.raises(NoSpace):
                await intake.feed(bytes(MEBIBYTE))
            with pytest.raises(NoSpace):
                await intake.end()
            return intake.size

    assert asyncio.run(push()) == 2 * MEBIBYTE
    assert (disk.written, disk.committed, disk.closed) == (0, False, True)


def test_the_upload_becomes_durable_while_the_hash_catches_up(pool: ThreadPoolExecutor) -> None:
    closed = threading.Event()

    class Slow:
        def update(self, piece: bytes | bytearray, /) -> None:
            assert closed.wait(timeout=60)

        def hexdigest(self) -> str:
            return ""

    class Closing(Disk):
        def __exit__(self, *failure: object) -> None:
            super().__exit__(*failure)
            closed.set()

    disk = Closing()
    disk.let.release()

    async def push() -> None:
        async with Intake(disk, Slow(), pool) as intake:
            await intake.feed(b"abc")
            await intake.end()

    asyncio.run(push())

    assert disk.committed


def test_a_refused_commit_is_not_taken_for_an_end(pool: ThreadPoolExecutor) -> None:
    disk = Disk()
    disk.refuse = NoSpace(free=0, least=0)

    async def push() -> None:
        async with Intake(disk, hashlib.sha256(), pool) as intake:
            await intake.end()

    with pytest.raises(NoSpace):
        asyncio.run(push())

    assert disk.closed


def test_a_broken_off_request_is_closed_without_a_commit(pool: ThreadPoolExecutor) -> None:
    disk = Disk()

    async def push() -> None:
        async with Intake(disk, hashlib.sha256(), pool) as intake:
            for _ in range(2):
                await intake.feed(bytes(MEBIBYTE))
            disk.let.release()
            raise ConnectionError("the client went away")

    with pytest.raises(ConnectionError, match="went away"):
        asyncio.run(push())

    assert (disk.written <= MEBIBYTE, disk.committed, disk.closed) == (True, False, True)


def test_nobody_writes_any_more_once_a_cancelled_request_is_left(pool: ThreadPoolExecutor) -> None:
    """The next request may open the same upload; a write that comes late would spoil it."""
    disk = Disk()
    left = threading.Event()

    async def push() -> None:
        async with Intake(disk, hashlib.sha256(), pool) as intake:
            for _ in range(5):
                await intake.feed(bytes(MEBIBYTE))

    async def cancel() -> None:
        task = asyncio.create_task(push())
        await asyncio.sleep(0.05)
        task.cancel()
        task.add_done_callback(lambda _: left.set())
        await asyncio.sleep(0.05)
        assert not left.is_set()  # the first piece is still being written
        disk.let.release()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert (disk.written, disk.committed, disk.closed) == (MEBIBYTE, False, True)


def test_a_few_threads_serve_many_uploads_and_idle_ones_hold_none() -> None:
    async def push(n: int, pool: ThreadPoolExecutor) -> str:
        store, hasher = MemoryStore(), hashlib.sha256()
        async with Intake(store.append(UPLOAD, 0), hasher, pool) as intake:
            for i in range(20):
                await intake.feed(bytes([n, i]) * 100_000)
                await asyncio.sleep(0)
            await intake.end()
        assert hasher.hexdigest() == hashlib.sha256(b"".join(store.uploaded(UPLOAD))).hexdigest()
        return hasher.hexdigest()

    async def push_all(pool: ThreadPoolExecutor) -> list[str]:
        idle = [Intake(MemoryStore().append(UPLOAD, 0), hashlib.sha256(), pool) for _ in range(50)]
        for intake in idle:
            await intake.feed(b"a byte, and then nothing")
        digests = await asyncio.gather(*(push(n, pool) for n in range(50)))
        for intake in idle:
            await intake.abort()
        return digests

    with ThreadPoolExecutor(1) as pool:
        digests = asyncio.run(push_all(pool))

    assert len(set(digests)) == 50
