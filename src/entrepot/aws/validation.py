"""
What the model says of values: required, length, range, pattern, enum; in AWS's own wording.

botocore's clients check little of this, so the server must. Types are the protocols' business; a rule that
the model cannot express is the handler's.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from entrepot import names
from entrepot.aws.models import Operation
from entrepot.errors import FrontDoor, InvalidParameter

_MOST_REPORTED = 10
_LONGEST_SHOWN = 256
_PATTERN_RULE = "Member must satisfy regular expression pattern: "
_ENUM_RULE = "Member must satisfy enum value set"
# These name the parameter and the first fault (ecr-api A.0); other services count all faults.
_BY_PARAMETER = frozenset({"ecr", "ecr-public"})
# These repeat neither the value nor the set that it is not in, as recordings of them show.
_BRIEF = frozenset({"iam"})
# ECR prints this set in an order of its own: ecr-api A.2.
_PRINTED_ENUMS = {"ImageTagMutability": "IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION"}

# Patterns of models that take exponential or cubic time, and the same languages in linear time.
_NAME = r"[a-z0-9]++(?:(?>\.|__|_|-++)[a-z0-9]++)*+(?:/[a-z0-9]++(?:(?>\.|__|_|-++)[a-z0-9]++)*+)*+"
_LINEAR = {
    r"^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$": rf"{_NAME}/?|ROOT",
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*](?:[._\-/]?[a-z0-9*])*+",
    r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$": r"\t*[\x20-\x7E][\t\x20-\x7E]*",
    r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$": r"\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*",
}
# Models are written for Java: what Python spells otherwise. \w stands for letters and numbers; the sets that
# use the classes all have the underscore.
_JAVA = {
    r"\p{L}": r"\w",
    r"\p{N}": "",
    r"\p{Z}": r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    r"\u10000-\u10FFFF": r"\U00010000-\U0010FFFF",
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF",
    r"[\w-_]": r"[\w\-_]",
}


class ConstraintsViolated(FrontDoor, aws="ValidationException"):
    """Members of the input break rules of the model. Members: count, violations."""

    message = "{count} detected: {violations}"


class InputInvalid(ConstraintsViolated, aws="InvalidInputException"):
    """The same, as Organizations calls it."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: where, by which value (as shown), and what the rule is."""

    path: str
    value: str
    rule: str


Check = Callable[[Any, str, list[Violation]], None]


def check(operation: Operation, params: dict[str, Any]) -> None:
    """
    Refuse input that breaks a rule of the model.

    Raises: InvalidParameter (ECR's form), ConstraintsViolated (everybody else's).
    """
    if operation.input is None:
        return
    if "check" not in operation.cache:
        operation.cache["check"] = _compile(operation.input, {})
    violations: list[Violation] = []
    operation.cache["check"](params, "", violations)
    if violations:
        raise _refusal(operation, violations[:_MOST_REPORTED])


def _refusal(operation: Operation, violations: list[Violation]) -> InvalidParameter | ConstraintsViolated:
    first = violations[0]
    if operation.model.name in _BY_PARAMETER:
        pattern = first.rule.removeprefix(_PATTERN_RULE)
        reason = first.rule if pattern == first.rule else f"must satisfy regular expression '{pattern}'"
        return InvalidParameter(parameter=first.path, reason=reason)
    count = "1 validation error" if len(violations) == 1 else f"{len(violations)} validation errors"
    is_brief = operation.model.name in _BRIEF
    fault = InputInvalid if operation.model.name == "organizations" else ConstraintsViolated
    return fault(count=count, violations="; ".join(_sentence(v, is_brief=is_brief) for v in violations))


def _sentence(violation: Violation, *, is_brief: bool) -> str:
    value = f"{violation.value} " if violation.value and not is_brief else ""
    rule = _ENUM_RULE if is_brief and violation.rule.startswith(_ENUM_RULE) else violation.rule
    return f"Value {value}at '{violation.path}' failed to satisfy constraint: {rule}"


