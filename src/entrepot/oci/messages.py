"""A request and an answer of the OCI face, as plain values between ASGI and the functions of the routes."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from entrepot.identity.principals import Principal
from entrepot.names import Registry

if TYPE_CHECKING:
    from entrepot.oci.context import Context

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]
Right = tuple[str, str]

_MOST_FIELDS = 100


class Request:
    """One authorised request. *granted* is the alternative of rights that its principal has."""

    __slots__ = (
        "context",
        "granted",
        "headers",
        "method",
        "name",
        "principal",
        "query",
        "query_string",
        "receive",
        "reference",
        "registry",
    )

    def __init__(
        self, context: "Context", scope: Scope, receive: Receive, *, registry: Registry, name: str, reference: str
    ) -> None:
        self.context = context
        self.method: str = scope["method"]
        self.headers: list[Header] = scope["headers"]
        self.query_string: bytes = scope["query_string"]
        # The first of several values counts, as in every other server.
        self.query: Mapping[str, str] = dict(reversed(_fields_of(self.query_string)))
        self.receive = receive
        self.registry = registry
        self.name = name
        self.reference = reference
        self.principal: Principal
        self.granted: tuple[Right, ...] = ()

    def header(self, name: bytes) -> str | None:
        """The first header of that (lower-case) name."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None

    def query_all(self, name: str) -> list[str]:
        """Every value of a parameter, in order."""
        return [value for key, value in _fields_of(self.query_string) if key == name]

    def arn(self, name: str | None = None) -> str:
        """The ARN of the repository addressed, or of another one in the same registry."""
        return self.registry.repository_arn(name or self.name)


class Response:
    """
    An answer. It has a body, or a file to send, or pieces to read on a pool thread and send one by one.

    It *lasts* if the same request has the same answer until somebody commits something; *pulled* is then
    the manifest to count, if any.
    """

    __slots__ = ("body", "headers", "lasts", "path", "pieces", "pulled", "status")

    def __init__(
        self,
        status: int,
        headers: list[Header],
        body: bytes = b"",
        *,
        path: str | None = None,
        pieces: Iterator[bytes] | None = None,
        lasts: bool = False,
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


def _fields_of(raw: bytes) -> list[tuple[str, str]]:
    if not raw:
        return []
    return parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
