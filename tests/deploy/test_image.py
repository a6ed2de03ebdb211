"""The container image: built from Debian's packages and the locked wheels, run by Docker's engine, and used."""

import json
import os
import re
import secrets
import shutil
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.clients.kit import Shell, docker_engine, short_folder
from tests.deploy.conftest import NAME, build
from tests.support.clients import client
from tests.support.network import free_port

pytestmark = pytest.mark.timeout(600)

_PATIENCE = 60.0
# What the image may run with at the most: nothing of the host's, and no way to more rights.
CONFINED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp")


@dataclass(frozen=True, slots=True)
class Container:
    """A container of the image that serves, and the engine that runs it."""

    shell: Shell
    port: int
    secret: Path

    def docker(self, *arguments: str | Path, given: str = "") -> str:
        """What docker says."""
        return self.shell(client("docker"), *arguments, given=given).strip()

    def python(self, code: str) -> str:
        """What a line of Python prints in there."""
        return self.docker("exec", "registry", "python3", "-c", code)

    def inspect(self, template: str) -> str:
        """A member of what the engine knows of the container."""
        return self.docker("inspect", "--format", template, "registry")

    def wait(self) -> None:
        """Wait until the engine says that it is healthy."""
        until = time.monotonic() + _PATIENCE
        while self.inspect("{{.State.Health.Status}}") != "healthy":
            assert time.monotonic() < until, self.docker("logs", "registry")
            time.sleep(0.1)


def _mount_as_kubernetes(mount: Path, keys: dict[str, bytes]) -> None:
    """Put *keys* at *mount*: root's, our group may read them, and links lead there, which are exchanged at once."""
    version = mount / f"..{len(keys)}"
    version.mkdir()
    for name, key in keys.items():
        (version / name).write_bytes(key)
        os.chown(version / name, 0, 10001)
        (version / name).chmod(0o440)
    (mount / "..data_tmp").symlink_to(version.name)
    (mount / "..data_tmp").replace(mount / "..data")
    for name in keys.keys() - {each.name for each in mount.iterdir()}:
        (mount / name).symlink_to(f"..data/{name}")


@pytest.fixture(scope="module")
def container(image: Path) -> Iterator[Container]:
    with short_folder() as folder, docker_engine(Shell(folder), client("dockerd"), client("docker")) as shell:
        container = Container(shell, free_port(), folder / "secret")
        container.secret.mkdir()
        _mount_as_kubernetes(container.secret, {"root.key": secrets.token_bytes(32)})
        container.docker("load", "--input", image)
        mounts = [f"--volume={container.secret}:/run/secrets/entrepot:ro", "--volume=registry:/var/lib/entrepot"]
        settings = [f"LISTEN=127.0.0.1:{container.port}", "ROOT_KEY_FILE=/run/secrets/entrepot/root.key"]
        options = ["--network=host", "--health-interval=1s", *(f"--env=ENTREPOT_{each}" for each in settings)]
        container.docker("run", "--detach", "--name=registry", *CONFINED, *mounts, *options, NAME)
        container.wait()
        yield container
        container.docker("rm", "--force", "--volumes", "registry")


@pytest.fixture(scope="module")
def ecr(container: Container) -> Any:
    """ECR, as the root user with an access key that a command in the container made."""
    made = container.docker("exec", "registry", "entrepot", "key", "create")
    identity, secret = (line.split()[-1] for line in made.splitlines())
    client: Any = boto3.client
    return client(
        "ecr",
        endpoint_url=f"http://127.0.0.1:{container.port}",
        region_name="us-east-1",
        aws_access_key_id=identity,
        aws_secret_access_key=secret,
    )


