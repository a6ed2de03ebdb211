"""Works that wait for the writer, and how whoever sent them hears of it."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from entrepot.database.transactions import Transaction


class Waiting:
    """A piece of work, who waits for it, and how it went."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(
        self,
        work: Callable[[Transaction], Any],
        future: "Future[Any] | asyncio.Future[Any]",
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.work, self.future, self.loop = work, future, loop
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        """Tell who waits."""
        if self.loop is not None and self.future.done():
            return  # its client went away; what it asked for has been done all the same
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def answer(batch: list[Waiting]) -> None:
    """Wake everybody; each event loop is woken once, because waking it is a system call."""
    loops: dict[asyncio.AbstractEventLoop, list[Waiting]] = {}
    for waiting in batch:
        if waiting.loop is None:
            waiting.settle()
        else:
            loops.setdefault(waiting.loop, []).append(waiting)
    for loop, group in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it everybody who waited
            loop.call_soon_threadsafe(_settle_all, group)


def _settle_all(group: list[Waiting]) -> None:
    for waiting in group:
        waiting.settle()
