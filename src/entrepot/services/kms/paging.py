"""Pages of KMS's lists: see ``services.pages``."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from entrepot.call import Call
from entrepot.identity.faults import TokenInvalid
from entrepot.keys.faults import MarkerInvalid
from entrepot.services import pages

T = TypeVar("T")

# Source: KMS API reference, "Limit" of each list.
_USUAL = 50


def page(
    call: Call,
    *parameters: object,
    marker: str | None,
    limit: int | None,
    read: Callable[[str, int], Sequence[T]],
    key: Callable[[T], str],
) -> tuple[list[T], dict[str, Any]]:
    """One page of a list, and the members of the answer that say whether there is more. Raises: MarkerInvalid."""
    listed = (call.registry.region, *parameters)
    try:
        shown, following = pages.page(call, *listed, marker=marker, limit=limit or _USUAL, read=read, key=key)
    except TokenInvalid:
        raise MarkerInvalid from None
    return shown, {"Truncated": False} if following is None else {"Truncated": True, "NextMarker": following}
