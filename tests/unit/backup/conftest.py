"""A registry without a face, and its folder of backups."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import entrepot.app  # noqa: F401  # it loads every domain, and so every table
from entrepot.backup import folder as folders
from entrepot.backup.making import Made, make
from entrepot.backup.restoring import Restored, Target, restore, settle
from entrepot.database import Database
from entrepot.runtime import Runtime
from entrepot.schema.migrating import migrate
from entrepot.settings import Settings
from entrepot.storage import BlobStore
from entrepot.storage.drivers import open_store
from tests.support.rootkey import root_key


def nobody(done: int, total: int) -> None:
    """Whom progress is told."""


@dataclass
class World:
    """A registry in a folder, and where its backups and what is made of them lie."""

    folder: Path
    runtime: Runtime
    since: float = 1.5

    @property
    def backups(self) -> Path:
        """The folder of backups."""
        return self.folder / "backups"

    def backup(self, store: BlobStore | None = None) -> Made:
        """Take one, of another *store* if given."""
        with folders.held(self.backups, writing=True):
            place = self.runtime.settings.database_place
            return make(self.backups, place, self.runtime.database, store or self.runtime.store, progress=nobody)

    def restore(self, name: str, *, begun: bool = False) -> Restored:
        """Make the registry in ``restored`` of one; *begun*: an earlier try was cut off."""
        data = self.folder / "restored"
        data.mkdir(exist_ok=True)
        target = Target(
            data / "entrepot.sqlite", self.restored_store, data / "beside.sqlite", begun=begun, since=self.since
        )
        with folders.held(self.backups, writing=False):
            restored = restore(self.backups, name, target, progress=nobody)
        settle(target, progress=nobody)
        return restored

    @property
    def restored_store(self) -> BlobStore:
        """Where restored objects lie."""
        return open_store(f"file://{self.folder}/restored/blobs")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty registry."""
    settings = Settings(data=tmp_path / "data")
    settings.data.mkdir()
    migrate(settings.database_place)
    database = Database(settings.data / "entrepot.sqlite")
    runtime = Runtime(settings, database, open_store(settings.storage_url), root_key())
    yield World(tmp_path, runtime)
    database.close()
