"""
Every operation, with input made from its own model: sound, nearly sound and broken.

Whatever comes, the answer is 200 or a refusal in the protocol's form, never a 500 and never silence.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.app import SERVICES
from entrepot.services import ecr as ecr_service
from tests.support.api import push_image, raw
from tests.support.server import ACCOUNT, Server, digest_of

MODELS = {service.name: service.model.service for service in SERVICES}
REPOSITORY = "fuzz/app"
LAYER = digest_of(b"layer of one")
ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{REPOSITORY}"

EXAMPLES = 25
# Of the services about identities, which have many more operations.
FEWER_EXAMPLES = 12

_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:List*", "Resource": "*"}]}
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}],
}
_MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess"
_POLICIES = [json.dumps(_POLICY), json.dumps(_TRUST), "{}", '{"Version":"2012-10-17","Statement":{}}', "[" * 2000]

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
    "UserName": ["ann", "missing"],
    "NewUserName": ["bob"],
    "GroupName": ["people", "missing"],
    "RoleName": ["page", "missing"],
    "InstanceProfileName": ["machine", "missing"],
    "PolicyName": ["own", "missing"],
    "PolicyDocument": _POLICIES,
    "AssumeRolePolicyDocument": _POLICIES,
    "Policy": _POLICIES,
    "Content": _POLICIES,
    "PolicyInputList": [[text] for text in _POLICIES],
    "PermissionsBoundaryPolicyInputList": [[text] for text in _POLICIES],
    "ResourcePolicy": _POLICIES,
    "PermissionsBoundary": [_MANAGED],
    "PolicyArn": [_MANAGED, "{own}", "{own}x"],
    "PolicySourceArn": ["{user}", "{user}x", "{role}"],
    "CallerArn": ["{user}", "{role}"],
    "RoleArn": ["{role}", "{role}x"],
    "OpenIDConnectProviderArn": ["{provider}", "{provider}x"],
    "ResourceArns": [["*"], ["arn:aws:ecr:us-east-1:123456789012:repository/app"]],
    "ActionNames": [["ecr:ListImages"], ["ecr:ListImages", "iam:*", ":"]],
    "VersionId": ["v1", "v2"],
    "Path": ["/", "/a/"],
    "PathPrefix": ["/", "/a/"],
    "AccessKeyId": ["AKIAAAAAAAAAAAAAAAAA", "ASIAAAAAAAAAAAAAAAAA"],
    "RoleSessionName": ["run-1"],
    "Name": ["ann"],
    "WebIdentityToken": ["a.b.c", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL3gifQ.", "..", "." * 4000],
    "Url": ["https://ci.example.com/jobs"],
    "DurationSeconds": [900, 3600],
    "AccountAlias": ["our-alias"],
    "ThumbprintList": [["0" * 40]],
    "ClientID": ["sts.amazonaws.com"],
    "AWSServiceName": ["replication.ecr.amazonaws.com"],
    "RootId": ["{root}"],
    "ParentId": ["{root}", "ou-aaaa-aaaaaaaa"],
    "SourceParentId": ["{root}"],
    "DestinationParentId": ["ou-aaaa-aaaaaaaa"],
    "TargetId": ["{root}", "{account}"],
    "ChildId": ["{account}"],
    "AccountId": ["{account}", "999999999999"],
    "PolicyId": ["p-FullAWSAccess", "p-aaaaaaaa"],
    "ResourceId": ["{root}", "{account}"],
    "Email": ["a@example.com"],
    "AccountName": ["lab", "missing"],
    "KeySet": ["{}", '{"keys": []}', '{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}', "[" * 2000],
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
    """Mostly what leads on, often what the shape allows, sometimes what it does not."""
    kinds = {
        "structure": lambda: _structure(shape),
        "list": lambda: st.lists(_value("", shape.member), max_size=3),
        "map": lambda: st.dictionaries(_TEXT, _value("", shape.value), max_size=2),
        "string": lambda: st.sampled_from(shape.enum) if shape.enum else _TEXT,
        "boolean": st.booleans,
        "integer": lambda: st.sampled_from([-1, 0, 1, 5, 100, 1001, 2**31, 2**63]),
        "long": lambda: st.sampled_from([-1, 0, 1, 2**31, 2**63 - 1, 2**64]),
        "blob": lambda: st.binary(max_size=20).map(lambda content: base64.b64encode(content).decode()),
        "timestamp": lambda: st.sampled_from(["2026-11-22T00:00:00Z", "yesterday", "-1"]),
    }
    sound = kinds[shape.type_name]()
    known = st.sampled_from(KNOWN[name]) if name in KNOWN else sound
    # Not one_of, which counts the alternatives inside of its alternatives too.
    return st.sampled_from([known] * 9 + [sound] * 2 + [_ANYTHING]).flatmap(lambda chosen: chosen)


def _structure(shape):
    members = {name: _value(name, member) for name, member in shape.members.items()}
    required = {name: members.pop(name) for name in shape.required_members}
    return st.fixed_dictionaries(required, optional=members)


def _input(service, operation):
    shape = MODELS[service].operation_model(operation).input_shape
    return st.just({}) if shape is None else _structure(shape)


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
    @given(_input("ecr", operation))
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


# ── identities: on a server of their own, because a deployment has one organization ─────────────────


class _Household:
    """A server, and a user who may do everything in an account that has one of each thing."""

    def __init__(self, server: Server) -> None:
        self.server = server
        iam = server.aws("iam")
        self.key = self._administrator(iam)
        organizations = server.aws("organizations")
        organizations.create_organization()
        known = {
            "own": iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(_POLICY))["Policy"]["Arn"],
            "user": iam.create_user(UserName="ann")["User"]["Arn"],
            "role": iam.create_role(RoleName="page", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"],
            "provider": iam.create_open_id_connect_provider(Url="https://first.example")["OpenIDConnectProviderArn"],
            "root": organizations.list_roots()["Roots"][0]["Id"],
            "account": ACCOUNT,
        }
        self.names = {f"{{{name}}}": text for name, text in known.items()}

    def _administrator(self, iam: Any) -> tuple[str, str]:
        iam.create_user(UserName="fuzzer")
        iam.attach_user_policy(UserName="fuzzer", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        made = iam.create_access_key(UserName="fuzzer")["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    def named(self, text: str) -> str:
        """*text*, JSON or a form, with the names of what there is."""
        for name, known in self.names.items():
            text = text.replace(name, known).replace(quote(name), quote(known))
        return text


@pytest.fixture(scope="module")
def household(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Household]:
    with Server(tmp_path_factory.mktemp("fuzz") / "data") as server:
        yield _Household(server)


def _form(operation: str, value: Any, version: str) -> str:
    """A value as the query protocol writes it, whatever it is."""
    fields = [("Action", operation), ("Version", version), *_flat("", value)]
    return "&".join(
        f"{quote(name, errors='surrogatepass')}={quote(text, errors='surrogatepass')}" for name, text in fields
    )


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _flat(f"{prefix}.member.{number}", inner)
        if not value:
            yield prefix, ""
    elif value is not None:
        yield prefix, str(value).lower() if isinstance(value, bool) else str(value)


_IDENTITIES = [
    pytest.param(service, name, id=f"{service.name} {name}")
    for service in SERVICES
    if service.name != "ecr"
    for name in sorted(service.handlers)
]


@pytest.mark.parametrize(("service", "operation"), _IDENTITIES)
def test_no_input_about_identities_is_answered_by_a_failure_of_ours(household, service, operation):
    model = MODELS[service.name]

    @settings(max_examples=FEWER_EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(_input(service.name, operation))
    def send(value):
        target = model.metadata.get("targetPrefix", "")
        text = json.dumps(value) if target else _form(operation, value, model.metadata["apiVersion"])
        body = household.named(text).encode("utf-8", "surrogatepass")
        answer = raw(household.server, operation, body, key=household.key, target=target, service=service.name)
        assert answer.status < 500, answer.data
        if target:
            _check(answer)
        else:
            _check_xml(answer)

    send()


def _check_xml(answer: Any) -> None:
    tree = ET.fromstring(answer.data)
    code = tree.find(".//{*}Error/{*}Code")
    assert (code is None) == (answer.status == 200), answer.data
    assert code is None or code.text not in {None, "ServerException", "InternalFailure", "ServiceFailure"}


def test_the_one_who_asked_all_this_is_still_there(household):
    """What was sent has not taken away the rights with which it was sent: so it was looked at."""
    found = household.server.aws("iam", key=household.key).get_user()["User"]

    assert found["UserName"] == "fuzzer"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Action",
        "Action=",
        "=&=&=",
        "Action=ListUsers&Action=GetUser",
        "Action=ListUsers&MaxItems=1e3",
        "Action=ListUsers&MaxItems=" + "9" * 5000,
        "Action=TagUser&UserName=ann&Tags.member.9999999.Key=a",
        "Action=TagUser&UserName=ann&Tags.member.-1.Key=a",
        "Action=TagUser&UserName=ann&Tags.member.1=a&Tags.member.1.Key=b",
        "Action=TagUser&UserName=ann&Tags=a&Tags.member.1.Key=b",
        "Action=TagUser&UserName=ann&Tags.member.1.Key" + ".x" * 5000 + "=b",
        "Action=GetUser&UserName=%FF",
        "Action=GetUser&UserName=%00",
        "Action=GetUser&UserName=%",
        "Action=GetUser&Version=1999-01-01",
        "Action=AssumeRole",
        "&" * 100_000,
        "a=b&" * 50_000,
    ],
    ids=lambda body: f"{body[:60]} {len(body)}",
)
def test_abuse_52_a_form_that_is_no_input_is_refused(household, body):
    version = "" if "Version" in body else "&Version=2010-05-08"

    answer = raw(household.server, "", f"{body}{version}".encode(), key=household.key, target="", service="iam")

    assert answer.status < 500, answer.data
    _check_xml(answer)


def test_abuse_24_members_that_the_model_lacks_change_nothing_about_identities(household):
    form = "Action=CreateUser&Version=2010-05-08&UserName=extra&UserId=AIDAX&Arn=x&Account=1&ValidAfter=9&Id=AIDAY"

    answer = raw(household.server, "", form.encode(), key=household.key, target="", service="iam")

    assert answer.status == 200
    made = household.server.aws("iam", key=household.key).get_user(UserName="extra")["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/extra"
    assert len(made["UserId"]) == 21
