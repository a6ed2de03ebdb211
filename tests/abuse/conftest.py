"""Whom the tests of abuse need beside root: others with rights of their own, and a server at the edge."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.oci.principals import Account, new_account, new_user
from tests.support.server import Registry, Server

_addresses = itertools.count(1)


@pytest.fixture(scope="session")
def other(server: Server) -> Account:
    """Another account: its root user may do nothing in the default one."""
    return new_account(server)


@pytest.fixture(scope="session")
def theirs(server: Server, other: Account) -> Registry:
    """The registry of the other account, for its root user."""
    return other.registry(server)


@pytest.fixture(scope="session")
def intruder(server: Server, other: Account) -> Registry:
    """The default account's registry, for the root user of the other account."""
    return server.registry(key=other.key)


@pytest.fixture(scope="session")
def user(server: Server) -> Registry:
    """The default account's registry, for a user of that account."""
    return server.registry(key=new_user(server, "second"))


@pytest.fixture
def stranger(server: Server) -> Registry:
    """Somebody without credentials, from an address where nobody has failed to log in yet."""
    return Registry(server.url, None, address=f"127.0.4.{next(_addresses)}")


@pytest.fixture
def make_repository(ecr: Any, repository: str) -> Callable[[], str]:
    """Makes further repositories, named after the test."""
    numbers = itertools.count(1)

    def make() -> str:
        name = f"{repository}/{next(numbers)}"
        ecr.create_repository(repositoryName=name)
        return name

    return make


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of one worker, so that its log is in order, which believes a proxy at 127.0.0.2."""
    with Server(tmp_path_factory.mktemp("edge") / "data", workers=1, trusted_proxies="127.0.0.2/32") as server:
        server.aws("ecr").create_repository(repositoryName="app")
        yield server
