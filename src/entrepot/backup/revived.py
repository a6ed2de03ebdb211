"""
What a restore brings back although it had been taken away: abuse case 73.

A backup cannot know what came after it. A later one does, as far as its own time; and the database that is
replaced, where it still can be read.
"""

import contextlib
from pathlib import Path

from entrepot.backup import folder as folders
from entrepot.backup import rows
from entrepot.backup.restoring import checked_rows
from entrepot.database import Database, Transaction
from entrepot.errors import Refused
from entrepot.identity.standing import standing as of_identity
from entrepot.keys.standing import standing as of_keys


def since_backup(folder: Path, name: str, *, scratch: Path) -> tuple[str, list[str]]:
    """
    The last backup in *folder* that can be read, and what *name* has and that has not, in sentences.

    *scratch* is used meanwhile. Raises: BackupRefused, SchemaRefused, for the rows of *name*.
    """
    before = _standing(folder, name, scratch)
    for later in reversed(folders.names(folder)):
        if later <= name:
            break
        with contextlib.suppress(Refused):
            return later, _missing(before, _standing(folder, later, scratch))
    return name, []


def since_database(folder: Path, name: str, database: Database, *, scratch: Path) -> list[str]:
    """The same of a *database* of the same registry. Raises: BackupRefused, SchemaRefused."""
    before = _standing(folder, name, scratch)
    with database.reading() as tx:
        return _missing(before, _all(tx))


def _standing(folder: Path, name: str, scratch: Path) -> list[str]:
    try:
        checked_rows(folder, name, scratch)
        with rows.alone(scratch) as tx:
            return _all(tx)
    finally:
        rows.remove(scratch)


def _all(tx: Transaction) -> list[str]:
    return [*of_identity(tx), *of_keys(tx)]


def _missing(before: list[str], after: list[str]) -> list[str]:
    left = set(after)
    return [each for each in before if each not in left]
