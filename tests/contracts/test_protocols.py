"""
Our protocols against botocore's: every operation of ten services, each in every protocol that it speaks.

What botocore's clients write, ours reads the same; what ours writes, botocore's clients read the same.
"""

import random
import string
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
from botocore import parsers, serialize
from botocore.model import Shape

from entrepot.aws.faults import SignatureMismatch
from entrepot.aws.models import Model, Operation
from entrepot.aws.protocols import Refusal, cbor, json, query

SERVICES = (
    "ecr ecr-public kms cloudtrail events logs secretsmanager cloudwatch iam sts".split()
)  # what the registry speaks or will
PROTOCOLS: dict[str, ModuleType] = {"json": json, "query": query, "cbor": cbor}
BOTOCORE = {"json": "json", "query": "query", "cbor": "smithy-rpc-v2-cbor"}
TEXT = string.ascii_letters + string.digits + " /:.,&<>\"'\\\n\t+%=éß😀"


PAIRS = [
    pytest.param(model, protocol, id=f"{model.name} in {protocol}")
    for model in map(Model, SERVICES)
    for protocol in sorted(model.protocols)
]


def value_of(shape: Shape, chance: random.Random, depth: int = 0) -> Any:
    """A random value of *shape*, as handlers give and get it."""
    match shape.type_name:
        case "structure":
            members = shape.members.items()
            wanted = [item for item in members if chance.random() < (0.9 if depth < 4 else 0.2)]
            if getattr(shape, "is_tagged_union", False) or (depth and not wanted):
                wanted = list(members)[:1]  # the query protocol cannot write an empty structure
            return {name: value_of(member, chance, depth + 1) for name, member in wanted}
        case "list":
            return [
                value_of(shape.member, chance, depth + 1) for _ in range(chance.randrange(1, 4) if depth < 8 else 0)
            ]
        case "map":
            return {
                value_of(shape.key, chance): value_of(shape.value, chance, depth + 1)
                for _ in range(chance.randrange(1, 3) if depth < 8 else 0)
            }
        case "boolean":
            return chance.random() < 0.5
        case "integer":
            return chance.randrange(-(2**31), 2**31)
        case "long":
            return chance.randrange(-(2**53), 2**53)
        case "float" | "double":
            return chance.randrange(-(10**6), 10**6) / 64
        case "timestamp":
            return float(chance.randrange(2**31))
        case "blob":
            return chance.randbytes(chance.randrange(20))
    return "".join(chance.choices(TEXT, k=chance.randrange(12)))


def as_botocore(shape: Shape, value: Any) -> Any:
    """The same value as botocore has it: times as datetimes."""
    match shape.type_name:
        case "structure":
            return {name: as_botocore(shape.members[name], member) for name, member in value.items()}
        case "list":
            return [as_botocore(shape.member, member) for member in value]
        case "map":
            return {key: as_botocore(shape.value, member) for key, member in value.items()}
        case "timestamp":
            return datetime.fromtimestamp(value, UTC)
    return value


def operations(model: Model) -> list[Operation]:
    """Every operation but those that answer with a stream of events, which nothing here needs."""
    found = [model.operation(name) for name in sorted(model.operation_names)]
    return [operation for operation in found if not streams(operation.output)]


def streams(shape: Shape | None) -> bool:
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
    parser = parsers.create_parser(BOTOCORE[protocol])
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
    parser = parsers.create_parser(BOTOCORE[protocol])
    for shape in model.service.error_shapes:
        error = model.error(type("Refused", (SignatureMismatch.__mro__[2],), {"aws": shape.name})())
        answer = PROTOCOLS[protocol].render_fault(model, Refusal(error, "so it <is>", {}, "request-1"))
        read = parser.parse(wire_of(answer), None)

        by_query_code = protocol == "query" or "awsQueryCompatible" in model.metadata
        assert read["Error"]["Code"] == (shape.error_code if by_query_code else shape.name)
        assert read["Error"]["Message"] == "so it <is>"
        assert answer.status == shape.metadata.get("error", {}).get("httpStatusCode", answer.status)


def wire_of(answer: Any) -> dict[str, Any]:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return {"status_code": answer.status, "headers": headers, "body": answer.body}
