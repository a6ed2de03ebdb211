"""Rules that hold for every test, and the fixtures that most tests need."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

from tests.support.network import only_loopback
from tests.support.server import Registry, Server
from tests.support.skips import Account
from tests.support.weed import Weed
from tests.support.weed import weed as the_weed

# No test fails by the clock: the machine may be twice as slow an hour later.
hypothesis.settings.register_profile("entrepot", deadline=None)
hypothesis.settings.load_profile("entrepot")


def pytest_configure(config: pytest.Config) -> None:
    """Keep account of skips in every run."""
    config.pluginmanager.register(Account(), "skips")


@pytest.fixture(autouse=True, scope="session")
def _only_loopback() -> Iterator[None]:
    with only_loopback():
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that do not need one of their own; they keep to repositories of their own."""
    with Server(tmp_path_factory.mktemp("server") / "data", workers=2) as server:
        yield server


@pytest.fixture(scope="session")
def registry(server: Server) -> Registry:
    """The OCI face of that server, logged in as root."""
    return server.registry()


@pytest.fixture(scope="session")
def ecr(server: Server) -> Any:
    """ECR as the root user of the default account."""
    return server.aws("ecr")


@pytest.fixture
def repository(ecr: Any, request: pytest.FixtureRequest) -> str:
    """A new repository, named after the test."""
    name = f"test/{abs(hash(request.node.nodeid)):x}"
    ecr.create_repository(repositoryName=name)
    return name


@pytest.fixture(scope="session")
def weed() -> Weed:
    """One S3 engine for all tests that need it; each has a place of its own in it."""
    return the_weed()


@pytest.fixture
def bucket(weed: Weed, monkeypatch: pytest.MonkeyPatch) -> str:
    """The setting ``storage`` for an empty place, and credentials for it in this process."""
    for name, value in weed.variables.items():
        monkeypatch.setenv(name, value)
    return weed.place()
