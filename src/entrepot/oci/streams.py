"""Request bodies in pieces, bounded in size and in the client's patience; blobs as response bodies."""

import asyncio
from collections.abc import AsyncIterator

from entrepot import clock
from entrepot.oci.context import Context
from entrepot.oci.faults import BodyIncomplete, BodyTooLarge
from entrepot.oci.messages import Receive, Request, Response, Send
from entrepot.storage import PIECE

# How long a client may be silent, and how long it may be slow, in seconds: security-design 8.1.
_SILENCE = 30.0


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
    return Body(request.receive, minimum_rate=request.context.runtime.settings.body_minimum_rate)


async def answer(response: Response, send: Send, context: Context, *, head: bool) -> None:
    """Put *response* on the wire; to a HEAD request without its body."""
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    if head:
        await send({"type": "http.response.body", "body": b""})
    elif response.path is not None:
        await send({"type": "http.response.pathsend", "path": response.path})
    elif response.pieces is not None:
        await _send_pieces(response, send, context)
    else:
        await send({"type": "http.response.body", "body": response.body})


async def _send_pieces(response: Response, send: Send, context: Context) -> None:
    """One piece is read ahead while the one before is on its way; a slow client holds two, and no thread."""
    assert response.pieces is not None  # the caller has looked
    pieces = response.pieces
    loop = asyncio.get_running_loop()
    ahead = loop.run_in_executor(context.pool, next, pieces, None)
    while (piece := await ahead) is not None:
        ahead = loop.run_in_executor(context.pool, next, pieces, None)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
