"""JSON, read strictly: what two readers could take for two documents is refused."""

import json
from collections.abc import Callable
from typing import Any


def reader(number: Callable[[str], Any] | None = None) -> Callable[[str], Any]:
    """
    A function that reads a text; *number* makes the numbers of it, from what is written.

    It raises ValueError for what is no JSON, a key that comes twice in an object, NaN and infinities; RecursionError
    for what is nested too deep.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_unique, parse_int=number, parse_float=number)
    return decoder.decode


def _unique(pairs: list[tuple[str, Any]] | str) -> dict[str, Any]:
    """An object of its members; *a name in place of them* is NaN or an infinity, which JSON has not."""
    members = {} if isinstance(pairs, str) else dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key twice, or no number")
    return members


read = reader()
