"""No wire at all: members as Python values, for calls in process. Blobs are bytes, times seconds since 1970."""

from collections.abc import Mapping
from typing import Any

from entrepot.aws.models import Operation
from entrepot.aws.protocols.walk import PARSE, RENDER, Scalars, copy, typed


def parse(operation: Operation, members: Mapping[str, Any]) -> dict[str, Any]:
    """The input that *members* are. Raises: Serialization, for a wrong type; TypeError, for a member it has not."""
    if unknown := members.keys() - operation.parameters.keys():
        raise TypeError(f"{operation.name} has no member {', '.join(sorted(unknown))}")
    return copy(operation, dict(members), kind="plain parse", scalars=_PARSE)


def render(operation: Operation, result: dict[str, Any]) -> dict[str, Any]:
    """The output that *result* is: what its shape has."""
    return copy(operation, result, kind="plain render", scalars=_RENDER)


_PARSE: Scalars = {**PARSE, "blob": typed("a Blob", bytes)}
_RENDER: Scalars = {**RENDER, "float": None, "double": None, "timestamp": None, "blob": None}
