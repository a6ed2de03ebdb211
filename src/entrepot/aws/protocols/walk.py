"""
Walkers: one function per shape, put together once and kept, that copy a value from or to its wire form.

What JSON and CBOR do differently is only their scalars; structures, lists and maps are walked here.
"""

import binascii
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from entrepot.aws.faults import Serialization
from entrepot.aws.models import Operation

# None means that the value travels as it is.
Convert = Callable[[Any], Any] | None
Scalars = Mapping[str, Convert]
_KINDS = {bool: "BOOLEAN", str: "STRING", int: "NUMBER", float: "NUMBER", dict: "STRUCTURE", list: "LIST"}
_YEAR_10000 = 253_402_300_800  # seconds since 1970


class UnknownMember(UserWarning):
    """A handler answered with a key that the output shape lacks: dropped here, an error under test."""


def copy(operation: Operation, value: Any, *, kind: str, scalars: Scalars) -> dict[str, Any]:
    """
    The input (*kind* ends in ``parse``) or output of *operation* from or to its wire form, leaving out None.

    Parsing drops unknown members in silence. Raises: Serialization, for a wrong type.
    """
    if kind not in operation.cache:
        parses = kind.endswith("parse")
        shape = operation.input if parses else operation.output
        walk = _Walk(scalars, parses=parses)
        operation.cache[kind] = walk.of(shape) if shape is not None else walk.structure({})
    copied: dict[str, Any] = operation.cache[kind](value)
    return copied


class _Walk:
    """Makes the functions of one kind of copy."""

    def __init__(self, scalars: Scalars, *, parses: bool) -> None:
        self._scalars, self._parses = scalars, parses
        self._structures: dict[str, Convert] = {}

    def of(self, shape: Shape) -> Convert:
        """What copies a value of *shape*."""
        if isinstance(shape, StructureShape):
            if shape.name not in self._structures:
                members: dict[str, Convert] = {}
                # Known before its members are, because some shapes contain themselves.
                self._structures[shape.name] = self.structure(members)
                members.update({name: self.of(member) for name, member in shape.members.items()})
            return self._structures[shape.name]
        if isinstance(shape, ListShape):
            return self._list(self.of(shape.member))
        if isinstance(shape, MapShape):
            return self._map(self.of(shape.value))
        return self._scalars[shape.type_name]

    def structure(self, members: dict[str, Convert]) -> Convert:
        """What copies a structure of *members*."""
        parses = self._parses

        def run(value: Any) -> dict[str, Any]:
            if parses and not isinstance(value, dict):
                raise mistyped(value, "a Structure")
            out = {}
            for name, member in value.items():
                if member is None:
                    continue
                try:
                    convert = members[name]
                except KeyError:
                    if not parses:
                        warn_of_unknown(name)
                    continue
                out[name] = member if convert is None else convert(member)
            return out

        return run

    def _list(self, convert: Convert) -> Convert:
        def run(value: Any) -> list[Any]:
            if not isinstance(value, list):
                raise mistyped(value, "a List")
            return [convert(member) for member in value if member is not None] if convert else value

        if not self._parses:
            return (lambda value: [convert(member) for member in value]) if convert else None
        return run

    def _map(self, convert: Convert) -> Convert:
        key = text if self._parses else str

        def run(value: Any) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise mistyped(value, "a Map")
            return {key(name): convert(member) if convert else member for name, member in value.items()}

        return run


def warn_of_unknown(member: str) -> None:
    """Say once that a handler's answer has a member that its shape lacks; an error where warnings are."""
    warnings.warn(f"the answer has a member {member!r} that its shape lacks", UnknownMember, stacklevel=2)


def mistyped(value: Any, wanted: str) -> Serialization:
    """The refusal of a value of another type than *wanted*, in AWS's words."""
    return Serialization(reason=f"{_KINDS.get(type(value), 'UNKNOWN')}_VALUE can not be converted to {wanted}")


def typed(wanted: str, *types: type) -> Callable[[Any], Any]:
    """What takes a value of one of *types*, and raises Serialization for any other."""

    def take(value: Any) -> Any:
        if type(value) not in types:
            raise mistyped(value, wanted)
        return value

    return take


def text(value: Any) -> str:
    """A string that can be stored and sent: no lone surrogate, no NUL. Raises: Serialization."""
    if type(value) is not str:
        raise mistyped(value, "a String")
    if "\0" in value:  # neither PostgreSQL nor XML has it
        raise Serialization(reason="A string holds a NUL")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Serialization(reason="A string holds half of a surrogate pair") from None
    return value


def whole(bits: int) -> Callable[[Any], int]:
    """What takes signed integers of so many bits, and raises Serialization for anything else."""

    def take(value: Any) -> int:
        if type(value) is not int or not -(1 << bits - 1) <= value < 1 << bits - 1:
            raise mistyped(value, "an Integer" if bits == 32 else "a Long")
        return value

    return take


def number(value: Any) -> float:
    """A floating-point number; NaN and infinities by name. Raises: Serialization."""
    if type(value) not in (int, float) and value not in ("NaN", "Infinity", "-Infinity"):
        raise mistyped(value, "a Double")
    try:
        return float(value)
    except OverflowError:
        raise mistyped(value, "a Double") from None


def moment(value: Any) -> float:
    """Seconds since 1970, of a number of them or of ISO 8601 text, in UTC. Raises: Serialization."""
    try:
        seconds = _iso(value) if isinstance(value, str) else number(value)
    except (ValueError, OverflowError):
        raise mistyped(value, "a Timestamp") from None
    if not abs(seconds) < _YEAR_10000:
        raise mistyped(value, "a Timestamp")
    return seconds


def _iso(value: str) -> float:
    parsed = datetime.fromisoformat(value)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def base64_bytes(value: Any) -> bytes:
    """The bytes of strict base64. Raises: Serialization."""
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except (ValueError, TypeError):
        raise mistyped(value, "a Blob: it is not base64") from None


# Scalars by type; the protocols add those that they write in their own way.
PARSE: dict[str, Callable[[Any], Any]] = {
    "string": text,
    "integer": whole(32),
    "long": whole(64),
    "boolean": typed("a Boolean", bool),
    "float": number,
    "double": number,
    "timestamp": moment,
}
RENDER: Scalars = {"string": None, "integer": None, "long": None, "boolean": bool}
