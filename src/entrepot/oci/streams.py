"""The body of a request, and what is left of it when the request is refused."""

import asyncio
import contextlib

from entrepot.answers import Receive, Scope
from entrepot.bodies import Body, BodyIncomplete
from entrepot.oci.messages import Request

_MOST_DRAINED = 8 << 20
_PATIENCE_TO_DRAIN = 5.0


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
