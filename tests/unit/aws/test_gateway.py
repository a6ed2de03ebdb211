"""The AWS face from ASGI to handlers, asked as botocore's clients ask."""

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import parsers
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from entrepot.aws.gateway import Gateway
from entrepot.aws.service import Service
from entrepot.identity import accounts, credentials, deployment
from entrepot.identity.credentials import Vault
from entrepot.identity.directory import Directory
from entrepot.identity.principals import root_of
from entrepot.registry.reads import Reads
from entrepot.runtime import Runtime
from entrepot.services import sts
from entrepot.settings import Settings
from entrepot.storage.drivers import open_store
from tests.support.database import database_in
from tests.support.rootkey import root_key as any_root_key
from tests.unit.aws import handlers

ACCOUNT = "123456789012"
TARGET = "AmazonEC2ContainerRegistry_V20150921"


class World:
    """A gateway over a real database, and the keys of its account."""

    def __init__(self, gateway: Gateway, key: Credentials) -> None:
        self.gateway, self.key = gateway, key

    def ask(self, request: AWSRequest, *, pieces: int = 1, disconnect: bool = False) -> "Answer":
        """What the gateway answers, over ASGI."""
        prepared = request.prepare()
        given: Any = prepared.body or b""
        body: bytes = given.encode() if isinstance(given, str) else given
        step = max(1, -(-len(body) // pieces))
        parts = [body[at : at + step] for at in range(0, len(body), step)] or [b""]
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        messages[-1]["more_body"] = False
        if disconnect:
            messages = [{"type": "http.disconnect"}]
        return asyncio.run(self._exchange(prepared, messages))

    async def _exchange(self, prepared: Any, messages: list[dict[str, Any]]) -> "Answer":
        path, _, query = prepared.url.removeprefix("http://localhost:5000").partition("?")
        headers = [(name.lower().encode(), str(value).encode()) for name, value in prepared.headers.items()]
        if not any(name == b"host" for name, _ in headers):
            headers.append((b"host", b"localhost:5000"))
        scope = {
            "type": "http",
            "method": prepared.method,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "scheme": "http",
            "client": ("127.0.0.1", 50_000),
            "host": "localhost:5000",
            "request_id": "request-1",
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await self.gateway(scope, receive, send)
        return Answer(scope, sent)

    def signed(
        self,
        operation: str,
        body: bytes | str = b"{}",
        *,
        key: Credentials | None = None,
        region: str = "us-east-1",
        headers: dict[str, str] | None = None,
        service: str = "ecr",
    ) -> AWSRequest:
        """A request of ECR's JSON, signed as botocore signs."""
        wire = {"X-Amz-Target": f"{TARGET}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        request = AWSRequest("POST", "http://localhost:5000/", data=body, headers={**wire, **(headers or {})})
        SigV4Auth(key or self.key, service, region).add_auth(request)
        return request

    def form(self, fields: dict[str, str], *, service: str = "sts") -> AWSRequest:
        """A request of the query protocol, signed."""
        request = AWSRequest("POST", "http://localhost:5000/", data=fields)
        request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        SigV4Auth(self.key, service, "us-east-1").add_auth(request)
        return request


class Answer:
    """What came back."""

    def __init__(self, scope: dict[str, Any], sent: list[Any]) -> None:
        self.scope, self.sent = scope, sent
        self.status: int = sent[0]["status"] if sent else 0
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]} if sent else {}
        self.body: bytes = sent[1]["body"] if sent else b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["__type"])


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    root_key = any_root_key()
    with database_in(folder) as database:
        deployment.establish(database, root_key)
        database.write(lambda tx: accounts.create(tx, account=ACCOUNT))
        made = database.write(lambda tx: credentials.create(tx, root_of(ACCOUNT), vault=Vault(root_key)))
        runtime = Runtime(Settings(data=folder, regions=("eu-central-1",)), database, open_store("memory:"), root_key)
        services = (Service("ecr", handlers), sts.service)
        yield World(
            Gateway(services, runtime, directory=Directory(database, root_key), reads=Reads(database, runtime.at_rest)),
            Credentials(made.id, made.secret),
        )


def test_a_signed_call_is_answered_in_json(world):
    answer = world.ask(world.signed("DescribeRepositories", '{"repositoryNames": ["team/app"], "unknown": 1}'))

    assert answer.status == 200
    assert answer.json == {
        "repositories": [{"repositoryName": "team/app", "registryId": ACCOUNT, "createdAt": 1700000000.124}]
    }
    assert answer.headers == {
        "content-type": "application/x-amz-json-1.1",
        "content-length": str(len(answer.body)),
        "x-amzn-requestid": "request-1",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    assert answer.scope["principal"].account == ACCOUNT
    assert answer.scope["status"] == 200


def test_an_empty_body_is_an_empty_input(world):
    assert world.ask(world.signed("DescribeRepositories", b"")).json == {"repositories": []}


def test_a_call_in_another_served_region_is_answered(world):
    assert world.ask(world.signed("DescribeRepositories", region="eu-central-1")).status == 200


def test_a_region_that_is_not_served_is_refused_with_the_setting_that_names_them(world):
    answer = world.ask(world.signed("DescribeRepositories", region="ap-south-1"))

    assert answer.code == "InvalidSignatureException"
    assert "'regions'" in answer.json["message"]
    assert "eu-central-1, us-east-1" in answer.json["message"]


def test_a_write_runs_in_a_transaction(world):
    answer = world.ask(world.signed("DeleteRepository", '{"repositoryName": "team/app", "force": true}'))

    assert answer.json == {"repository": {"repositoryName": "team/app"}}


def part(size: int, **members: Any) -> str:
    blob = base64.b64encode(bytes(size)).decode()
    known = {"repositoryName": "team/app", "uploadId": "0" * 8 + "-0000-0000-0000-" + "0" * 12}
    return json.dumps({**known, "partFirstByte": 0, "partLastByte": size - 1, "layerPartBlob": blob, **members})


@pytest.mark.parametrize("size", [1, 100_000, 20 << 20])
def test_a_part_of_any_size_up_to_20_mib_is_taken(world, size):
    answer = world.ask(world.signed("UploadLayerPart", part(size)), pieces=7)

    assert answer.json["lastByteReceived"] == size - 1


def test_members_of_an_error_stand_beside_its_message(world):
    answer = world.ask(world.signed("UploadLayerPart", part(9, partLastByte=11)))

    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "InvalidLayerPartException"
    assert answer.json == {
        "__type": "InvalidLayerPartException",
        "message": "The part does not follow byte 7",
        "registryId": "123456789012",
        "uploadId": "00000000-0000-0000-0000-000000000000",
        "lastValidByteReceived": 7,
    }


def test_a_body_longer_than_its_operation_allows_is_refused_before_it_is_read(world):
    request = world.signed("DescribeRepositories", b"{}", headers={"Content-Length": str((1 << 20) + 1)})

    answer = world.ask(request, disconnect=True)  # reading anything would end the exchange without an answer

    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")


def test_a_body_that_turns_out_longer_than_allowed_is_refused(world):
    request = world.signed("DescribeRepositories", b"[" * ((1 << 20) + 1))
    del request.headers["Content-Length"]
    request.headers["Transfer-Encoding"] = "chunked"

    assert world.ask(request, pieces=5).status == 413


def test_a_long_body_is_not_taken_in_from_somebody_without_a_key(world):
    stranger = Credentials("AKIANOSUCHKEY0000000", "secret")

    answer = world.ask(world.signed("UploadLayerPart", part(2 << 20), key=stranger), disconnect=True)

    assert answer.code == "UnrecognizedClientException"


def test_a_client_that_goes_away_gets_no_answer(world):
    assert world.ask(world.signed("DescribeRepositories"), disconnect=True).sent == []


def test_a_damaged_signature_is_refused(world):
    request = world.signed("DescribeRepositories", '{"maxResults": 5}')
    request.data = '{"maxResults": 6}'

    answer = world.ask(request)

    assert (answer.status, answer.code) == (400, "InvalidSignatureException")
    assert answer.json["message"].startswith("The request signature we calculated does not match")


def test_the_operation_cannot_be_swapped_under_a_signature(world):
    request = world.signed("DescribeRepositories", '{"repositoryName": "team/app"}')
    request.headers.replace_header("X-Amz-Target", f"{TARGET}.DeleteRepository")

    assert world.ask(request).code == "InvalidSignatureException"


def test_a_signature_for_one_service_opens_no_other(world):
    answer = world.ask(world.signed("DescribeRepositories", service="sts"))

    assert answer.json["message"] == "Credential should be scoped to correct service: 'ecr'."


def test_a_request_with_nothing_of_awss_misses_its_token(world):
    answer = world.ask(AWSRequest("GET", "http://localhost:5000/"))

    assert (answer.status, answer.code) == (400, "MissingAuthenticationTokenException")


def test_an_unsigned_call_misses_its_token(world):
    headers = {"X-Amz-Target": f"{TARGET}.DescribeRepositories", "Content-Type": "application/x-amz-json-1.1"}

    answer = world.ask(AWSRequest("POST", "http://localhost:5000/", data=b"{}", headers=headers))

    assert answer.code == "MissingAuthenticationTokenException"


def test_an_unknown_operation_is_refused_before_its_signature_is_judged(world):
    answer = world.ask(world.signed("DropEverything", key=Credentials("AKIANOSUCHKEY0000000", "secret")))

    assert answer.json == {
        "__type": "UnknownOperationException",
        "message": "There is no operation DropEverything in ecr",
    }


def test_an_unwritten_operation_answers_as_unknown_and_says_why(world):
    answer = world.ask(world.signed("StartImageScan"))

    assert answer.code == "UnknownOperationException"
    assert "not yet in this version of Entrepôt" in answer.json["message"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"X-Amz-Target": "Nobody_2020.DescribeRepositories"}),
        ("/", {"X-Amz-Target": "DescribeRepositories"}),
        ("/elsewhere", {}),
        ("/service/GraniteServiceVersion20100801/operation/PutMetricData", {}),
    ],
)
def test_a_target_that_nobody_has_is_an_unknown_operation(world, path, headers):
    wire = {"Content-Type": "application/x-amz-json-1.1", **headers}

    answer = world.ask(AWSRequest("POST", f"http://localhost:5000{path}", data=b"{}", headers=wire))

    assert b"UnknownOperationException" in answer.body


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_another_content_type_is_refused(world, content_type):
    answer = world.ask(world.signed("DescribeRepositories", headers={"Content-Type": content_type}))

    assert answer.code == "SerializationException"


