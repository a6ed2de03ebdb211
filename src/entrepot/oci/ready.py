"""
Answers that can be given again as they are: the whole of a pull's way, remembered.

An answer is kept under everything that it depended on: the request's method, address and host, its
credentials, and where it came from over what. It holds until somebody commits anything, or the
credentials expire. So whoever gets it has been authenticated and authorised for exactly this, in the
state of the database that still holds.
"""

from typing import Any, NamedTuple

from entrepot import clock
from entrepot.answers import Response, Scope
from entrepot.identity.logins import Opened
from entrepot.identity.principals import Principal

_LARGEST = 16 << 10
_ROOM = 16 << 20
_MOST = 8192

Key = tuple[str, bytes, str, bytes, str, str]


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
        """The answer to this very request, if it still holds."""
        if scope["range"] is not None or scope["query_string"]:
            return None
        ready = self._kept.get(_key(scope))
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
        self._kept[_key(scope)] = Ready(
            {"type": "http.response.start", "status": response.status, "headers": response.headers},
            {"type": "http.response.body", "body": body},
            opened.principal,
            response.pulled,
            opened.expires_at,
        )

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._room = _ROOM


def _key(scope: Scope) -> Key:
    return (
        scope["method"],
        scope["raw_path"],
        scope["host"],
        scope["authorization"],
        scope["client"][0],
        scope["scheme"],
    )
