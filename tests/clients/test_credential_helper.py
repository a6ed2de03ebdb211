"""
docker-credential-ecr-login, Debian's and today's, through its whole chain.

The helper insists on names of Amazon's and on port 443. So the server has a loopback address of its own there,
a certificate for those names, and each client sees an /etc/hosts in which they are that address.
"""

import json
import secrets
import shutil

import pytest

from tests.clients.certificates import certify
from tests.clients.kit import Shell, as_root, docker_engine, short_folder, with_hosts
from tests.support.clients import client
from tests.support.server import ACCOUNT, REGION, Server

pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")

API = f"api.ecr.{REGION}.amazonaws.com"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
HELPERS = ["docker-credential-ecr-login-0.6", "docker-credential-ecr-login"]


@pytest.fixture(scope="module")
def address():
    """A loopback address that nobody else will think of, so that its port 443 is free."""
    as_root()
    return f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"


@pytest.fixture(scope="module")
def trusted(tmp_path_factory, address):
    return certify(tmp_path_factory.mktemp("tls"), API, f"*.dkr.ecr.{REGION}.amazonaws.com", address)


@pytest.fixture(scope="module")
def posing(tmp_path_factory, address, trusted):
    """A server that calls itself by Amazon's names."""
    data = tmp_path_factory.mktemp("posing") / "data"
    settings = {"tls_cert": trusted.certificate, "tls_key": trusted.key}
    hostname = "{account}.dkr.ecr.{region}.amazonaws.com"
    with Server(data, port=443, host=address, hostname=hostname, **settings) as server:
        yield server


@pytest.fixture(scope="module")
def prefix(tmp_path_factory, address):
    """What lets a command see those names where the server is."""
    hosts = tmp_path_factory.mktemp("hosts") / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{address} {API} {REGISTRY}\n")
    return with_hosts(hosts)


@pytest.fixture(scope="module")
def engine(posing, prefix, trusted):
    """A shell with an engine in which those names are known, and the repository `app`."""
    variables = posing.environment() | {"SSL_CERT_FILE": str(trusted.ca), "AWS_EC2_METADATA_DISABLED": "true"}
    del variables["AWS_ENDPOINT_URL"]
    with short_folder() as folder:
        shell = Shell(folder, prefix=prefix, **variables)
        shell(client("aws"), "ecr", "create-repository", "--repository-name=app")
        with docker_engine(shell, client("dockerd"), client("docker")):
            yield shell


@pytest.fixture(params=HELPERS)
def shell(request, engine):
    """The same with one of the helpers on PATH, which docker's configuration names; nothing else is set up."""
    with short_folder() as folder:
        (folder / "bin").mkdir()
        shutil.copy(client(request.param), folder / "bin/docker-credential-ecr-login")
        path = f"{folder}/bin:{engine.environment['PATH']}"
        outside = {name: value for name, value in engine.environment.items() if name not in Shell.PLACES}
        shell = Shell(folder / "home", prefix=engine.prefix, **outside | {"PATH": path})
        configuration = json.dumps({"credHelpers": {REGISTRY: "ecr-login"}})
        (shell.home / ".docker").mkdir()
        (shell.home / ".docker/config.json").write_text(configuration)
        yield shell


def test_the_helper_gets_a_password_by_the_name_of_the_registry(shell):
    said = json.loads(shell("docker-credential-ecr-login", "get", given=REGISTRY))

    assert (said["Username"], len(said["Secret"]) > 25) == ("AWS", True)


def test_docker_pushes_and_pulls_without_a_login(shell, tmp_path):
    docker, name = client("docker"), f"{REGISTRY}/app:docker"
    shutil.copy(client("busybox"), tmp_path / "busybox")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY busybox /bin/busybox\n")
    shell(docker, "build", "--network", "none", "-t", name, tmp_path)

    shell(docker, "push", name)
    shell(docker, "rmi", name)

    assert f"Downloaded newer image for {name}" in shell(docker, "pull", name)


def test_skopeo_and_crane_ask_the_helper_too(shell, images):
    name = f"{REGISTRY}/app:skopeo"

    shell(client("skopeo"), "copy", "--preserve-digests", f"oci:{images.image}:1", f"docker://{name}")

    shell(client("crane"), "validate", "--remote", name)
    assert shell(client("crane"), "digest", name).strip() == images.digest


def test_podman_pushes_and_pulls_without_a_login(shell, images):
    name = f"{REGISTRY}/app:podman"
    places = [f"--{place}={shell.home / place}" for place in ("root", "runroot", "tmpdir")]
    podman = [client("podman"), *places, "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=none"]
    image = shell(*podman, "pull", "--quiet", f"oci:{images.image}:1").strip()

    shell(*podman, "push", image, name)
    shell(*podman, "rmi", "--force", image)

    assert shell(*podman, "pull", "--quiet", name).strip() == image


def test_the_names_that_the_api_gives_are_those_that_the_helper_knows(shell):
    uri = ["--query=repositories[0].repositoryUri", "--output=text"]

    assert shell(client("aws"), "ecr", "describe-repositories", *uri).strip() == f"{REGISTRY}/app"