def test_a_coded_body_is_refused(world):
    answer = world.ask(world.signed("DescribeRepositories", headers={"Content-Encoding": "gzip"}))

    assert answer.code == "SerializationException"


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"[]",
        b'{"repositoryNames": "a"}',
        b'{"maxResults": "5"}',
        b'{"maxResults": 5.5}',
        b'{"maxResults": true}',
        b'{"maxResults": 99999999999}',
        b'{"maxResults": NaN}',
        b'{"nextToken": "\\ud800"}',
        b'{"nextToken": "a", "nextToken": "b"}',
        b'{"nextToken": "\xff"}',
        b'{"unknown": ' + b"[" * 65 + b"]" * 65 + b"}",
        b'{"unknown": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    ],
)
def test_a_body_that_is_no_sound_json_is_refused(world, body):
    assert world.ask(world.signed("DescribeRepositories", body)).code == "SerializationException"


def test_deep_but_bounded_nesting_in_an_unknown_member_is_ignored(world):
    body = b'{"unknown": ' + b"[" * 60 + b"]" * 60 + b"}"

    assert world.ask(world.signed("DescribeRepositories", body)).status == 200


def test_a_constraint_of_the_model_is_refused_in_ecrs_words(world):
    answer = world.ask(world.signed("DescribeRepositories", '{"maxResults": 1001}'))

    assert answer.json == {
        "__type": "InvalidParameterException",
        "message": "Invalid parameter at 'maxResults' failed to satisfy constraint: "
        "'Member must have value less than or equal to 1000'",
    }


