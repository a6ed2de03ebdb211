"""
Conditions: every operator, with ``IfExists`` and the set prefixes, made into tests of a request's context.

A test says True, False, or None where a value cannot be read: then an Allow does not apply, and a Deny does.
Source: security-design 1.2; IAM user guide, "IAM JSON policy elements: Condition operators".
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from entrepot.identity.policy import values
from entrepot.identity.policy.arns import PARTS, split, value_matcher
from entrepot.identity.policy.requests import Value
from entrepot.identity.policy.variables import keys_of, pieces, resolved
from entrepot.patterns import Matcher, matcher, tokens

Context = Mapping[str, Value]
Test = Callable[[Context], bool | None]
# Whether one value of the request is any of those in the policy.
_One = Callable[[str, Context], bool | None]
_Make = Callable[[Sequence[str], bool], tuple[_One, frozenset[str]]]
_QUICK = ("stringequals", "stringnotequals", "bool")
_Many = Literal["", "forallvalues", "foranyvalue"]


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator, taken apart. *base* is its name in lower case, without prefix and ``IfExists``."""

    base: str
    many: _Many
    if_exists: bool


def operator_of(name: str) -> Operator | None:
    """The operator of that name, in any case; None where there is none."""
    many, colon, base = name.lower().rpartition(":")
    if colon and many not in ("forallvalues", "foranyvalue"):
        return None
    bare = base.removesuffix("ifexists")
    if bare not in _OPERATORS and (bare != "null" or bare != base):
        return None
    return Operator(bare, many, bare != base)  # type: ignore[arg-type]  # one of the three, as was just seen


def compile_condition(
    condition: Mapping[str, Mapping[str, Sequence[str]]], *, variables: bool
) -> tuple[tuple[Test, ...], frozenset[str]]:
    """The tests of a ``Condition`` element, all of which must hold, and the keys that they look at, in lower case."""
    tests: list[Test] = []
    keys: set[str] = set()
    for name, block in condition.items():
        how = operator_of(name)
        for key, wanted in block.items():
            keys.add(key.lower())
            if how is None:
                tests.append(_unclear)
                continue
            test, more = _test(how, key.lower(), wanted, variables=variables)
            tests.append(test)
            keys |= more
    return tuple(tests), frozenset(keys)


def _unclear(_context: Context) -> None:
    return None


def _test(how: Operator, key: str, wanted: Sequence[str], *, variables: bool) -> tuple[Test, frozenset[str]]:
    if how.base == "null":
        return _null(key, wanted), frozenset()
    make, negated = _OPERATORS[how.base]
    one, keys = make(wanted, variables)
    if how.many == "foranyvalue":
        return _for_any(key, one, negated=negated, absent=how.if_exists), keys
    if how.many == "forallvalues":
        return _for_all(key, one, negated=negated), keys
    # What is written in the policy as it stands needs no more than to be found there; most values are.
    quick = frozenset(text for text in wanted if how.base in _QUICK and "$" not in text and one(text, {}))
    return _single(key, one, negated=negated, absent=negated or how.if_exists, quick=quick), keys


def _null(key: str, wanted: Sequence[str]) -> Test:
    accepted = {values.boolean(text) for text in wanted}

    def test(context: Context) -> bool | None:
        # A list of nothing is a key that is not there: so it is in AWS, which sends no empty lists.
        absent = not context.get(key) and context.get(key) != ""
        return True if absent in accepted else None if None in accepted else False

    return test


def _single(key: str, one: _One, *, negated: bool, absent: bool, quick: frozenset[str]) -> Test:
    def test(context: Context) -> bool | None:
        value = context.get(key)
        if isinstance(value, str):
            return True if value in quick else one(value, context)
        return absent if value is None else False

    def opposite(context: Context) -> bool | None:
        value = context.get(key)
        if isinstance(value, str):
            result = value in quick or one(value, context)
            return None if result is None else not result
        return absent if value is None else False

    return opposite if negated else test


def _for_any(key: str, one: _One, *, negated: bool, absent: bool) -> Test:
    def test(context: Context) -> bool | None:
        items = _items(context.get(key))
        if items is None:
            return absent
        results = [one(item, context) for item in items]
        return (not negated) in results or (None if None in results else False)

    return test


def _for_all(key: str, one: _One, *, negated: bool) -> Test:
    def test(context: Context) -> bool | None:
        items = _items(context.get(key))
        if not items:
            return True
        results = [one(item, context) for item in items]
        return False if negated in results else None if None in results else True

    return test


def _items(value: Value | None) -> Sequence[str] | None:
    """The values of a key; None where it is not there. A list of nothing but empty texts is an empty list."""
    if value is None:
        return None
    if isinstance(value, str):
        return [value]
    return value if any(value) else []


