"""ECR Public: who gets a password, and which hosts it opens."""

import base64
import json

import boto3
import pytest

from tests.oci.principals import new_user
from tests.oci.wire import refusal
from tests.support.api import refused
from tests.support.server import ACCOUNT, REGION, Registry, Server

READ_ONLY = "AmazonElasticContainerRegistryPublicReadOnly"
LOGIN, BEARER = "ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"
DIGEST = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("public") / "data", regions="us-east-1,eu-west-1") as server:
        server.aws("ecr").create_repository(repositoryName="private")
        yield server


@pytest.fixture(scope="module")
def reader(server):
    return new_user(server, "public-reader", READ_ONLY)


def _password(server, **more):
    data = server.aws("ecr-public", **more).get_authorization_token()["authorizationData"]
    return base64.b64decode(data["authorizationToken"]).decode().removeprefix("AWS:")


@pytest.fixture
def public(server):
    """A client of the public registry's host, logged in with what is given."""

    def client(password=None, *, token=None, host=f"public.ecr.localhost:{server.port}"):
        headers = {"Host": host, **({"Authorization": f"Bearer {token}"} if token else {})}
        return Registry(server.url, password, headers=headers)

    return client


@pytest.fixture(scope="module")
def allowed(server):
    """A new user's client of ECR Public, by the statements of its one policy."""
    iam = server.aws("iam")

    def user(name, *statements):
        iam.create_user(UserName=name)
        listed = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
        document = json.dumps({"Version": "2012-10-17", "Statement": listed})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return server.aws("ecr-public", key=(key["AccessKeyId"], key["SecretAccessKey"]))

    return user


# ── the operation ───────────────────────────────────────────────────────────────────────────────────


def test_who_may_read_gets_one_password_without_an_endpoint(server, reader):
    data = server.aws("ecr-public", key=reader).get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")

    assert set(data) == {"authorizationToken", "expiresAt"}
    assert user == "AWS"
    assert password.startswith("rg1_")


@pytest.mark.parametrize(("has", "lacks"), [(LOGIN, BEARER), (BEARER, LOGIN)])
def test_each_of_the_two_actions_alone_is_refused(allowed, has, lacks):
    name = f"only-{has.partition(':')[0]}"
    client = allowed(name, {"Action": has})

    with refused("AccessDeniedException") as answer:
        client.get_authorization_token()

    assert answer["Error"]["Message"] == (
        f"User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized to perform: {lacks} on resource: * "
        f"because no identity-based policy allows the {lacks} action"
    )


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ({"StringEquals": {"sts:AWSServiceName": "ecr-public.amazonaws.com"}}, True),
        ({"StringEquals": {"sts:AWSServiceName": "codeartifact.amazonaws.com"}}, False),
        ({"NumericLessThanEquals": {"sts:DurationSeconds": "43200"}}, True),
        ({"NumericLessThan": {"sts:DurationSeconds": "43200"}}, False),
    ],
)
def test_policies_can_ask_for_whom_and_how_long_the_bearer_token_is(allowed, condition, passes):
    name = "asks-" + "-".join(next(iter(condition.values())).values()).replace(".", "-") + f"-{passes}"
    client = allowed(name, {"Action": LOGIN}, {"Action": BEARER, "Condition": condition})

    if passes:
        assert client.get_authorization_token()["authorizationData"]
    else:
        with refused("AccessDeniedException") as answer:
            client.get_authorization_token()
        assert BEARER in answer["Error"]["Message"]


def test_the_public_registry_is_in_one_region(server):
    """Its signature may be for that one also where only others are served."""
    with refused("UnsupportedCommandException") as answer:
        server.aws("ecr-public", region="eu-west-1").get_authorization_token()

    assert answer["Error"]["Message"] == "GetAuthorizationToken command is only supported in us-east-1."


def test_a_deployment_elsewhere_has_the_public_registry_too(tmp_path):
    with Server(tmp_path / "data", region="eu-central-1") as elsewhere:
        registry = Registry(elsewhere.url, _password(elsewhere, region=REGION), headers={"Host": "public.ecr.aws"})

        assert registry("GET", "/v2/").status == 200
        with refused("InvalidSignatureException"):
            elsewhere.aws("ecr", region=REGION).get_authorization_token()


def test_what_is_not_written_yet_is_said_to_be_unknown(server):
    with refused("UnknownOperationException"):
        server.aws("ecr-public").describe_registries()


