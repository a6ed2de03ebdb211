"""Answers of our own faces: a status, headers, and bytes from memory, from a file, or piece by piece."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Executor
from itertools import takewhile
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

# Until nothing but a commit ends it.
UNCHANGED = math.inf
# In so many turns of the event loop an answer from memory is on its way.
_TURNS = 3


class Response:
    """
    An answer. It has a body, or a file to send, or pieces to send one by one, each of them good until the next is
    asked for; what the disk or a network has to be waited for comes after an empty one.

    Until *lasts*, in seconds since the epoch, the same request has the same answer unless somebody commits
    something; *pulled* is then the manifest to count, if any.
    """

    __slots__ = ("body", "headers", "lasts", "path", "pieces", "pulled", "status")

    def __init__(
        self,
        status: int,
        headers: list[Header],
        body: bytes = b"",
        *,
        path: str | None = None,
        pieces: Iterator[bytes | bytearray] | None = None,
        lasts: float = 0.0,
        pulled: int | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.path = path
        self.pieces = pieces
        self.lasts = lasts
        self.pulled = pulled


# On every answer of this face: security-design 8.3; the first is what docker looks for.
COMMON: tuple[Header, ...] = (
    (b"docker-distribution-api-version", b"registry/2.0"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_NO_STORE: tuple[Header, ...] = (*COMMON, (b"cache-control", b"private, no-store"))


def empty(status: int, *headers: Header) -> Response:
    """An answer without a body."""
    return Response(status, [*_NO_STORE, *headers, (b"content-length", b"0")])


def document(status: int, body: bytes, *headers: Header, media_type: bytes = b"application/json") -> Response:
    """An answer that is a document of ours, not something that was pushed."""
    return Response(
        status,
        [*_NO_STORE, *headers, (b"content-type", media_type), (b"content-length", str(len(body)).encode())],
        body,
    )


async def answer(response: Response, receive: Receive, send: Send, pool: Executor, *, head: bool) -> None:
    """Put *response* on the wire; to a HEAD request without its body."""
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    if head:
        await send({"type": "http.response.body", "body": b""})
    elif response.path is not None:
        await send({"type": "http.response.pathsend", "path": response.path})
    elif response.pieces is not None:
        left = asyncio.ensure_future(_left(receive))
        try:
            # Sending tells nothing of a client that has gone: all that it will not take would be read and opened.
            await _send_pieces(takewhile(lambda _: not left.done(), response.pieces), send, pool)
        finally:
            left.cancel()
    else:
        await send({"type": "http.response.body", "body": response.body})


async def _left(receive: Receive) -> None:
    """Return when the client has gone. Source: ASGI 3.0, "Disconnect"."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_pieces(pieces: Iterator[bytes | bytearray], send: Send, pool: Executor) -> None:
    """
    The pieces, one by one: those that are at hand, and then what has to be waited for.

    What is at hand is opened and sent in one go, a third of a millisecond for a mebibyte: while it lies in the cache of
    one core, that is two thirds of what it costs by way of a thread. From the first that has to be waited for, one is
    read ahead on a thread while the one before is on its way; a slow client holds two, and no thread.
    """
    loop = asyncio.get_running_loop()
    piece: bytes | bytearray | None = await loop.run_in_executor(pool, next, pieces, None)
    while piece:
        await _send_piece(piece, send)
        # Where a client takes all that comes, sending waits for nothing, and others would never be heard.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        piece = next(pieces, None)
    if piece is not None:
        await _send_waited_for((bytes(each) for each in pieces if each), send, pool)
    await send({"type": "http.response.body", "body": b""})


async def _send_waited_for(pieces: Iterator[bytes], send: Send, pool: Executor) -> None:
    loop = asyncio.get_running_loop()
    ahead = loop.run_in_executor(pool, next, pieces, None)
    while (piece := await ahead) is not None:
        ahead = loop.run_in_executor(pool, next, pieces, None)
        await _send_piece(piece, send)


async def _send_piece(piece: bytes | bytearray, send: Send) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})