def _strings(wanted: Sequence[str], variables: bool, *, fold: bool = False) -> tuple[_One, frozenset[str]]:
    templates = [pieces(text, wild=False) if variables else [text] for text in wanted]
    keys = frozenset[str]().union(*map(keys_of, templates))
    fixed = frozenset(
        _folded("".join(map(str, resolved(template, {}) or ())), fold)
        for template in templates
        if not keys_of(template)
    )
    moving = [template for template in templates if keys_of(template)]
    if not moving and not fold:
        return lambda value, _context: value in fixed, keys

    def one(value: str, context: Context) -> bool:
        value = _folded(value, fold)
        if value in fixed:
            return True
        for template in moving:
            known = resolved(template, context)
            if known is not None and _folded("".join(map(str, known)), fold) == value:
                return True
        return False

    return one, keys


def _folded(text: str, fold: bool) -> str:
    return text.lower() if fold else text


def _strings_any_case(wanted: Sequence[str], variables: bool) -> tuple[_One, frozenset[str]]:
    return _strings(wanted, variables, fold=True)


def _like(wanted: Sequence[str], variables: bool) -> tuple[_One, frozenset[str]]:
    templates = [pieces(text, wild=True) if variables else tokens(text) for text in wanted]
    keys = frozenset[str]().union(*map(keys_of, templates))
    fixed: list[Matcher] = [matcher(resolved(each, {}) or ()) for each in templates if not keys_of(each)]
    moving = [each for each in templates if keys_of(each)]

    def one(value: str, context: Context) -> bool:
        for matches in fixed:
            if matches(value):
                return True
        known = (resolved(each, context) for each in moving)
        return any(matcher(pattern)(value) for pattern in known if pattern is not None)

    return one, keys


def _arns(wanted: Sequence[str], variables: bool) -> tuple[_One, frozenset[str]]:
    made = [value_matcher(text, variables=variables) for text in wanted]
    keys = frozenset[str]().union(*(more for _, more in made))

    def one(value: str, context: Context) -> bool:
        parts = split(value)
        return len(parts) == PARTS and any(matches(value, parts, context) for matches, _ in made)

    return one, keys


def _addresses(wanted: Sequence[str], _variables: bool) -> tuple[_One, frozenset[str]]:
    known = [values.network(text) for text in wanted]
    readable = [item for item in known if item is not None]
    otherwise = False if len(readable) == len(known) else None

    def one(value: str, _context: Context) -> bool | None:
        place = values.address(value)
        if place is None:
            return None
        family, number = place
        for kind, base, mask in readable:
            if number & mask == base and kind == family:
                return True
        return otherwise

    return one, frozenset()


def _read(parse: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> _Make:
    """An operator that reads both values before it compares them."""

    def make(wanted: Sequence[str], _variables: bool) -> tuple[_One, frozenset[str]]:
        known = [parse(text) for text in wanted]
        readable = [item for item in known if item is not None]
        otherwise = False if len(readable) == len(known) else None

        def one(value: str, _context: Context) -> bool | None:
            read = parse(value)
            if read is None:
                return None
            return True if any(compare(read, item) for item in readable) else otherwise

        return one, frozenset()

    return make


_ORDERS: Mapping[str, tuple[Callable[[Any, Any], bool], bool]] = {
    "equals": (operator.eq, False),
    "notequals": (operator.eq, True),
    "lessthan": (operator.lt, False),
    "lessthanequals": (operator.le, False),
    "greaterthan": (operator.gt, False),
    "greaterthanequals": (operator.ge, False),
}

# By name: what makes the comparison, and whether the operator is the opposite of it.
_OPERATORS: Mapping[str, tuple[_Make, bool]] = {
    "stringequals": (_strings, False),
    "stringnotequals": (_strings, True),
    "stringequalsignorecase": (_strings_any_case, False),
    "stringnotequalsignorecase": (_strings_any_case, True),
    "stringlike": (_like, False),
    "stringnotlike": (_like, True),
    "bool": (_read(values.boolean, operator.eq), False),
    "binaryequals": (_read(values.binary, operator.eq), False),
    "ipaddress": (_addresses, False),
    "notipaddress": (_addresses, True),
    "arnequals": (_arns, False),
    "arnlike": (_arns, False),
    "arnnotequals": (_arns, True),
    "arnnotlike": (_arns, True),
    **{f"numeric{name}": (_read(values.number, compare), negated) for name, (compare, negated) in _ORDERS.items()},
    **{f"date{name}": (_read(values.date, compare), negated) for name, (compare, negated) in _ORDERS.items()},
}
