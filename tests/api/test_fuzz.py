"""
Every operation, with input made from its own model: sound, nearly sound and broken.

Whatever comes, the answer is 200 or a refusal in the protocol's form, never a 500 and never silence.
"""

import base64
import json
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.services import ecr as ecr_service
from tests.support.api import push_image, raw
from tests.support.server import ACCOUNT, digest_of

MODEL = ServiceModel(Loader().load_service_model("ecr", "service-2"), "ecr")
REPOSITORY = "fuzz/app"
LAYER = digest_of(b"layer of one")
ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{REPOSITORY}"

EXAMPLES = 25

# What leads beyond the first checks, by name of the member.
KNOWN: dict[str, list[Any]] = {
    "repositoryName": [REPOSITORY, "fuzz/missing"],
    "registryId": [ACCOUNT, "210987654321"],
    "registryIds": [[ACCOUNT]],
    "imageTag": ["v1", "latest"],
    "imageDigest": [LAYER],
    "layerDigest": [LAYER],
    "layerDigests": [[LAYER], [LAYER, ""]],
    "resourceArn": [ARN],
    "uploadId": ["00000000-0000-4000-8000-000000000000"],
    "name": ["BLOB_MOUNTING"],
    "value": ["ENABLED"],
    "imageManifest": ["{}", '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json"}'],
}
_TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "\x00", "a\x00b", "../..", "%s", "{0}", "'; --", "\ud83d\ude00", "*", "-", "A" * 5000]),
)
_ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXT, inner, max_size=3)),
    max_leaves=6,
)


def _value(name, shape):
    """Mostly what the shape allows; sometimes what it does not."""
    kinds = {
        "structure": lambda: _structure(shape),
        "list": lambda: st.lists(_value("", shape.member), max_size=3),
        "map": lambda: st.dictionaries(_TEXT, _value("", shape.value), max_size=2),
        "string": lambda: st.sampled_from(shape.enum) if shape.enum else _TEXT,
        "boolean": st.booleans,
        "integer": lambda: st.sampled_from([-1, 0, 1, 5, 100, 1001, 2**31, 2**63]),
        "long": lambda: st.sampled_from([-1, 0, 1, 2**31, 2**63 - 1, 2**64]),
        "blob": lambda: st.binary(max_size=20).map(lambda content: base64.b64encode(content).decode()),
    }
    sound = kinds[shape.type_name]()
    known = st.sampled_from(KNOWN[name]) if name in KNOWN else sound
    return st.one_of(known, known, known, sound, _ANYTHING)


def _structure(shape):
    members = {name: _value(name, member) for name, member in shape.members.items()}
    required = {name: members.pop(name) for name in shape.required_members}
    return st.fixed_dictionaries(required, optional=members)


@pytest.fixture(scope="module")
def key(ecr, server):
    ecr.create_repository(repositoryName=REPOSITORY)
    push_image(ecr, REPOSITORY, "one", "v1")
    return server.root_key()


def _check(answer):
    assert answer.status in (200, 400), answer.data
    assert isinstance(json.loads(answer.data), dict)
    if answer.status == 400:
        assert json.loads(answer.data)["__type"] not in ("ServerException", "InternalFailure")


@pytest.mark.parametrize("operation", sorted(ecr_service.service.handlers))
def test_no_input_is_answered_by_a_failure_of_ours(server, key, operation):
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(_structure(MODEL.operation_model(operation).input_shape))
    def send(value):
        _check(raw(server, operation, json.dumps(value).encode("utf-8", "surrogatepass"), key=key))

    send()


@pytest.mark.parametrize("operation", sorted(ecr_service.service.unwritten())[:3])
def test_an_operation_that_is_not_written_yet_says_so(server, key, operation):
    answer = raw(server, operation, b"{}", key=key)

    assert answer.status == 400
    assert json.loads(answer.data)["__type"] == "UnknownOperationException"
    assert "not yet in this version of Entrepôt" in answer.data.decode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"maxResults": 1e999}',
        b"NaN",
    ],
    ids=lambda body: body[:12].hex() or "empty",
)
def test_abuse_52_a_body_that_is_no_input_is_refused(server, key, body):
    _check(raw(server, "DescribeRepositories", body, key=key))


def test_abuse_24_members_that_the_model_lacks_change_nothing(server, ecr, key):
    extra = {"createdAt": 0, "account": "210987654321", "id": 1, "registry": {"account": "210987654321"}, "admin": True}
    body = {"repositoryName": "fuzz/extra", **extra}

    answer = raw(server, "CreateRepository", json.dumps(body).encode(), key=key)

    assert answer.status == 200
    (made,) = ecr.describe_repositories(repositoryNames=["fuzz/extra"])["repositories"]
    assert made["registryId"] == ACCOUNT
    assert made["createdAt"].year > 2000
