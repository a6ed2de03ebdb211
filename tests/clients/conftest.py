"""What tests with real clients have at hand: a shell, a real image, and who we are at the registry."""

from pathlib import Path

import pytest

from tests.clients.images import Images, write_images
from tests.clients.kit import Shell
from tests.support.clients import client
from tests.support.server import Server


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
