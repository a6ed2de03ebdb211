"""Policy variables: ``${aws:username}`` in resources and in values of conditions. What is put in is always literal."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from entrepot.identity.policy.requests import Value
from entrepot.patterns import Token, tokens

# Between the braces is a key, or one of the characters that could not be written otherwise.
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_ESCAPES = ("*", "?", "$")


@dataclass(frozen=True, slots=True)
class Variable:
    """A condition key, in lower case, and what stands for it where it has no single value."""

    key: str
    default: str | None


Piece = Token | Variable


def pieces(text: str, *, wild: bool) -> list[Piece]:
    """
    *text* of a policy of version 2012-10-17, taken apart. *wild*: whether ``*`` and ``?`` outside of variables are.

    Source: IAM user guide, "IAM policy elements: Variables and tags".
    """
    found: list[Piece] = []
    at = 0
    for match in _VARIABLE.finditer(text):
        found += _plain(text[at : match.start()], wild=wild)
        inside = match[1].strip()
        found.append(inside if inside in _ESCAPES else _variable(inside))
        at = match.end()
    found += _plain(text[at:], wild=wild)
    return found


def resolved(template: Iterable[Piece], context: Mapping[str, Value]) -> list[Token] | None:
    """The pieces with every variable replaced; None where one has neither a single value nor a default."""
    whole: list[Token] = []
    for piece in template:
        if isinstance(piece, Variable):
            value = context.get(piece.key)
            text = value if isinstance(value, str) else piece.default
            if text is None:
                return None
            whole.append(text)
        else:
            whole.append(piece)
    return whole


def keys_of(template: Iterable[Piece]) -> set[str]:
    """The condition keys that the variables name."""
    return {piece.key for piece in template if isinstance(piece, Variable)}


def _plain(text: str, *, wild: bool) -> list[Token]:
    if wild:
        return tokens(text)
    return [text] if text else []


def _variable(inside: str) -> Variable:
    key, comma, default = inside.partition(",")
    default = default.strip()
    quoted = len(default) >= 2 and default[0] == default[-1] == "'"
    return Variable(key.strip().lower(), default[1:-1] if comma and quoted else None)
