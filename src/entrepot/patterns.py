"""
Patterns with wildcards, as users write them in policies and filters: the one place that matches them.

``*`` stands for any run of characters, also none; ``?`` for exactly one. Nothing is translated into regular
expressions: with four stars these need seconds for a name of 256 characters. Here the work grows with the text.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum

Matcher = Callable[[str], bool]


class Wild(Enum):
    """A token that is not text."""

    RUN = "*"
    ONE = "?"


Token = str | Wild
_WILD: Mapping[str, Token] = {"*": Wild.RUN, "?": Wild.ONE}
_EITHER = re.compile(r"([*?])")
_RUN = re.compile(r"(\*)")


def tokens(pattern: str, *, one: bool = True) -> list[Token]:
    """*pattern* as literal pieces and wildcards. *one*: whether ``?`` is special; ``*`` always is."""
    parting = _EITHER if one else _RUN
    return [_WILD.get(piece, piece) if at % 2 else piece for at, piece in enumerate(parting.split(pattern)) if piece]


def matches(pattern: str, text: str) -> bool:
    """Whether *text* is *pattern* with each ``*`` standing for any run of characters; nothing else is special."""
    return matcher(tokens(pattern, one=False))(text)


def matcher(pattern: Iterable[Token]) -> Matcher:
    """What tells whether a text as a whole is *pattern*. Literal tokens are never looked into for wildcards."""
    whole = list(pattern)
    if Wild.ONE in whole:
        return _by_character(whole)
    pieces = [""]
    for token in whole:
        if isinstance(token, Wild):
            pieces.append("")
        else:
            pieces[-1] += token
    first, *middle = pieces
    if not middle:
        return lambda text: text == first
    last = middle.pop()
    floating = [piece for piece in middle if piece]
    if floating:
        return _by_pieces(first, floating, last)
    return _by_ends(first, last)


def _by_ends(first: str, last: str) -> Matcher:
    if not last:
        return (lambda text: text.startswith(first)) if first else (lambda _text: True)
    if not first:
        return lambda text: text.endswith(last)
    least = len(first) + len(last)
    return lambda text: len(text) >= least and text.startswith(first) and text.endswith(last)


def _by_pieces(first: str, floating: Sequence[str], last: str) -> Matcher:
    least = len(first) + len(last)

    def match(text: str) -> bool:
        if len(text) < least or not text.startswith(first) or not text.endswith(last):
            return False
        return _in_order(floating, text, start=len(first), end=len(text) - len(last))

    return match


def _in_order(floating: Sequence[str], text: str, *, start: int, end: int) -> bool:
    """
    Each piece between two stars is taken where it occurs first, and never looked for again.

    So the work is that of one search for each piece, however many stars there are.
    """
    for piece in floating:
        found = text.find(piece, start, end)
        if found < 0:
            return False
        start = found + len(piece)
    return True


def _by_character(pattern: Sequence[Token]) -> Matcher:
    """
    Every way to read the text at once: bit *i* of the state says that the first *i* characters of the pattern
    fit what was read so far. A star before character *i* lets bit *i* stay. One step for each character of the text.
    """
    accepts: dict[str, int] = {}
    anything = stays = 0
    count = 0
    for token in pattern:
        if token is Wild.RUN:
            stays |= 1 << count
        elif token is Wild.ONE:
            anything |= 1 << count
            count += 1
        else:
            for character in str(token):
                accepts[character] = accepts.get(character, 0) | 1 << count
                count += 1
    steps = {character: mask | anything for character, mask in accepts.items()}
    done = 1 << count

    def match(text: str) -> bool:
        state = 1
        for character in text:
            state = (state & steps.get(character, anything)) << 1 | state & stays
            if not state:
                return False
        return state & done != 0

    return match