def test_it_runs_as_nobody_with_no_rights(container):
    status = Path("/proc", container.inspect("{{.State.Pid}}"), "status").read_text()

    assert re.search(r"^Uid:\t10001\t10001\t10001\t10001$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)


def test_its_user_may_change_no_file_of_the_image_even_where_the_engine_would_let_it(container):
    code = (
        "import os; print([os.path.join(at, name) for top in ('/etc', '/usr', '/lib', '/var') "
        "for at, folders, files in os.walk(top) for name in ['.', *files] "
        "if os.access(os.path.join(at, name), os.W_OK) and not os.path.islink(os.path.join(at, name))])"
    )
    command = ["run", "--rm", "--network=none", "--entrypoint=python3", NAME, "-c", code]

    assert container.docker(*command) == "['/var/lib/entrepot/.']"


def test_its_root_file_system_is_read_only_and_nothing_is_written_there(container):
    assert container.inspect("{{.HostConfig.ReadonlyRootfs}}") == "true"
    # The engine makes the place of a mount.
    assert {line.split("/")[1] for line in container.docker("diff", "registry").splitlines()} <= {"run"}


def _versions(container: Container) -> list[tuple[str, str]]:
    """What each version of the root key does, and where it is."""
    lines = container.docker("exec", "registry", "entrepot", "key", "versions").splitlines()
    return [(words[1], words[-1]) for words in map(str.split, lines)]


def test_it_works_with_the_root_key_that_is_mounted_and_goes_on_with_the_next_one(container, ecr):
    mounted = "/run/secrets/entrepot/root.key"
    assert _versions(container) == [("seals", mounted)]
    ecr.describe_repositories()

    first = (container.secret / "root.key").read_bytes()
    _mount_as_kubernetes(container.secret, {"root.key": first, "root.key.2": secrets.token_bytes(32)})
    container.docker("exec", "registry", "entrepot", "key", "rotate")

    assert _versions(container) == [("opens", mounted), ("seals", f"{mounted}.2")]
    ecr.describe_repositories()
    assert container.python("import os; print(os.listdir('/var/lib/entrepot/data.keys'))") == "['credentials']"


def test_it_brings_no_shell_and_no_package_manager(container):
    code = "import shutil; print([shutil.which(name) for name in ('sh', 'bash', 'apt', 'dpkg', 'perl', 'pip')])"

    assert container.python(code) == str([None] * 6)


def test_what_it_imports_is_compiled_already(container):
    """Nobody could write it later, so each start and each command would compile anew."""
    code = (
        "import sys, os, entrepot.app, entrepot.cli.serving; print([each.__cached__ for each in "
        "list(sys.modules.values()) if getattr(each, '__cached__', None) and not os.path.exists(each.__cached__)])"
    )

    assert container.python(code) == "[]"


def test_it_trusts_the_authorities_that_debian_trusts(container):
    code = "import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 100)"

    assert container.python(code) == "True"


def test_an_image_is_pushed_to_it_and_pulled_and_outlives_the_container(container, ecr):
    host, folder = f"127.0.0.1:{container.port}", container.shell.home / "context"
    folder.mkdir()
    shutil.copy(client("busybox"), folder / "busybox")
    (folder / "Dockerfile").write_text(
        'FROM scratch\nCOPY busybox /bin/busybox\nCMD ["/bin/busybox", "echo", "hello"]\n'
    )
    name = f"{host}/my-app:1"
    container.docker("build", "--network=none", "--tag", name, folder)
    ecr.create_repository(repositoryName="my-app")
    (data,) = ecr.get_authorization_token()["authorizationData"]
    auth = {"auths": {host: {"auth": data["authorizationToken"]}}}
    (container.shell.home / ".docker").mkdir()
    (container.shell.home / ".docker/config.json").write_text(json.dumps(auth))

    container.docker("push", name)
    container.docker("rmi", name)
    container.docker("stop", "registry")
    code = container.inspect("{{.State.ExitCode}}")
    container.docker("start", "registry")
    container.wait()
    container.docker("pull", name)

    assert code == "0"
    assert container.docker("run", "--rm", "--network=none", name) == "hello"


# What keys and credentials look like, and what files of them are called.
_SECRET = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20}|aws_secret_access_key *= *[A-Za-z0-9/+]{40}"
)
_NAMES = re.compile(r"(^|/)(root\.key.*|credentials|\.env|\.netrc|\.pypirc|id_[a-z0-9]+|.*\.(p12|pfx|jks|key))$")


def _read(archive: tarfile.TarFile, name: str | tarfile.TarInfo) -> bytes:
    file = archive.extractfile(name)
    return file.read() if file else b""


def _layers(archive: Path) -> list[str]:
    """The layers of an image, by names that are their digests."""
    with tarfile.open(archive) as tar:
        (manifest,) = json.loads(_read(tar, "manifest.json"))
        return list(manifest["Layers"])


def _files(archive: Path) -> Iterator[tuple[str, bytes, int]]:
    """Each file of each layer: its path, its content, its user."""
    with tarfile.open(archive) as tar:
        for name in _layers(archive):
            with tarfile.open(fileobj=tar.extractfile(name)) as layer:
                for member in layer:
                    yield member.name, _read(layer, member) if member.isreg() else b"", member.uid


def test_no_layer_contains_a_key(image):
    files = list(_files(image))

    assert len(files) > 1000
    assert [name for name, _, _ in files if _NAMES.search(name)] == []
    # To look for the words first takes a tenth of the time.
    told = [
        (name, content) for name, content, _ in files if b"PRIVATE KEY-----" in content or b"aws_secret_" in content
    ]
    assert [name for name, content in told if _SECRET.search(content)] == []


def test_all_in_it_is_roots_but_the_folder_of_data(image):
    assert {(name, user) for name, _, user in _files(image) if user} == {("var/lib/entrepot", 10001)}


@pytest.mark.long
def test_the_same_packages_make_the_same_layers(image, tmp_path):
    assert _layers(build(tmp_path / "again.tar")) == _layers(image)