def test_a_users_session_logs_in_and_its_password_ends_with_it(server, reader, public):
    """GetSessionToken's credentials open hardly anything of STS; the right that another service asks for is no call."""
    credentials = server.aws("sts", key=reader).get_session_token()["Credentials"]
    client = boto3.client(
        "ecr-public",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    token = client.get_authorization_token()["authorizationData"]["authorizationToken"]
    registry = public(base64.b64decode(token).decode().removeprefix("AWS:"))
    bearer = public(token=registry("GET", "/token/").json()["token"])
    assert (registry("GET", "/v2/").status, bearer("GET", "/v2/").status) == (200, 200)

    server.command("session", "revoke", "--user", "public-reader")

    assert (registry("GET", "/v2/").status, bearer("GET", "/v2/").status) == (401, 401)


# ── the hosts ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", ["public.ecr.aws", "PUBLIC.ecr.aws:443", "ecr-public.aws.com", "public.ecr.localhost"])
def test_the_public_host_asks_for_a_bearer_token_and_takes_the_password_for_one(server, reader, public, host):
    password = _password(server, key=reader)

    challenge = public(host=host)("GET", "/v2/")
    told = public(password, host=host)("GET", "/token/?service=public.ecr.aws&scope=aws&account=AWS").json()

    assert challenge.status == 401
    assert challenge.headers["WWW-Authenticate"] == (
        f'Bearer realm="http://{host}/token/",service="public.ecr.aws",scope="aws"'
    )
    assert set(told) == {"token", "access_token", "expires_in", "issued_at"}
    assert told["expires_in"] == 3600
    assert public(token=told["token"], host=host)("GET", "/v2/").status == 200
    assert public(password, host=host)("GET", "/v2/").status == 200
    assert public(password, host=host)("HEAD", "/v2/").status == 200


def test_a_deployment_with_names_of_its_own_has_a_public_one(tmp_path):
    names = {
        "{account}.dkr.ecr.{region}.registry.example.org": "public.registry.example.org",
        "registry.example.org:5000": "public.registry.example.org:5000",
    }
    for number, (hostname, host) in enumerate(names.items()):
        with Server(tmp_path / str(number), hostname=hostname) as server:
            assert (
                "Bearer"
                in Registry(server.url, None, headers={"Host": host})("GET", "/v2/").headers["WWW-Authenticate"]
            )
            assert Registry(server.url, None, headers={"Host": f"x.{host}"})("GET", "/v2/").status == 421


def test_passwords_and_tokens_open_what_they_are_for_and_nothing_else(server, reader, public):
    """Every kind against every way in."""
    private, password = server.password(), _password(server, key=reader)
    bearer = public(password)("GET", "/token/").json()["token"]
    secrets = {"private": private, "public": password, "bearer": bearer}
    ways = {
        "private by Basic": lambda secret: Registry(server.url, secret)("GET", "/v2/"),
        "private by Bearer": lambda secret: Registry(server.url, None, headers={"Authorization": f"Bearer {secret}"})(
            "GET", "/v2/"
        ),
        "public by Basic": lambda secret: public(secret)("GET", "/v2/"),
        "public by Bearer": lambda secret: public(token=secret)("GET", "/v2/"),
        "token by Basic": lambda secret: public(secret)("GET", "/token/"),
        "token by Bearer": lambda secret: public(token=secret)("GET", "/token/"),
    }

    opened = {(kind, way) for kind, secret in secrets.items() for way, ask in ways.items() if ask(secret).status == 200}
    statuses = {ask(secret).status for secret in secrets.values() for ask in ways.values()}

    assert opened == {
        ("private", "private by Basic"),
        ("public", "public by Basic"),
        ("public", "token by Basic"),
        ("bearer", "public by Bearer"),
    }
    assert statuses == {200, 401}


def test_reads_come_anonymously_and_find_nothing_yet(server, public):
    anonymous = public(token=public()("GET", "/token/").json()["token"])

    for registry in (public(), anonymous):
        for path in ("manifests/latest", f"blobs/{DIGEST}", "tags/list", f"referrers/{DIGEST}"):
            status, code, message = refusal(registry("GET", f"/v2/someone/team/app/{path}"))
            assert (status, code) == (404, "NAME_UNKNOWN")
            assert message == "The repository with name 'team/app' does not exist in the registry with id 'someone'"
    assert anonymous("GET", "/v2/").status == 200
    assert public()("HEAD", "/v2/someone/app/manifests/latest").status == 404


def test_a_repository_of_an_account_is_none_of_the_public_host(server, reader, public):
    registry = public(_password(server, key=reader))

    for name in ("private", f"{ACCOUNT}/private"):
        assert refusal(registry("GET", f"/v2/{name}/tags/list"))[1] == "NAME_UNKNOWN"


def test_only_who_is_somebody_may_try_to_push(server, reader, public):
    begin = ("POST", "/v2/someone/app/blobs/uploads/")
    anonymous = public(token=public()("GET", "/token/").json()["token"])

    assert public()(*begin).status == 401
    assert refusal(anonymous(*begin)) == (403, "DENIED", "Not Authorized")
    assert refusal(public(_password(server, key=reader))(*begin))[:2] == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v2/Upper/app/tags/list", (400, "NAME_INVALID")),
        ("GET", "/v2/someone/app/blobs/none", (400, "DIGEST_INVALID")),
        ("GET", "/v2/nothing", (404, "NAME_UNKNOWN")),
        ("POST", "/v2/", (405, "UNSUPPORTED")),
        ("POST", "/token/", (405, "UNSUPPORTED")),
    ],
)
def test_what_is_wrong_is_refused_by_the_specifications_codes(public, method, path, expected):
    assert refusal(public()(method, path))[:2] == expected


def test_the_api_answers_on_the_public_hosts_of_the_api(server, reader):
    for host in ("api.ecr-public.us-east-1.amazonaws.com", "ecr-public.us-east-1.api.aws"):
        assert Registry(server.url, None, headers={"Host": host})("GET", "/").status != 421


def test_a_private_hosts_token_address_is_no_address(server):
    assert Registry(server.url, None)("GET", "/token/").status == 400
