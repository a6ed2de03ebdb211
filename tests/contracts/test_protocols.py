"""
Our protocols against botocore's: every operation of ten services, each in every protocol that it speaks.

What botocore's clients write, ours reads the same; what ours writes, botocore's clients read the same.
"""

import random
import string
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
from botocore import parsers, serialize
from botocore.model import ListShape, MapShape, Shape, StructureShape

from entrepot.aws.models import Model, Operation, refusal
from entrepot.aws.protocols import cbor, json, query
from entrepot.errors import Fault

# What the registry speaks, or will.
SERVICES = ("ecr", "ecr-public", "kms", "cloudtrail", "events", "logs", "secretsmanager", "cloudwatch", "iam", "sts")
PROTOCOLS: dict[str, ModuleType] = {"json": json, "query": query, "cbor": cbor}
BOTOCORE = {"json": "json", "query": "query", "cbor": "smithy-rpc-v2-cbor"}
TEXT = string.ascii_letters + string.digits + " /:.,&<>\"'\\\n\t+%=éß😀"


PAIRS = [
    pytest.param(model, protocol, id=f"{model.name} in {protocol}")
    for model in map(Model, SERVICES)
    for protocol in sorted(model.protocols)
]


SCALARS: dict[str, Callable[[random.Random], Any]] = {
    "string": lambda chance: "".join(chance.choices(TEXT, k=chance.randrange(12))),
    "boolean": lambda chance: chance.random() < 0.5,
    "integer": lambda chance: chance.randrange(-(2**31), 2**31),
    "long": lambda chance: chance.randrange(-(2**53), 2**53),
    "float": lambda chance: chance.randrange(-(10**6), 10**6) / 64,
    "double": lambda chance: chance.randrange(-(10**6), 10**6) / 64,
    "timestamp": lambda chance: float(chance.randrange(2**31)),
    "blob": lambda chance: chance.randbytes(chance.randrange(20)),
}


def value_of(shape: Shape, chance: random.Random, depth: int = 0) -> Any:
    """A random value of *shape*, as handlers give and get it."""
    if isinstance(shape, StructureShape):
        members = shape.members.items()
        wanted = [item for item in members if chance.random() < (0.9 if depth < 4 else 0.2)]
        if shape.is_tagged_union or (depth and not wanted):
            wanted = list(members)[:1]  # the query protocol cannot write an empty structure
        return {name: value_of(member, chance, depth + 1) for name, member in wanted}
    count = chance.randrange(1, 4) if depth < 8 else 0
    if isinstance(shape, ListShape):
        return [value_of(shape.member, chance, depth + 1) for _ in range(count)]
    if isinstance(shape, MapShape):
        return {value_of(shape.key, chance): value_of(shape.value, chance, depth + 1) for _ in range(count)}
    return SCALARS[shape.type_name](chance)


def as_botocore(shape: Shape, value: Any) -> Any:
    """The same value as botocore has it: times as datetimes."""
    if isinstance(shape, StructureShape):
        return {name: as_botocore(shape.members[name], member) for name, member in value.items()}
    if isinstance(shape, ListShape):
        return [as_botocore(shape.member, member) for member in value]
    if isinstance(shape, MapShape):
        return {key: as_botocore(shape.value, member) for key, member in value.items()}
    return datetime.fromtimestamp(value, UTC) if shape.type_name == "timestamp" else value


def operations(model: Model) -> list[Operation]:
    """Every operation but those that answer with a stream of events, which nothing here needs."""
    found = [model.operation(name) for name in sorted(model.operation_names)]
    return [operation for operation in found if not streams(operation.output)]


def streams(shape: StructureShape | None) -> bool:
    return shape is not None and any(member.serialization.get("eventstream") for member in shape.members.values())


def parsed(protocol: str, operation: Operation, request: dict[str, Any]) -> Any:
    body = request["body"]
    if protocol == "query":
        return query.parse(operation, {key: str(value) for key, value in body.items()})
    return PROTOCOLS[protocol].parse(operation, body if isinstance(body, bytes) else body.encode())


@pytest.mark.parametrize(("model", "protocol"), PAIRS)
def test_what_a_client_writes_is_read_the_same(model: Model, protocol: str):
    serializer = serialize.create_serializer(BOTOCORE[protocol], include_validation=False)
    for operation in operations(model):
        chance = random.Random(operation.name)
        for _ in range(3):
            sent = value_of(operation.input, chance) if operation.input is not None else {}
            wire = as_botocore(operation.input, sent) if operation.input is not None else {}
            request = serializer.serialize_to_request(wire, model.service.operation_model(operation.name))

            assert parsed(protocol, operation, request) == sent, operation.name


@pytest.mark.parametrize(("model", "protocol"), PAIRS)
def test_what_we_write_is_read_the_same_by_a_client(model: Model, protocol: str):
    parser: Any = parsers.create_parser(BOTOCORE[protocol])
    for operation in operations(model):
        chance = random.Random(operation.name)
        for _ in range(3):
            result = value_of(operation.output, chance) if operation.output is not None else {}
            answer = PROTOCOLS[protocol].render(operation, result, "request-1")
            read = parser.parse(wire_of(answer), operation.output)

            read.pop("ResponseMetadata")
            expected = as_botocore(operation.output, result) if operation.output is not None else {}
            assert read == expected, operation.name


@pytest.mark.parametrize(("model", "protocol"), PAIRS)
def test_every_error_of_a_model_reaches_a_client_by_its_code_and_status(model: Model, protocol: str):
    parser: Any = parsers.create_parser(BOTOCORE[protocol])
    shapes: list[Any] = model.service.error_shapes
    for shape in shapes:

        class Refused(Fault, aws=shape.name):
            message = "so it <is>"

        answer = PROTOCOLS[protocol].render_fault(model, refusal(Refused(), model), "request-1")
        read = parser.parse(wire_of(answer), None)

        by_query_code = protocol == "query" or "awsQueryCompatible" in model.metadata
        assert read["Error"]["Code"] == (shape.error_code if by_query_code else shape.name)
        assert read["Error"]["Message"] == "so it <is>"
        assert answer.status == shape.metadata.get("error", {}).get("httpStatusCode", answer.status)


def wire_of(answer: Any) -> dict[str, Any]:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return {"status_code": answer.status, "headers": headers, "body": answer.body}
