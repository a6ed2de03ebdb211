"""
Digests of bytes that stream by.

    event loop ── feed ──┬─► lane: hasher.update ──┐
                         └─► lane: appending.write ┴─► end: commit, close

Receiving, hashing and writing overlap, so a push is bound by the slowest of the three and not by their
sum. A lane takes a thread of the pool only while it has something to do: a client that sends a byte a
second holds none, and a handful of threads serve any number of uploads.
"""

import asyncio
import contextlib
import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Protocol, Self

from entrepot.storage.base import Appending

Piece = bytes | bytearray

# How far the receiver may be ahead of the slower lane, in bytes: it waits there until half is left, because to
# wake it for every piece takes time from the hash. A few pieces keep both busy; with 16 uploads at a time they
# are 32 MiB.
_AHEAD = 2 << 20
# After so many pieces a lane lets others have its thread.
_TURN = 8


class Hasher(Protocol):
    """What ``hashlib.sha256()`` gives."""

    def update(self, piece: Piece, /) -> None:
        """Take *piece* into the digest."""

    def hexdigest(self) -> str:
        """The digest of all that came so far."""


def digest_of(pieces: Iterable[Piece | memoryview], algorithm: str) -> str:
    """``<algorithm>:<hex>`` of all *pieces*. *algorithm* is sha256 or sha512."""
    hasher = hashlib.new(algorithm)
    for piece in pieces:
        hasher.update(piece)
    return f"{algorithm}:{hasher.hexdigest()}"


class Intake:
    """
    Takes one request's bytes into an upload. It belongs to one event loop; *pool* does the work.

        appending = await loop.run_in_executor(pool, store.append, upload, offset)
        async with Intake(appending, hashlib.sha256(), pool) as intake:
            async for piece in body:
                await intake.feed(piece)
            await intake.end()
        intake.size, hasher.hexdigest()

    The intake owns *appending* from then on and closes it, at the end or when the block is left without
    ``end``; once the block is left, nobody writes to the upload any more. *hasher* may be None.
    """

    def __init__(self, appending: Appending, hasher: Hasher | None, pool: Executor) -> None:
        self.size = 0  # bytes fed so far
        self._appending = appending
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        # Who waits, and until which lanes are how many bytes behind at most.
        self._awaited: tuple[asyncio.Future[None] | None, int, list[_Lane]] = None, 0, []
        self._error: BaseException | None = None
        self._closing: asyncio.Future[None] | None = None
        work: list[Callable[[Piece], object]] = [appending.write]
        if hasher is not None:
            work.append(hasher.update)
        self._lanes = [_Lane(do) for do in work]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.abort()

    async def feed(self, piece: Piece) -> None:
        """
        Take *piece*, which nobody may change from here on. It waits only where a lane is far behind.

        Raises: what writing has raised (NoSpace), of this piece or of one before.
        """
        room = max(0, _AHEAD - len(piece))
        if _behind(self._lanes) > room:
            await self._until(min(room, _AHEAD // 2), self._lanes)
        if self._error is not None:
            raise self._error
        self.size += len(piece)
        for lane in self._lanes if piece else ():
            with self._lock:
                idle = not lane.pieces
                lane.pieces.append(piece)
                lane.behind += len(piece)
            if idle:
                self._pool.submit(self._work, lane)

    async def end(self, *, commit: bool = True) -> None:
        """
        Wait until all is hashed and written, make it durable while the hash catches up, and close the upload.

        Without *commit* it is durable only after the store's ``finish``, which then has to follow.
        Raises: what writing has raised (NoSpace).
        """
        await self._until(0, self._lanes[:1])  # the lane that writes
        if self._error is None:
            await self._close(commit)
            await self._until(0, self._lanes)
        if self._error is not None:
            raise self._error

    async def abort(self) -> None:
        """Drop what has not been written yet and close the upload; nothing, after ``end``."""
        if self._closing is None:
            self._error = self._error or RuntimeError("the upload was aborted")
            await self._until(0, self._lanes)
        with contextlib.suppress(Exception):  # nobody relies on what was aborted
            await self._close(commit=False)

    async def _until(self, behind: int, lanes: "list[_Lane]") -> None:
        """Wait until none of *lanes* is further behind than *behind* bytes. Once one has failed, all of them hurry."""
        while True:
            with self._lock:
                if _behind(lanes) <= behind:
                    return
                waiter = self._loop.create_future()
                self._awaited = waiter, behind, lanes
            await waiter

    async def _close(self, commit: bool) -> None:
        """Close the upload once. Whoever waits may be cancelled; the closing goes on, and can be waited for again."""
        if self._closing is None:
            self._closing = self._loop.run_in_executor(self._pool, self._leave, commit)
        await asyncio.shield(self._closing)

    def _leave(self, commit: bool) -> None:
        with self._appending as appending:
            if commit:
                appending.commit()

    def _work(self, lane: "_Lane") -> None:
        """A turn of one lane, on a thread of the pool."""
        for _ in range(_TURN):
            piece = lane.pieces[0]
            if self._error is None:
                try:
                    lane.do(piece)
                except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to who feeds
                    self._error = error
            if not self._done(lane):
                return
        self._pool.submit(self._work, lane)

    def _done(self, lane: "_Lane") -> bool:
        """Whether the lane has more to do, now that its first piece is done."""
        with self._lock:
            lane.behind -= len(lane.pieces.popleft())
            more = bool(lane.pieces)
            waiter, enough, lanes = self._awaited
            if waiter is None or _behind(lanes) > enough:
                return more
            self._awaited = None, 0, []
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it who waited
            self._loop.call_soon_threadsafe(_wake, waiter)
        return more


class _Lane:
    """One thing to do with every piece, in order. The first piece is the one being worked on."""

    __slots__ = ("behind", "do", "pieces")

    def __init__(self, do: Callable[[Piece], object]) -> None:
        self.do = do
        self.pieces: deque[Piece] = deque()
        self.behind = 0  # bytes


def _behind(lanes: Iterable[_Lane]) -> int:
    """How far the slowest lane is behind the receiver, in bytes."""
    return max(lane.behind for lane in lanes)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
