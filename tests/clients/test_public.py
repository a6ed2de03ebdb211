"""
Logging in to the public registry by Amazon's names, as clients do that know no other.

As for the credential helper, the server has a loopback address of its own, a certificate for those names, and each
client sees an /etc/hosts in which they are that address.
"""

import base64
import json
import re
import secrets

import pytest

from tests.clients.certificates import certify
from tests.clients.kit import Shell, as_root, docker_engine, short_folder, with_hosts
from tests.support.clients import client
from tests.support.server import REGION, Server

pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")

PUBLIC = "public.ecr.aws"
APIS = [f"api.ecr-public.{REGION}.amazonaws.com", f"api.ecr.{REGION}.amazonaws.com"]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """A shell with an engine, in which those names are known, and a root user's access key."""
    as_root()
    address = f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
    trusted = certify(tmp_path_factory.mktemp("tls"), PUBLIC, *APIS, address)
    hosts = tmp_path_factory.mktemp("hosts") / "hosts"
    hosts.write_text(f"127.0.0.1 localhost public.ecr.localhost\n{address} {' '.join([PUBLIC, *APIS])}\n")
    data = tmp_path_factory.mktemp("posing") / "data"
    with Server(data, port=443, host=address, tls_cert=trusted.certificate, tls_key=trusted.key) as server:
        variables = server.environment() | {"SSL_CERT_FILE": str(trusted.ca), "AWS_EC2_METADATA_DISABLED": "true"}
        del variables["AWS_ENDPOINT_URL"]
        with short_folder() as folder:
            shell = Shell(folder, prefix=with_hosts(hosts), **variables)
            with docker_engine(shell, client("dockerd"), client("docker")):
                yield shell


@pytest.fixture(scope="module")
def password(shell):
    return shell(client("aws"), "ecr-public", "get-login-password", "--region", REGION).strip()


def test_the_aws_cli_shows_one_password(shell, password):
    data = json.loads(shell(client("aws"), "ecr-public", "get-authorization-token", "--output=json"))[
        "authorizationData"
    ]

    assert set(data) == {"authorizationToken", "expiresAt"}
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:rg1_")
    assert password.startswith("rg1_")


@pytest.mark.parametrize("program", ["docker", "podman", "skopeo"])
def test_who_has_a_password_of_ecr_public_logs_in(shell, password, program):
    login = [client(program), "login", "--username", "AWS", "--password-stdin", PUBLIC]
    private = shell(client("aws"), "ecr", "get-login-password").strip()

    said = shell(*login, given=password)
    refused = shell.refused(*login, given=private)

    assert "Login Succeeded" in said
    assert re.search("unauthorized|invalid username/password", refused)


def test_a_pull_of_what_is_not_there_says_so_without_a_login(shell):
    said = shell.refused(client("docker"), "pull", f"{PUBLIC}/someone/app:1")
    also = shell.refused(client("crane"), "manifest", f"{PUBLIC}/someone/app:1")

    assert "The repository with name 'app' does not exist in the registry with id 'someone'" in said
    assert "NAME_UNKNOWN: The repository with name 'app' does not exist in the registry with id 'someone'" in also


def test_the_credential_helper_knows_the_public_registry(shell):
    said = json.loads(shell(client("docker-credential-ecr-login"), "get", given=PUBLIC))

    assert (said["Username"], said["Secret"][:4]) == ("AWS", "rg1_")


def test_a_server_on_this_machine_has_a_public_name_below_localhost(shell, server):
    data = server.aws("ecr-public").get_authorization_token()["authorizationData"]
    password = base64.b64decode(data["authorizationToken"]).decode().removeprefix("AWS:")
    host = f"public.ecr.localhost:{server.port}"

    said = shell(client("docker"), "login", "--username", "AWS", "--password-stdin", host, given=password)

    assert "Login Succeeded" in said