def _compile(shape: Shape, done: dict[str, Check | None]) -> Check | None:
    """The check of a shape, put together once; None where the model says nothing."""
    if shape.name not in done:
        if isinstance(shape, StructureShape):
            members: dict[str, Check | None] = {}
            done[shape.name] = _structure(shape, members)  # known before its members are: some contain themselves
            members.update({name: _compile(member, done) for name, member in shape.members.items()})
        elif isinstance(shape, ListShape):
            done[shape.name] = _list(shape, _compile(shape.member, done))
        elif isinstance(shape, MapShape):
            done[shape.name] = _map(shape, _compile(shape.key, done), _compile(shape.value, done))
        else:
            done[shape.name] = _scalar(shape)
    return done[shape.name]


def _structure(shape: Shape, members: dict[str, Check | None]) -> Check:
    required = shape.required_members

    def run(value: Any, path: str, violations: list[Violation]) -> None:
        missing = (name for name in required if name not in value)
        violations.extend(Violation(_join(path, name), "null", "Member must not be null") for name in missing)
        for name, member in value.items():
            check = members[name]
            if check is not None:
                check(member, _join(path, name), violations)

    return run


def _list(shape: Shape, member: Check | None) -> Check:
    limits = _limits(shape, "length")

    def run(value: Any, path: str, violations: list[Violation]) -> None:
        violations.extend(Violation(path, _shown(value, shape), rule) for rule in limits(len(value)))
        if member is not None and not violations:
            for number, item in enumerate(value, 1):
                member(item, f"{path}.{number}.member", violations)

    return run


def _map(shape: Shape, key: Check | None, value: Check | None) -> Check:
    limits = _limits(shape, "length")

    def run(entries: Any, path: str, violations: list[Violation]) -> None:
        violations.extend(Violation(path, _shown(entries, shape), rule) for rule in limits(len(entries)))
        for number, entry in enumerate(entries.items() if not violations else (), 1):
            for check, part, item in zip((key, value), ("key", "value"), entry, strict=True):
                if check is not None:
                    check(item, f"{path}.{number}.{part}", violations)

    return run


def _scalar(shape: Shape) -> Check | None:
    measured = shape.type_name in ("string", "blob")
    limits = _limits(shape, "length" if measured else "value")
    enum = frozenset(shape.metadata.get("enum", ()))
    matches = matcher(shape.metadata["pattern"]) if "pattern" in shape.metadata else None
    if matches is None and not enum and not shape.metadata.keys() & {"min", "max"}:
        return None

    def run(value: Any, path: str, violations: list[Violation]) -> None:
        rules = limits(len(value) if measured else value)
        # Length first: a pattern is never shown more than its shape allows.
        if not rules and matches is not None and not matches(value):
            rules.append(_PATTERN_RULE + shape.metadata["pattern"])
        if enum and value not in enum:
            printed = _PRINTED_ENUMS.get(shape.name, ", ".join(shape.metadata["enum"]))
            rules.append(f"{_ENUM_RULE}: [{printed}]")
        violations.extend(Violation(path, _shown(value, shape), rule) for rule in rules)

    return run


def _limits(shape: Shape, what: str) -> Callable[[Any], list[str]]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")

    def broken(measure: Any) -> list[str]:
        if least is not None and measure < least:
            return [f"Member must have {what} greater than or equal to {least}"]
        if most is not None and measure > most:
            return [f"Member must have {what} less than or equal to {most}"]
        return []

    return broken


@cache
def matcher(pattern: str) -> Callable[[str], Any] | None:
    """Whether a whole string matches a model's pattern, in linear time; None for a pattern that Python lacks."""
    if pattern == names.REPOSITORY_PATTERN:
        return names.is_repository_name
    translated = _LINEAR.get(pattern, pattern)
    for java, python in _JAVA.items():
        translated = translated.replace(java, python)
    try:
        return re.compile(translated, 0 if r"\p{" in pattern else re.ASCII).fullmatch
    except re.error:
        return None


def _join(path: str, name: str) -> str:
    wire = name[:1].lower() + name[1:]
    return f"{path}.{wire}" if path else wire


def _shown(value: Any, shape: Shape) -> str:
    """A value as it may be repeated in a refusal; nothing of bytes, as recordings of KMS show."""
    if isinstance(value, bytes):
        return ""
    if shape.metadata.get("sensitive"):
        return "'***'"
    return f"'{str(value)[:_LONGEST_SHOWN]}'"
