"""Rules that hold for every test, and the fixtures that most tests need."""

from collections.abc import Iterator

import hypothesis
import pytest

from tests.support.network import only_loopback
from tests.support.skips import Account

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
