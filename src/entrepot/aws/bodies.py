"""Request bodies: bounded before they are buffered, and in the client's patience."""

from entrepot import clock
from entrepot.answers import Receive
from entrepot.aws.faults import RequestTimeout, RequestTooLarge
from entrepot.bodies import WAITING, BodyIncomplete

# Source: decisions.md; a manifest of 4 MiB with every quote escaped, a part of 20 MiB in base64.
LIMITS = {"PutImage": 16 << 20, "UploadLayerPart": 28 << 20}
LIMIT = 1 << 20
# Seconds for a body of up to LIMIT; longer ones must then come at least this fast (bytes a second).
_PATIENCE = 30.0
_RATE = 65_536


class Disconnected(Exception):
    """The client has gone: nobody is left to answer."""


def declared_length(headers: dict[bytes, bytes], *, limit: int) -> int:
    """How long the body says it is; *limit* where it does not say. Raises: RequestTooLarge."""
    text = headers.get(b"content-length", b"%d" % limit)
    length = int(text) if text.isdigit() and len(text) < 19 else limit + 1
    if length > limit:
        raise RequestTooLarge(limit=limit)
    return length


async def read(receive: Receive, *, limit: int) -> bytes | bytearray:
    """
    The whole body.

    Raises: RequestTooLarge, RequestTimeout, Disconnected.
    """
    began, body = clock.ticks(), bytearray()
    while True:
        try:
            message = await WAITING.for_message(receive)
        except BodyIncomplete:
            raise RequestTimeout from None
        if message["type"] != "http.request":
            raise Disconnected
        if len(body) + len(piece := message.get("body", b"")) > limit:
            raise RequestTooLarge(limit=limit)
        if not body and not message.get("more_body", False):
            return bytes(piece)
        body += piece
        if not message.get("more_body", False):
            return body
        if clock.ticks() - began > _PATIENCE + max(0, len(body) - LIMIT) / _RATE:
            raise RequestTimeout
