"""A request of the OCI face, as a plain value between ASGI and the functions of the routes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from entrepot.answers import Header, Receive, Scope
from entrepot.identity.principals import Principal
from entrepot.names import Registry
from entrepot.oci.faults import QueryTooLong

if TYPE_CHECKING:
    from entrepot.oci.context import Context

Right = tuple[str, str]

_MOST_FIELDS = 100


class Request:
    """
    One authorised request.

    *granted* is the alternative of rights that its principal has; *lasts* says that it has them whenever it asks
    the same again, until the generation changes.
    """

    def __init__(
        self, context: "Context", scope: Scope, receive: Receive, *, registry: Registry, name: str, reference: str
    ) -> None:
        self.context = context
        self.scope = scope
        self.method: str = scope["method"]
        self.headers: list[Header] = scope["headers"]
        self.query_string: bytes = scope["query_string"]
        # The first of several values counts, as in every other server. Raises: QueryTooLong.
        self.query: Mapping[str, str] = dict(reversed(_fields_of(self.query_string)))
        self.receive = receive
        self.registry = registry
        self.name = name
        self.reference = reference
        self.principal: Principal
        self.granted: tuple[Right, ...] = ()
        self.lasts = True

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


def _fields_of(raw: bytes) -> list[tuple[str, str]]:
    text = raw.decode("latin-1")
    if text.count("&") >= _MOST_FIELDS:
        raise QueryTooLong(most=_MOST_FIELDS)
    if "%" in text or "+" in text:
        # No name or type that is kept holds a NUL, and PostgreSQL does not even take it for a question.
        return parse_qsl(text.replace("%00", "%EF%BF%BD"), keep_blank_values=True)
    # Nothing is encoded in what clients of registries mostly send: a quarter of the time.
    fields = [part.partition("=") for part in text.split("&") if part]
    return [(name, value) for name, _, value in fields]