def test_a_bug_is_answered_by_a_server_error_that_tells_nothing(world, caplog):
    answer = world.ask(world.signed("GetRegistryPolicy"))

    assert (answer.status, answer.code) == (500, "ServerException")
    assert "request-1" in answer.json["message"]
    assert "a bug" not in answer.json["message"]
    assert "a bug" in caplog.text


def test_a_form_is_answered_in_xml(world):
    answer = world.ask(world.form({"Action": "GetCallerIdentity", "Version": "2011-06-15"}))

    assert answer.headers["content-type"] == "text/xml"
    assert answer.body.decode() == (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        f"<UserId>{ACCOUNT}</UserId><Account>{ACCOUNT}</Account><Arn>arn:aws:iam::{ACCOUNT}:root</Arn>"
        "</GetCallerIdentityResult><ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    )


def test_an_unknown_action_is_refused_in_the_front_doors_namespace(world):
    answer = world.ask(world.form({"Action": "Nothing", "Version": "2011-06-15"}))

    assert answer.status == 400
    assert b"<Code>InvalidAction</Code>" in answer.body
    assert b"http://webservices.amazon.com/AWSFault/2005-15-09" in answer.body


def test_a_refusal_of_a_form_has_the_codes_of_the_query_protocol(world):
    request = world.form({"Action": "GetCallerIdentity", "Version": "2011-06-15"})
    request.data = {"Action": "GetCallerIdentity", "Version": "2011-06-15", "x": "y"}

    answer = world.ask(request)
    parser: Any = parsers.create_parser("query")
    read = parser.parse({"status_code": answer.status, "headers": answer.headers, "body": answer.body}, None)

    assert answer.status == 403
    assert read["Error"]["Code"] == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "fields",
    ["Action=GetCallerIdentity&Version=2011-06-15&Action=AssumeRole", "Action=A&a..b=1", "Action=%ff", "a=b&" * 11_000],
)
def test_a_form_that_is_not_sound_is_refused(world, fields):
    request = AWSRequest("POST", "http://localhost:5000/", data=fields)
    request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    SigV4Auth(world.key, "sts", "us-east-1").add_auth(request)

    answer = world.ask(request)

    assert answer.status == 400


def presigned(world: World, url: str, *, method: str = "GET", service: str = "sts", expires: int = 60) -> AWSRequest:
    request = AWSRequest(method, url)
    SigV4QueryAuth(world.key, service, "us-east-1", expires=expires).add_auth(request)
    return AWSRequest(method, request.url)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_identity_can_be_shown_by_a_signed_address(world, method):
    url = "http://localhost:5000/?Action=GetCallerIdentity&Version=2011-06-15"

    answer = world.ask(presigned(world, url, method=method))

    assert f"<Account>{ACCOUNT}</Account>".encode() in answer.body


def test_nothing_else_can_be_done_by_a_signed_address(world):
    request = AWSRequest("POST", "http://localhost:5000/", headers={"X-Amz-Target": f"{TARGET}.DescribeRepositories"})
    request.headers["Content-Type"] = "application/x-amz-json-1.1"
    SigV4QueryAuth(world.key, "ecr", "us-east-1", expires=60).add_auth(request)

    answer = world.ask(request)

    assert answer.code == "AccessDeniedException"
    assert "GetCallerIdentity only" in answer.json["message"]
