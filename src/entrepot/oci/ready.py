"""
Answers that can be given again as they are: the whole of a pull's way, remembered.

An answer is kept under all that a request is: its method, address and every header, so its host and its
credentials too, and where it came from over what. It holds until somebody commits anything, or the
credentials expire. So whoever gets it has been admitted, authenticated and authorised for exactly this, in
the state of the database that still holds; and it is found before the request is even looked at.
"""

from typing import Any, NamedTuple

from entrepot import clock
from entrepot.answers import Header, Response, Scope
from entrepot.identity.logins import Opened
from entrepot.identity.principals import Principal

_LARGEST = 16 << 10
_ROOM = 16 << 20
_MOST = 4096

Key = tuple[str, bytes, str, str, tuple[Header, ...]]


class Ready(NamedTuple):
    """The two ASGI messages of an answer, whose they are, and the manifest to count as pulled."""

    start: dict[str, Any]
    body: dict[str, Any]
    principal: Principal
    pulled: int | None
    expires_at: float


class ReadyAnswers:
    """Answers by request; when they are too many or too large together, all are forgotten."""

    def __init__(self) -> None:
        self._kept: dict[Key, Ready] = {}
        self._room = _ROOM

    def find(self, scope: Scope) -> Ready | None:
        """The answer to this very request, if it still holds; ``keep`` may be told of it if there is none."""
        # A proxy's headers may change what the scope says of the client later: the key is of what came.
        key = scope["key"] = (
            scope["method"],
            scope["raw_path"],
            scope["client"][0],
            scope["scheme"],
            tuple(scope["headers"]),
        )
        ready = None if scope["query_string"] else self._kept.get(key)
        return ready if ready is not None and ready.expires_at > clock.now() else None

    def keep(self, scope: Scope, response: Response, opened: Opened) -> None:
        """Remember the answer to a request without a query and without a range."""
        size = len(response.body)
        if scope["range"] is not None or scope["query_string"] or size > _LARGEST:
            return
        if len(self._kept) >= _MOST or size > self._room:
            self.clear()
        self._room -= size
        body = b"" if scope["method"] == "HEAD" else response.body
        self._kept[scope["key"]] = Ready(
            {"type": "http.response.start", "status": response.status, "headers": response.headers},
            {"type": "http.response.body", "body": body},
            opened.principal,
            response.pulled,
            min(opened.expires_at, response.lasts),
        )

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._room = _ROOM
