"""AWS JSON 1.0 and 1.1. Source: ecr-api B.1; Smithy, "AWS JSON 1.1 protocol"."""

import binascii
import json
import math
from typing import Any

import orjson

from entrepot.aws.faults import Serialization
from entrepot.aws.models import Model, Operation
from entrepot.aws.protocols import Answer, Refusal
from entrepot.aws.protocols.walk import Scalars, base64_bytes, copy, flag, moment, number, text, whole

DEEPEST = 64  # levels of objects and arrays
# Above this only UploadLayerPart and PutImage come, with one long string. json would hold it three times, orjson two.
_LONG = 1 << 20


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]


_PARSE: Scalars = {
    "string": text,
    "character": text,
    "integer": whole(32),
    "long": whole(64),
    "boolean": flag,
    "float": number,
    "double": number,
    "timestamp": moment,
    "blob": base64_bytes,
}
_RENDER: Scalars = {
    "string": None,
    "character": None,
    "integer": None,
    "long": None,
    "boolean": bool,
    "float": _finite,
    "double": _finite,
    "timestamp": lambda seconds: round(seconds, 3),
    "blob": lambda value: binascii.b2a_base64(value, newline=False).decode(),
}


def parse(operation: Operation, body: bytes | bytearray) -> dict[str, Any]:
    """The input that *body* holds; an empty body is ``{}``. Raises: Serialization."""
    document = _document(body) if body else {}
    if body.count(b"{") + body.count(b"[") > DEEPEST and _is_too_deep(document):
        raise Serialization(reason=f"The body is nested deeper than {DEEPEST} levels")
    return copy(operation, document, kind="json parse", scalars=_PARSE)


def render(operation: Operation, result: dict[str, Any], request_id: str) -> Answer:
    """The answer with *result*. JSON has the request id in a header alone, which the gateway writes."""
    return Answer(
        200, _headers(operation.model), orjson.dumps(copy(operation, result, kind="json render", scalars=_RENDER))
    )


def render_fault(model: Model | None, refusal: Refusal) -> Answer:
    """The answer with *refusal*. Source: ecr-api B.1, "Error"."""
    error = refusal.error
    document = {"__type": error.code, "message": refusal.message, **refusal.members}
    headers = [*_headers(model), (b"x-amzn-errortype", error.code.encode())]
    if model is not None and "awsQueryCompatible" in model.metadata:
        headers.append(query_error(refusal))
    return Answer(error.wire.status, headers, orjson.dumps(document))


def query_error(refusal: Refusal) -> tuple[bytes, bytes]:
    """The header that tells clients the code of the query protocol, for services that spoke it first."""
    side = "Sender" if refusal.error.wire.status < 500 else "Receiver"
    return b"x-amzn-query-error", f"{refusal.error.wire.query_code};{side}".encode()


def _headers(model: Model | None) -> list[tuple[bytes, bytes]]:
    version = "1.1" if model is None else model.metadata.get("jsonVersion", "1.1")
    return [(b"content-type", f"application/x-amz-json-{version}".encode())]


def _document(body: bytes | bytearray) -> Any:
    try:
        if len(body) > _LONG:
            return orjson.loads(body)
        return json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise Serialization(reason="The body is not a JSON object in UTF-8 whose keys differ") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key twice")
    return members


def _refused(constant: str) -> Any:
    raise ValueError(constant)


def _is_too_deep(document: Any) -> bool:
    level = [document]
    for _ in range(DEEPEST + 1):
        level = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
        level = [node for node in level if isinstance(node, dict | list)]
        if not level:
            return False
    return True
