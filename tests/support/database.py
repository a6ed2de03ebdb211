"""A database for tests that need rows and no server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy

import entrepot.identity.tables
import entrepot.keys.tables
import entrepot.registry.tables
import entrepot.secrets.tables  # noqa: F401  # tables register themselves when they are imported
from entrepot.database import Database, metadata


@contextmanager
def database_in(folder: Path) -> Iterator[Database]:
    """A database with all tables and no rows, in a file in *folder*."""
    path = folder / "entrepot.sqlite"
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    database = Database(path)
    try:
        yield database
    finally:
        database.close()
