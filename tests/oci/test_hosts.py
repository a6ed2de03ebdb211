"""Which registry a Host header means. Source: decisions: "Names and hosts"; ecr-api B.5, C.4."""

import pytest

from tests.oci.principals import Account, new_account
from tests.oci.wire import refusal
from tests.support.server import ACCOUNT, Registry, Server


@pytest.fixture(scope="module")
def other(server: Server) -> Account:
    """Another account than the default one."""
    return new_account(server)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:5000",
        "127.0.0.1",
        "127.0.0.53:80",
        "[::1]:5000",
        f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com",
        f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com:443",
        f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com",
        f"{ACCOUNT}.dkr-ecr.us-east-1.on.aws",
        f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.eu",
        f"{ACCOUNT}.dkr.ecr.us-east-1.localhost:5000",
    ],
)
def test_names_of_the_default_registry(registry, repository, host):
    """The realm is the name that the client used, so that it can find its credentials again."""
    assert registry("GET", f"/v2/{repository}/tags/list", headers={"Host": host}).status == 200

    challenge = registry("GET", "/v2/", headers={"Host": host, "Authorization": "x"}).headers["WWW-Authenticate"]
    assert challenge == f'Basic realm="http://{host}/",service="ecr.amazonaws.com"'


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "registry.example.org:5000",
        "localhost.example.org",
        "evil.localhost",
        "10.0.0.1",
        "169.254.169.254",
        f"{ACCOUNT}.dkr.ecr.us-east-1.example.org",
        f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com.example.org",
        f"x.{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com",
        f"{ACCOUNT[:-1]}.dkr.ecr.us-east-1.amazonaws.com",
        f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com",
        f"{ACCOUNT}.dkr.ecr.eu-west-1.localhost",
        "localhost@example.org",
        "localhost:5000:5000",
        "localhost/x",
        'localhost"',
        "x" * 5_000,
    ],
    ids=lambda host: host[:60],
)
def test_other_names_are_misdirected(registry, repository, host):
    """421 Misdirected Request, which names the setting; regions that are not served too."""
    status, code, message = refusal(registry("GET", f"/v2/{repository}/tags/list", headers={"Host": host}))

    assert (status, code) == (421, "MISDIRECTED")
    assert "hostname" in message


def test_each_account_has_a_registry_of_its_own(server, registry, other, repository):
    theirs = other.registry(server)
    server.aws("ecr", key=other.key).create_repository(repositoryName=repository)
    ours, _ = registry.push_image(repository, "v1", seed=b"ours")
    digest, _ = theirs.push_image(repository, "v1", seed=b"theirs")

    assert registry("HEAD", f"/v2/{repository}/manifests/v1").headers["Docker-Content-Digest"] == ours
    assert theirs("HEAD", f"/v2/{repository}/manifests/v1").headers["Docker-Content-Digest"] == digest
    assert theirs("HEAD", f"/v2/{repository}/manifests/{ours}").status == 404


def test_a_missing_repository_is_missing_in_the_account_that_was_asked(server, other):
    assert refusal(other.registry(server)("GET", "/v2/no/such/tags/list")) == (
        404,
        "NAME_UNKNOWN",
        f"The repository with name 'no/such' does not exist in the registry with id '{other.id}'",
    )


@pytest.fixture(scope="module")
def stranger(server, other) -> tuple[Registry, str]:
    """The default registry for the root user of another account, and that account."""
    return Registry(server.url, server.password(key=other.key)), other.id


@pytest.mark.parametrize(
    ("request_line", "action", "resource"),
    [
        ("GET {}/tags/list", "ListImages", "repository/{}"),
        ("GET {}/manifests/v1", "BatchGetImage", "repository/{}"),
        ("PUT {}/manifests/v1", "PutImage", "repository/{}"),
        ("DELETE {}/manifests/v1", "BatchDeleteImage", "repository/{}"),
        ("POST {}/blobs/uploads/", "InitiateLayerUpload", "repository/{}"),
        ("GET _catalog", "DescribeRepositories", "repository/*"),
    ],
)
def test_in_a_foreign_registry_nothing_is_allowed(stranger, repository, request_line, action, resource):
    """403 DENIED with who, what and where, before it is looked whether there is anything."""
    (registry, account), (method, path) = stranger, request_line.split()

    for name in (repository, "no/such/repository"):
        got = registry(method, "/v2/" + path.format(name))

        assert refusal(got) == (
            403,
            "DENIED",
            (
                f"User: arn:aws:iam::{account}:root is not authorized to perform: ecr:{action} on resource: "
                f"arn:aws:ecr:us-east-1:{ACCOUNT}:{resource.format(name)} "
                f"because no resource-based policy allows the ecr:{action} action"
            ),
        )


def test_the_ping_needs_credentials_of_any_account(server, other):
    """GET /v2/: none beyond a valid token. ecr-api C.2."""
    assert Registry(server.url, server.password(key=other.key))("GET", "/v2/").status == 200


def test_the_registry_of_an_account_that_does_not_exist_is_foreign(server, registry):
    host = f"{'9' * 12}.dkr.ecr.us-east-1.localhost:{server.port}"

    assert refusal(registry("GET", "/v2/app/tags/list", headers={"Host": host}))[:2] == (403, "DENIED")
