"""
The query protocol: a form in, XML out. Source: ecr-api B.2; Smithy, "AWS Query protocol".

XML is only written here, never parsed. A form is first made a tree by the dots of its names
(``Tags.member.1.Key=a`` is ``Tags → member → 1 → Key``), then read by the shape of the input.
"""

import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, Shape, StructureShape

from entrepot.aws.faults import Serialization
from entrepot.aws.models import Model, Operation, Refusal
from entrepot.aws.protocols import Answer
from entrepot.aws.protocols.walk import PARSE, base64_bytes, mistyped, number, warn_of_unknown

LARGEST_INDEX = 1000
_MOST_FIELDS = 10_000
_DEEPEST = 64
_HEADERS = ((b"content-type", b"text/xml"),)
_FRONT_DOOR = "http://webservices.amazon.com/AWSFault/2005-15-09"

_INDEX = re.compile(r"[1-9][0-9]{0,3}")
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,400}(\.[0-9]{0,400})?([eE][-+]?[0-9]{1,3})?")

Tree = dict[str, Any]  # a branch by the next part of the name; a value under ""


def form(body: bytes | bytearray, *, plus_is_blank: bool = True) -> dict[str, str]:
    """
    The fields of a form. In a signed query string a plus is a plus: the signature does not tell it from ``%2B``.

    Raises: Serialization, when the form is no UTF-8, too long, has a name twice, or holds a NUL.
    """
    if b"\0" in body or b"%00" in body:
        raise Serialization(reason="The form holds a NUL")
    raw = bytes(body) if plus_is_blank else body.replace(b"+", b"%2B")
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Serialization(reason=f"The body is not a form in UTF-8 of at most {_MOST_FIELDS} fields") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Serialization(reason="The form has a name twice")
    return fields


def parse(operation: Operation, fields: dict[str, str]) -> dict[str, Any]:
    """The input that a form holds. Raises: Serialization."""
    tree: Tree = {}
    for name, value in fields.items():
        parts = name.split(".")
        if len(parts) > _DEEPEST or "" in parts:
            raise Serialization(reason=f"A name in the form is empty in part, or deeper than {_DEEPEST} levels")
        branch = tree
        for part in parts:
            branch = branch.setdefault(part, {})
        branch[""] = value
    return _read(operation.input, tree) if operation.input is not None else {}


def render(operation: Operation, result: dict[str, Any], request_id: str) -> Answer:
    """The answer with *result*, in the wrapper that the model names."""
    out = [f'<{operation.name}Response xmlns="{operation.model.metadata["xmlNamespace"]}">']
    if operation.output is not None:
        _write(
            out,
            operation.output.serialization.get("resultWrapper", f"{operation.name}Result"),
            operation.output,
            result,
        )
    out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation.name}Response>")
    return Answer(200, _HEADERS, "".join(out).encode())


def render_fault(model: Model | None, refusal: Refusal, request_id: str) -> Answer:
    """The answer with *refusal*; where no service is known, in the front door's own namespace."""
    namespace = _FRONT_DOOR if model is None else model.metadata["xmlNamespace"]
    side = "Sender" if refusal.wire.query_status < 500 else "Receiver"
    document = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>{side}</Type><Code>{refusal.wire.query_code}</Code>'
        f"<Message>{_escaped(refusal.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Answer(refusal.wire.query_status, _HEADERS, document.encode())


def _read(shape: Shape, tree: Tree) -> Any:
    if isinstance(shape, StructureShape):
        return {name: _read(member, tree[name]) for name, member in shape.members.items() if name in tree}
    if isinstance(shape, ListShape):
        return [_read(shape.member, branch) for branch in _indexed(tree.get("member", {}))]
    if isinstance(shape, MapShape):
        entries = [(entry.get("key", {}), entry.get("value", {})) for entry in _indexed(tree.get("entry", {}))]
        return {_scalar(shape.key, key): _read(shape.value, value) for key, value in entries}
    return _scalar(shape, tree)


def _indexed(branch: Tree) -> list[Tree]:
    """The elements of a list in the order of their numbers; gaps close, as they do at AWS. Raises: Serialization."""
    numbers = [name for name in branch if name]
    if not all(_INDEX.fullmatch(name) and int(name) <= LARGEST_INDEX for name in numbers):
        raise Serialization(reason=f"The elements of a list have numbers from 1 to {LARGEST_INDEX}")
    return [branch[name] for name in sorted(numbers, key=int)]


def _scalar(shape: Shape, tree: Tree) -> Any:
    if "" not in tree:
        raise mistyped(tree, f"a {shape.type_name.capitalize()}")
    return _PARSE[shape.type_name](tree[""])


def _write(out: list[str], name: str, shape: Shape, value: Any) -> None:
    out.append(f"<{name}>")
    if isinstance(shape, StructureShape):
        for member, item in value.items():
            if item is not None and member in shape.members:
                _write(out, member, shape.members[member], item)
            elif item is not None:
                warn_of_unknown(member)
    elif isinstance(shape, ListShape):
        for item in value:
            _write(out, "member", shape.member, item)
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            out.append(f"<entry><key>{_escaped(key)}</key>")
            _write(out, "value", shape.value, item)
            out.append("</entry>")
    else:
        out.append(_printed(shape, value))
    out.append(f"</{name}>")


def _printed(shape: Shape, value: Any) -> str:
    if shape.type_name == "timestamp":
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if shape.type_name == "blob":
        return binascii.b2a_base64(value, newline=False).decode()
    return _escaped(str(bool(value)).lower() if shape.type_name == "boolean" else str(value))


def _whole(value: str) -> int | str:
    return int(value) if _INTEGER.fullmatch(value) else value


def _decimal(value: str) -> float:
    return number(float(value) if _DECIMAL.fullmatch(value) else value)


_PARSE: dict[str, Callable[[str], Any]] = {
    **PARSE,
    "integer": lambda value: PARSE["integer"](_whole(value)),
    "long": lambda value: PARSE["long"](_whole(value)),
    "boolean": lambda value: PARSE["boolean"]({"true": True, "false": False}.get(value, value)),
    "float": _decimal,
    "double": _decimal,
    "blob": base64_bytes,
}

# XML 1.0 has no way at all to write these characters; a carriage return would come back as a line feed.
_WRITABLE: dict[int, str] = dict.fromkeys((*range(32), 0xFFFE, 0xFFFF), "\ufffd")
_WRITABLE.update(
    {ord("\t"): "\t", ord("\n"): "\n", ord("\r"): "&#13;", ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
)


def _escaped(value: str) -> str:
    return value.translate(_WRITABLE)
