"""
All rows as they are at one instant, in a SQLite file; and a transaction on such a file.

A SQLite database is copied by its own online backup, whole and page by page. Out of PostgreSQL the rows come as they
are moved to another database (``moving``), of one snapshot.
"""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from entrepot.backup.folder import BackupRefused, sync
from entrepot.database import Transaction
from entrepot.database.statements import SQLITE
from entrepot.moving.rows import copy
from entrepot.schema.migrating import migrate, newest, shown, vacate, version_of

# SQLite's pages that are copied in one go.
_STEP = 4096


@contextlib.contextmanager
def alone(path: Path) -> Iterator[Transaction]:
    """One transaction on a file of rows that nobody else works with."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        yield Transaction(connection, SQLITE)
        connection.execute("COMMIT")


def take(place: Path | str, target: Path) -> None:
    """
    Put all rows of the database at *place*, as of one instant, into the file *target*, in place of what it is.

    Raises: BackupRefused, for a server's schema that only a newer program knows; MoveRefused.
    """
    remove(target)
    if isinstance(place, Path):
        _copy_file(place, target)
        return
    if (version := version_of(place)) != newest():  # it has tables and columns that this program knows nothing of
        raise BackupRefused(f"{shown(place)} has schema {version}: take the backup by the newer program that made it")
    migrate(target)
    vacate(target)
    copy(place, target)
    with contextlib.closing(sqlite3.connect(target)) as taken:
        taken.execute("PRAGMA journal_mode = DELETE")


def put(source: Path, place: Path) -> None:
    """Make the file *source* the database at *place*, where there is none: whole or, after a crash, not at all."""
    beside = source
    if source.parent != place.parent:
        beside = place.with_name(f"{place.name}.restoring")
        shutil.copyfile(source, beside)
    sync(beside)
    beside.rename(place)
    sync(place.parent)


def remove(path: Path) -> None:
    """Remove a file of rows, if there is one, with what SQLite keeps beside it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def _copy_file(source: Path, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(source, isolation_level=None, timeout=30)) as connection:
        # Inside a transaction the backup keeps to what that sees, and nobody's commit makes it begin anew.
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with contextlib.closing(sqlite3.connect(target)) as into:
            connection.backup(into, pages=_STEP)
            into.execute("PRAGMA journal_mode = DELETE")
