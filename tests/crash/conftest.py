"""Engines that tests of crashes have for themselves: they are killed, and what lies in them is read."""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import backends
from tests.support.clients import client
from tests.support.postgresql import Cluster
from tests.support.weed import Weed


class Engines:
    """PostgreSQL and SeaweedFS, each started when the first test needs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ending = contextlib.ExitStack()

    @functools.cached_property
    def postgresql(self) -> Cluster:
        """The cluster. Skips the test where PostgreSQL is not installed."""
        made = Cluster(client("initdb").resolve().parent)
        self._ending.callback(made.remove)
        return made

    @functools.cached_property
    def weed(self) -> Weed:
        """The S3 engine. Skips the test where SeaweedFS is not installed."""
        return self._ending.enter_context(Weed(self._folder))

    def place(self, backend: str) -> backends.Place:
        """A new place in *backend*, as in ``postgresql-s3``."""
        database, _, storage = backend.partition("-")
        return backends.place(database, storage, postgresql=lambda: self.postgresql, engine=lambda: self.weed)

    def end(self) -> None:
        """End what was started."""
        self._ending.close()


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Those of all tests of crashes."""
    made = Engines(tmp_path_factory.mktemp("weed"))
    yield made
    made.end()
