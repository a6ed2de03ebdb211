"""
Pages of lists whose items have a key each: a marker is the key of the last item, sealed.

A marker opens only for the principal, the operation and the parameters that it was made for, so nobody
can have it list what they may not, or learn from it what it skips.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import orjson

from entrepot.call import Call

T = TypeVar("T")

_LABEL = "page"


def page(
    call: Call,
    *parameters: object,
    marker: str | None,
    limit: int,
    read: Callable[[str, int], Sequence[T]],
    key: Callable[[T], str],
) -> tuple[list[T], str | None]:
    """
    One page of a list, *limit* items at most, and the marker of the next; None where there is none.

    *parameters* are all that decide what is in the list, but for the caller and the operation. *read*
    gives the items behind a key, so many at most, in the order of their keys; *key* that of an item, which is
    never empty.

    Raises: TokenInvalid, for a marker that is none of this list.
    """
    ring = call.directory.ring
    context = orjson.dumps([call.principal.id, call.action, *parameters])
    after = "" if marker is None else ring.open(_LABEL, marker, context=context).decode()
    found = list(read(after, limit + 1))
    if len(found) <= limit:
        return found, None
    shown = found[:limit]
    return shown, ring.seal(_LABEL, key(shown[-1]).encode(), context=context)
