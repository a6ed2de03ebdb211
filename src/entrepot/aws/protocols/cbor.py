"""Smithy's RPC v2 CBOR, which botocore prefers for CloudWatch. Source: Smithy, "RPC v2 CBOR protocol"; ecr-api B.3."""

from collections.abc import Callable
from typing import Any

import cbor2

from entrepot.aws.faults import Serialization
from entrepot.aws.models import Model, Operation, Refusal
from entrepot.aws.protocols import Answer
from entrepot.aws.protocols.json import DEEPEST, query_error
from entrepot.aws.protocols.walk import PARSE, RENDER, Scalars, copy, typed

_HEADERS = ((b"content-type", b"application/cbor"), (b"smithy-protocol", b"rpc-v2-cbor"))
_EPOCH = 1  # the tag of seconds since 1970


def parse(operation: Operation, body: bytes | bytearray) -> dict[str, Any]:
    """The input that *body* holds; no body is an empty map. Raises: Serialization."""
    try:
        document = cbor2.loads(
            bytes(body) or b"\xa0",
            semantic_decoders=_TAGS,
            tag_hook=_no_tag,
            max_depth=DEEPEST,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
    except (cbor2.CBORDecodeError, RecursionError):
        raise Serialization(reason="The body is no CBOR map of this protocol") from None
    return copy(operation, document, kind="cbor parse", scalars=_PARSE)


def render(operation: Operation, result: dict[str, Any], request_id: str) -> Answer:
    """The answer with *result*. The request id is only in a header here, which the gateway writes."""
    return Answer(200, _HEADERS, cbor2.dumps(copy(operation, result, kind="cbor render", scalars=_RENDER)))


def render_fault(model: Model | None, refusal: Refusal, request_id: str) -> Answer:
    """The answer with *refusal*."""
    document = {**refusal.members, "__type": refusal.code, "message": refusal.message}
    return Answer(refusal.wire.status, (*_HEADERS, *query_error(model, refusal)), cbor2.dumps(document))


def _no_tag(value: object, immutable: bool) -> object:
    raise ValueError("a tag")


# cbor2 makes objects of many tags, regular expressions (35) and cycles (28, 29) among them. Ours are times alone.
_TAGS: dict[int, Callable[[Any, bool], object]] = dict.fromkeys(
    (0, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799), _no_tag
)
_TAGS[_EPOCH] = lambda value, immutable: value

_PARSE: Scalars = {**PARSE, "blob": typed("a Blob", bytes)}
_RENDER: Scalars = {
    **RENDER,
    "float": float,
    "double": float,
    "timestamp": lambda seconds: cbor2.CBORTag(_EPOCH, round(seconds, 3)),
    "blob": bytes,
}
