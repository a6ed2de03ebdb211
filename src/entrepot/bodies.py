"""Request bodies in pieces, bounded in size and in the client's patience."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from entrepot import clock
from entrepot.answers import Receive
from entrepot.errors import Fault

# How long a client may be silent, and how long it may be slow, in seconds: security-design 8.1.
_SILENCE = 30.0
# The server hands on 300 KiB at a time when a client is fast. Joining those to larger pieces would copy every
# byte once more.
_WORTH_A_PIECE = 128 << 10


class BodyTooLarge(Fault, aws="InvalidParameterException", oci="SIZE_INVALID"):
    """Members: limit (bytes)."""

    message = "The body is larger than {limit} bytes"


class BodyIncomplete(Fault, aws="InvalidParameterException", oci="BLOB_UPLOAD_INVALID"):
    """The client went away, or sent too slowly. What came before is kept."""

    message = "The body ended before it was complete"


class Waiting:
    """
    Bodies whose next message is awaited, and since when. Once a second, those that are too old are given up.

    A timer for each message would do the same, and took a tenth of a small push.
    """

    def __init__(self) -> None:
        self._since: dict[asyncio.Task[Any], float] = {}
        self._given_up: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None  # the one on which somebody looks every second

    async def for_message(self, receive: Receive) -> MutableMapping[str, Any]:
        """The next message. Raises: BodyIncomplete, after ``_SILENCE``."""
        task = asyncio.current_task()
        assert task is not None  # this is a coroutine, so a task runs it
        self._since[task] = clock.ticks()
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(1.0, self._look)
        try:
            return await receive()
        except asyncio.CancelledError:
            if task not in self._given_up:
                raise
            task.uncancel()
            raise BodyIncomplete from None
        finally:
            del self._since[task]
            self._given_up.discard(task)

    def _look(self) -> None:
        oldest = clock.ticks() - _SILENCE
        late = [task for task, since in self._since.items() if since < oldest]
        self._given_up.update(late)
        for task in late:
            task.cancel()
        if self._since and self._loop is not None:
            self._loop.call_later(1.0, self._look)
        else:
            self._loop = None


WAITING = Waiting()


class Body:
    """What a client sends. *taken* is how many bytes have been handed on."""

    def __init__(self, receive: Receive, *, minimum_rate: int) -> None:
        self._receive = receive
        self._minimum_rate = minimum_rate
        self._began = clock.ticks()
        self._received = 0
        self._kept: list[bytes] = []
        self._kept_size = 0
        self.ended: bool = False

    async def up_to(self, limit: int) -> bytes:
        """The body if it has at most *limit* bytes; else its beginning, of more than *limit* bytes."""
        await self._fill(limit + 1)
        return self._take()

    async def whole(self, limit: int) -> bytes:
        """The whole body. Raises: BodyTooLarge, BodyIncomplete."""
        content = await self.up_to(limit)
        if len(content) > limit:
            raise BodyTooLarge(limit=limit)
        return content

    async def pieces(self) -> AsyncIterator[bytes]:
        """The rest of the body, in pieces worth handing on. Raises: BodyIncomplete, after what has come."""
        while not self.ended:
            try:
                await self._fill(_WORTH_A_PIECE)
            except BodyIncomplete:
                if self._kept:
                    yield self._take()
                raise
            if self._kept:
                yield self._take()

    async def drop(self, most: int) -> None:
        """Read on until the body ends or *most* bytes have come, and forget them. Raises: BodyIncomplete."""
        while not self.ended and self._received < most:
            await self._more()
            self._take()

    async def _fill(self, size: int) -> None:
        while not self.ended and self._kept_size < size:
            await self._more()

    def _take(self) -> bytes:
        content = self._kept[0] if len(self._kept) == 1 else b"".join(self._kept)
        self._kept, self._kept_size = [], 0
        return content

    async def _more(self) -> None:
        """One message of the body. Raises: BodyIncomplete, where the client left or only drips."""
        message = await WAITING.for_message(self._receive)
        if message["type"] != "http.request":
            raise BodyIncomplete
        piece = message.get("body", b"")
        if piece:
            self._kept.append(piece)
            self._kept_size += len(piece)
            self._received += len(piece)
        self.ended = not message.get("more_body", False)
        passed = clock.ticks() - self._began
        if not self.ended and passed > _SILENCE and self._received < passed * self._minimum_rate:
            raise BodyIncomplete
