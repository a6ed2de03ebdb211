"""JSON of policies: within limits, and with numbers as they were written."""

from collections.abc import Iterator
from typing import Any

from entrepot import strict_json
from entrepot.identity.policy.kinds import Malformed

_MOST_CHARACTERS = 131_072
_MOST_DEPTH = 20
_MOST_STRINGS = 2_000

INVALID_JSON = "This policy contains invalid Json"


class Number(str):
    """A number of the document, as it was written; conditions compare texts."""

    __slots__ = ()


_read = strict_json.reader(Number)


def read_json(text: str) -> Any:
    """
    What the text says: dicts, lists, strings, booleans, None, ``Number``. Keys that come twice, NaN and Infinity
    are refused.

    Raises: Malformed.
    """
    if len(text) > _MOST_CHARACTERS:
        raise Malformed(reason=INVALID_JSON)
    try:
        return _read(text)
    except (ValueError, RecursionError):
        raise Malformed(reason=INVALID_JSON) from None


def check_size(document: Any) -> None:
    """
    Refuse depth over 20, more than 2,000 strings, NUL and lone surrogates.

    Raises: Malformed.
    Source: security-design 1.1.
    """
    strings = 0
    for value, depth in _walk(document):
        strings += isinstance(value, str)
        if depth > _MOST_DEPTH or strings > _MOST_STRINGS or (isinstance(value, str) and not _is_clean(value)):
            raise Malformed(reason="Syntax errors in policy.")


def _walk(document: Any) -> Iterator[tuple[Any, int]]:
    """Every value with its depth, keys of objects too."""
    waiting = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        yield value, depth
        if isinstance(value, dict):
            waiting += [(key, depth) for key in value]
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]


def _is_clean(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
