"""ARNs against patterns, part by part: a star in one part never reaches into the next."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from entrepot.identity.policy.requests import Value
from entrepot.identity.policy.variables import Piece, keys_of, pieces, resolved
from entrepot.patterns import Matcher, Token, Wild, matcher, tokens

PARTS = 6
# Whether an ARN, whole and split into its parts, is one that the pattern means.
ArnMatcher = Callable[[str, Sequence[str], Mapping[str, Value]], bool]


def split(arn: str) -> list[str]:
    """The parts of an ARN; the sixth may hold further colons. Fewer, where it is none."""
    return arn.split(":", PARTS - 1)


def account_of(arn: str) -> str | None:
    """Whose a resource is; None for what belongs to nobody here, as AWS's own policies do (``iam::aws:policy/…``)."""
    parts = split(arn)
    return parts[4] if len(parts) == PARTS and parts[0] == "arn" and parts[4].isdecimal() else None


def resource_matcher(pattern: str, *, variables: bool) -> tuple[ArnMatcher, frozenset[str]]:
    """
    What matches a pattern of ``Resource``, and the condition keys that its variables name.

    *variables*: whether policies of this version have any; they stand in the sixth part only. A pattern of fewer
    parts means any of the others. ``*`` alone means everything, and alone means the resource ``*``.
    Source: security-design 1.2; IAM user guide, "Resource".
    """
    *heads, tail = split(pattern)
    if not variables or len(heads) < PARTS - 1:
        return _matcher(tokens(pattern))
    template = pieces(tail, wild=True)
    if keys := keys_of(template):
        return _moving(heads, template), frozenset(keys)
    return _matcher([*tokens(":".join(heads) + ":"), *template])


def value_matcher(pattern: str, *, variables: bool) -> tuple[ArnMatcher, frozenset[str]]:
    """What matches a value of ``ArnLike``, and the keys of its variables, which may stand anywhere."""
    return _matcher(pieces(pattern, wild=True) if variables else tokens(pattern))


def _matcher(template: Sequence[Piece]) -> tuple[ArnMatcher, frozenset[str]]:
    keys = frozenset(keys_of(template))
    if not keys:
        return _fixed(resolved(template, {}) or ()), keys

    def match(arn: str, parts: Sequence[str], context: Mapping[str, Value]) -> bool:
        known = resolved(template, context)
        return known is not None and _fixed(known)(arn, parts, context)

    return match, keys


def _moving(heads: Sequence[str], tail: Sequence[Piece]) -> ArnMatcher:
    """
    The matcher of a resource with variables in its sixth part.

    Most requests are for something else, and the five leading parts say so before any variable is looked up.
    """
    wanted = [(at, matcher(tokens(head))) for at, head in enumerate(heads) if head != "*"]

    def match(_arn: str, parts: Sequence[str], context: Mapping[str, Value]) -> bool:
        if len(parts) < PARTS:
            return False
        for at, matches in wanted:
            if not matches(parts[at]):
                return False
        known = resolved(tail, context)
        return known is not None and matcher(known)(parts[-1])

    return match


def _fixed(pattern: Iterable[Token]) -> ArnMatcher:
    """The matcher of a pattern without variables."""
    parts = _parts(pattern)
    if len(parts) == 1 and parts[0] and all(token is Wild.RUN for token in parts[0]):
        return lambda _arn, _parts, _context: True
    if len(parts) == PARTS and not any(isinstance(token, Wild) for part in parts[:-1] for token in part):
        # Nothing but text before the sixth part, so that the whole can be compared at once.
        head = "".join("".join(map(str, part)) + ":" for part in parts[:-1])
        return _by_whole(head, parts[-1])
    wanted = [(at, matcher(part)) for at, part in enumerate(parts) if part != [Wild.RUN]]
    return _by_parts(wanted, len(parts))


def _by_whole(head: str, tail: Sequence[Token]) -> ArnMatcher:
    # The two forms that nearly all are, without a call more than is needed.
    if tail == [Wild.RUN]:
        return lambda arn, _parts, _context: arn.startswith(head)
    if len(tail) == 2 and tail[1] is Wild.RUN and isinstance(tail[0], str):
        start = head + tail[0]
        return lambda arn, _parts, _context: arn.startswith(start)
    whole = matcher([head, *tail])
    return lambda arn, _parts, _context: whole(arn)


def _by_parts(wanted: Sequence[tuple[int, Matcher]], count: int) -> ArnMatcher:
    def match(_arn: str, parts: Sequence[str], _context: Mapping[str, Value]) -> bool:
        if len(parts) < count or len(parts) == 1:
            return False
        for at, matches in wanted:  # noqa: SIM110  # a generator costs more than the loop itself
            if not matches(parts[at]):
                return False
        return True

    return match


def _parts(pattern: Iterable[Token]) -> list[list[Token]]:
    """The tokens, parted at the first five colons of their texts."""
    parts: list[list[Token]] = [[]]
    for token in pattern:
        if isinstance(token, Wild):
            parts[-1].append(token)
            continue
        for count, text in enumerate(token.split(":", PARTS - len(parts))):
            if count:
                parts.append([])
            if text:
                parts[-1].append(text)
    return parts
