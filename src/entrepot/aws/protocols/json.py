"""AWS JSON 1.0 and 1.1. Source: ecr-api B.1; Smithy, "AWS JSON 1.1 protocol"."""

import binascii
import math
from typing import Any

import orjson

from entrepot import strict_json
from entrepot.aws.faults import Serialization
from entrepot.aws.models import Model, Operation, Refusal
from entrepot.aws.protocols import Answer, Headers
from entrepot.aws.protocols.walk import PARSE, RENDER, Scalars, base64_bytes, copy

DEEPEST = 64  # levels of objects and arrays
# Above this only UploadLayerPart and PutImage come, with one long string: json would hold it three times, orjson two.
_LONG = 1 << 20


def parse(operation: Operation, body: bytes | bytearray) -> dict[str, Any]:
    """The input that *body* holds; an empty body is ``{}``, a bytearray is emptied. Raises: Serialization."""
    document = _document(body or b"{}")
    if body.count(b"{") + body.count(b"[") > DEEPEST and _is_too_deep(document):
        raise Serialization(reason=f"The body is nested deeper than {DEEPEST} levels")
    if isinstance(body, bytearray):
        body.clear()  # 28 MiB that make room for the bytes that are now decoded
    return copy(operation, document, kind="json parse", scalars=_PARSE)


def render(operation: Operation, result: dict[str, Any], request_id: str) -> Answer:
    """The answer with *result*. The request id is only in a header here, which the gateway writes."""
    document = copy(operation, result, kind="json render", scalars=_RENDER)
    return Answer(200, _headers(operation.model), orjson.dumps(document))


def render_fault(model: Model | None, refusal: Refusal, request_id: str) -> Answer:
    """The answer with *refusal*. Source: ecr-api B.1, "Error"."""
    headers = (*_headers(model), (b"x-amzn-errortype", refusal.code.encode()), *query_error(model, refusal))
    document = {**refusal.members, "__type": refusal.code, "message": refusal.message}
    return Answer(refusal.wire.status, headers, orjson.dumps(document))


def query_error(model: Model | None, refusal: Refusal) -> Headers:
    """The header with the code of the query protocol, of services that spoke it first."""
    if model is None or "awsQueryCompatible" not in model.metadata:
        return ()
    side = "Sender" if refusal.wire.status < 500 else "Receiver"
    return ((b"x-amzn-query-error", f"{refusal.wire.query_code};{side}".encode()),)


def _headers(model: Model | None) -> Headers:
    version = "1.1" if model is None else model.metadata.get("jsonVersion", "1.1")
    return ((b"content-type", f"application/x-amz-json-{version}".encode()),)


def _document(body: bytes | bytearray) -> Any:
    try:
        if len(body) > _LONG:
            return orjson.loads(body)
        return strict_json.read(body.decode())
    except (ValueError, RecursionError):
        raise Serialization(reason="The body is no JSON object in UTF-8 whose keys differ") from None


def _is_too_deep(document: Any) -> bool:
    level = [document]
    for _ in range(DEEPEST + 1):
        children = (node.values() if isinstance(node, dict) else node for node in level)
        level = [child for nodes in children for child in nodes if isinstance(child, dict | list)]
    return bool(level)


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]


_PARSE: Scalars = {**PARSE, "blob": base64_bytes}
_RENDER: Scalars = {
    **RENDER,
    "float": _finite,
    "double": _finite,
    "timestamp": lambda seconds: round(seconds, 3),
    "blob": lambda value: binascii.b2a_base64(value, newline=False).decode(),
}
