"""Clients over TLS, with an authority of our own: each has its own way to be told whom to trust."""

import pytest

from tests.clients.certificates import certify
from tests.clients.kit import Shell
from tests.support.clients import client
from tests.support.server import Server

# Only the fixture that waits for the start looks away.
pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")


@pytest.fixture(scope="module")
def trusted(tmp_path_factory):
    return certify(tmp_path_factory.mktemp("tls"), "localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def secure(tmp_path_factory, trusted):
    """A server with that certificate."""
    data = tmp_path_factory.mktemp("secure") / "data"
    with Server(data, tls_cert=trusted.certificate, tls_key=trusted.key) as server:
        yield server


@pytest.fixture
def place(secure):
    """How references name a repository behind TLS."""
    return f"localhost:{secure.port}/app"


@pytest.fixture(scope="module")
def variables(secure):
    """What `entrepot env` gives; it knows whom AWS's programs should trust."""
    return secure.environment() | {"AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(scope="module")
def password(variables, tmp_path_factory):
    """A login password, by the AWS CLI, after it has made a repository."""
    shell, aws = Shell(tmp_path_factory.mktemp("home"), **variables), client("aws")
    shell(aws, "ecr", "create-repository", "--repository-name=app")
    return shell(aws, "ecr", "get-login-password").strip()


def test_crane_pushes_and_validates_and_the_address_to_log_in_at_is_https(shell, password, place, images, trusted):
    crane = client("crane")
    shell.environment["SSL_CERT_FILE"] = str(trusted.ca)
    host = place.partition("/")[0]

    shell(crane, "auth", "login", host, "-u", "AWS", "--password-stdin", given=password)
    shell(crane, "push", images.index, f"{place}:1")
    shell(crane, "validate", "--remote", f"{place}:1")

    said = shell(client("aws"), "ecr", "get-authorization-token", "--query=authorizationData[0].proxyEndpoint")
    assert said.strip() == f'"https://{host}"'


def test_skopeo_trusts_a_folder_of_certificates(shell, password, place, images, trusted):
    skopeo, login = client("skopeo"), f"AWS:{password}"
    trust = trusted.ca.parent / "certs"
    trust.mkdir()
    (trust / "ca.crt").write_bytes(trusted.ca.read_bytes())

    shell(
        skopeo,
        "copy",
        f"--dest-cert-dir={trust}",
        f"--dest-creds={login}",
        f"oci:{images.image}:1",
        f"docker://{place}:2",
    )

    assert '"Tags"' in shell(skopeo, "list-tags", f"--cert-dir={trust}", f"--creds={login}", f"docker://{place}")


def test_helm_trusts_a_file_of_certificates(shell, password, place, trusted):
    helm, host = client("helm"), place.partition("/")[0]
    ca = f"--ca-file={trusted.ca}"

    said = shell.attempt(helm, "registry", "login", host, "-u", "AWS", "--password-stdin", ca, given=password)

    assert "Login Succeeded" in said.stdout + said.stderr


def test_who_does_not_know_the_authority_sends_no_password(shell, place):
    said = shell.refused(client("crane"), "ls", place)

    assert "certificate signed by unknown authority" in said
