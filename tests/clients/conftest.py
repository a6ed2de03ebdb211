"""What tests with real clients have at hand: a shell, a real image, and who we are at the registry."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.images import Images, write_images
from tests.clients.kit import Shell, Word, as_root, daemon, docker_engine, short_folder
from tests.support.clients import client
from tests.support.server import Server

DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
COPY motd /etc/motd
ENTRYPOINT ["/bin/busybox"]
CMD ["cat", "/etc/motd"]
"""

CONTAINERD = """\
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = "{folder}/c.sock"
[ttrpc]
address = "{folder}/t.sock"
"""


@pytest.fixture(scope="session")
def host(server: Server) -> str:
    """How references name the registry."""
    return f"127.0.0.1:{server.port}"


@pytest.fixture
def place(host: str, repository: str) -> str:
    """How references name a new repository."""
    return f"{host}/{repository}"


@pytest.fixture
def other_place(place: str, server: Server, repository: str) -> str:
    """How references name another repository, `copy` below the first."""
    server.aws("ecr").create_repository(repositoryName=f"{repository}/copy")
    return f"{place}/copy"


@pytest.fixture(scope="session")
def password(server: Server) -> str:
    """A login password of the root user."""
    return server.password()


@pytest.fixture(scope="session")
def variables(server: Server) -> dict[str, str]:
    """What `entrepot env` gives, and what keeps the AWS tools from asking the machine that they run on."""
    return server.environment() | {"AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": ""}


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """A small real image, as layouts."""
    return write_images(tmp_path_factory.mktemp("images"), client("busybox").read_bytes())


@pytest.fixture
def shell(tmp_path: Path, variables: dict[str, str]) -> Shell:
    """A shell after `eval "$(entrepot env …)"`."""
    return Shell(tmp_path / "home", **variables)


@pytest.fixture(scope="session")
def engine() -> Iterator[Shell]:
    """A shell with an engine that has one image, my-app:latest, of two layers."""
    as_root()
    dockerd, docker = client("dockerd"), client("docker")
    with short_folder() as folder, docker_engine(Shell(folder), dockerd, docker) as shell:
        context = folder / "context"
        context.mkdir()
        (context / "Dockerfile").write_text(DOCKERFILE)
        (context / "motd").write_text("hello from a layer\n")
        shutil.copy(client("busybox"), context / "busybox")
        shell(docker, "build", "--network", "none", "-t", "my-app:latest", context)
        yield shell


@pytest.fixture(scope="session")
def containerd() -> Iterator[Shell]:
    """A shell with a containerd."""
    as_root()
    program, ctr = client("containerd"), client("ctr")
    with short_folder() as folder:
        shell = Shell(folder, CONTAINERD_ADDRESS=str(folder / "c.sock"))
        (folder / "config.toml").write_text(CONTAINERD.format(folder=folder))
        command: list[Word] = [program, "--config", folder / "config.toml"]
        with daemon(shell, command, lambda: shell.attempt(ctr, "version").returncode == 0):
            yield shell
