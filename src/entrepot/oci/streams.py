"""Request bodies in pieces, bounded in size and in the client's patience."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from entrepot import clock
from entrepot.answers import Receive, Scope
from entrepot.oci.faults import BodyIncomplete, BodyTooLarge
from entrepot.oci.messages import Request
from entrepot.storage import PIECE

# How long a client may be silent, and how long it may be slow, in seconds: security-design 8.1.
_SILENCE = 30.0
_MOST_DRAINED = 8 << 20
_PATIENCE_TO_DRAIN = 5.0


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
        """The rest of the body, in pieces of about a mebibyte. Raises: BodyIncomplete, after what has come."""
        while not self.ended:
            try:
                await self._fill(PIECE)
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
        try:
            async with asyncio.timeout(_SILENCE):
                message = await self._receive()
        except TimeoutError:
            raise BodyIncomplete from None
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


def body_of(request: Request) -> Body:
    """The body of a request."""
    body = Body(request.receive, minimum_rate=request.context.runtime.settings.body_minimum_rate)
    request.scope["body"] = body
    return body


async def drain(scope: Scope, receive: Receive) -> None:
    """
    Let a client that is refused finish what it is sending, as far as that is little.

    A connection that is closed while bytes still come is reset, and a client that writes does not see
    the answer then: it reports a broken pipe and not the reason.
    """
    if scope["method"] not in {"POST", "PATCH", "PUT"}:
        return
    body: Body = scope.get("body") or Body(receive, minimum_rate=_MOST_DRAINED)
    with contextlib.suppress(TimeoutError, BodyIncomplete):
        async with asyncio.timeout(_PATIENCE_TO_DRAIN):
            await body.drop(_MOST_DRAINED)
