"""
Tokens from one page to the next: the last key of the page, sealed.

A token opens only for the principal, the operation and the parameters that it was made for, so nobody
can have it list what they may not, or learn from it what it skips.
"""

from typing import Any

import orjson

from entrepot.call import Call
from entrepot.errors import InvalidParameter
from entrepot.identity.faults import TokenInvalid

_LABEL = "page"


class Paging:
    """One listing: *parameters* are all that decide what is in it."""

    def __init__(self, call: Call, operation: str, *parameters: object) -> None:
        self._ring = call.directory.ring
        self._context = orjson.dumps([call.principal.id, call.registry.region, operation, *parameters])

    def key(self, token: str | None) -> list[Any] | None:
        """The key that *token* holds; None for the first page. Raises: InvalidParameter."""
        if token is None:
            return None
        try:
            key: list[Any] = orjson.loads(self._ring.open(_LABEL, token, context=self._context))
        except TokenInvalid:
            raise InvalidParameter(parameter="NextToken", reason="Invalid next token provided") from None
        return key

    def token(self, *key: str | float) -> str:
        """The token of the page that begins behind *key*."""
        return self._ring.seal(_LABEL, orjson.dumps(key), context=self._context)


def refuse_with(parameter: str, *others: object) -> None:
    """Refuse a call that names what it wants and pages too. Raises: InvalidParameter."""
    if any(other is not None for other in others):
        raise InvalidParameter(parameter=parameter, reason="Member must not be used with nextToken or maxResults")
