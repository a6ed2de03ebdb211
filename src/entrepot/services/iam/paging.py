"""Pages of IAM's lists: see ``services.pages``."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from entrepot.call import Call
from entrepot.identity.faults import InvalidMarker, TokenInvalid
from entrepot.services import pages

T = TypeVar("T")

# Source: IAM API reference, "MaxItems" of each list.
_USUAL = 100


def page(
    call: Call,
    *parameters: object,
    marker: str | None,
    max_items: int | None,
    read: Callable[[str, int], Sequence[T]],
    key: Callable[[T], str],
) -> tuple[list[T], dict[str, Any]]:
    """
    One page of a list, and the members of the answer that say whether there is more.

    *parameters* are all that decide what is in the list, but for the caller and the operation. *read*
    gives the items behind a key, so many at most, in the order of their keys; *key* that of an item, which is
    never empty.

    Raises: InvalidMarker.
    """
    limit = max_items or _USUAL
    try:
        shown, following = pages.page(call, *parameters, marker=marker, limit=limit, read=read, key=key)
    except TokenInvalid:
        raise InvalidMarker from None
    return shown, {"IsTruncated": False} if following is None else {"IsTruncated": True, "Marker": following}


def cut(
    call: Call,
    *parameters: object,
    marker: str | None,
    max_items: int | None,
    items: Sequence[T],
    key: Callable[[T], str],
) -> tuple[list[T], dict[str, Any]]:
    """
    The same of *items* that are all at hand, in the order in which they are given; no two have one key.

    Where the item that the last page ended with is gone, the list ends.  Raises: InvalidMarker.
    """

    def read(after: str, limit: int) -> Sequence[T]:
        keys = [key(item) for item in items]
        if not after:
            return items[:limit]
        first = keys.index(after) + 1 if after in keys else len(keys)
        return items[first : first + limit]

    return page(call, *parameters, marker=marker, max_items=max_items, read=read, key=key)
