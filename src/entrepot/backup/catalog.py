"""
Which object of the store is which file of a folder of backups.

The catalog of a backup begins as that of the one before it, and so knows what need not be copied again; entries that
the backup does not need are removed at its end. What was cut off is gone on with.
"""

import sqlite3
from pathlib import Path
from typing import NamedTuple, Self

_TABLE = """
CREATE TABLE IF NOT EXISTS objects (
    key TEXT PRIMARY KEY, sha256 TEXT NOT NULL, size INTEGER NOT NULL, needed INTEGER NOT NULL
) WITHOUT ROWID
"""
# Copied bytes, about, of which a crash may lose the entries.
_UNSAVED = 64 << 20


class Entry(NamedTuple):
    """An object. *size* is bytes at rest."""

    sha256: str
    size: int


class Catalog:
    """The catalog in the file *path*, which is made if need be; of one process."""

    def __init__(self, path: Path, *, whole: bool = False) -> None:
        """*whole*: it is a backup's, which nothing changes any more."""
        if whole:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?immutable=1", uri=True, isolation_level=None
            )
        else:
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._connection.execute(_TABLE)
        self._connection.execute("BEGIN")
        self._unsaved = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        """Keep what was put, also of a backup that has failed."""
        self.save()
        self._connection.close()

    def find(self, key: str) -> Entry | None:
        """The entry of the object *key* of the store."""
        row = self._connection.execute("SELECT sha256, size FROM objects WHERE key = ?", (key,)).fetchone()
        return None if row is None else Entry(*row)

    def need(self, key: str, entry: Entry, *, new: bool) -> None:
        """Enter an object that the backup needs; *new* says that it was copied just now."""
        self._connection.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, 1)", (key, *entry))
        self._unsaved += entry.size if new else 0
        if self._unsaved >= _UNSAVED:
            self.save()

    def need_nothing(self) -> None:
        """Begin to find out what the backup needs."""
        self._connection.execute("UPDATE objects SET needed = 0")

    def drop_rest(self) -> tuple[int, int]:
        """Forget what the backup does not need; how many objects it does need, and their bytes."""
        self._connection.execute("DELETE FROM objects WHERE needed = 0")
        count, size = self._connection.execute("SELECT count(*), coalesce(sum(size), 0) FROM objects").fetchone()
        return count, size

    def save(self) -> None:
        """Make durable what was put."""
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN")
        self._unsaved = 0
