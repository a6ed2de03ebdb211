"""
The schema's versions: ``migrations/versions/NNNN_what.py``, each a step, applied in order by Alembic.

The one place that imports Alembic, and only when there is a step to take: it costs a start 0.3 s.
"""

import contextlib
import sqlite3
from pathlib import Path

from entrepot.errors import Refused

_MIGRATIONS = Path(__file__).with_name("migrations")
_HAS_VERSION = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"


class SchemaRefused(Refused):
    """The database is of another version than this program can work with. The text names both."""


def migrate(path: Path) -> None:
    """
    Bring the database at *path*, which need not exist, to this program's schema.

    Each step is one transaction: after a crash it is done or it is not. The caller sees to it that
    nobody else is at work on the database.
    Raises: SchemaRefused, for a database of a newer program, and one that cannot be read.
    """
    version, versions = _version(path), _versions()
    if version is not None and version not in versions:
        raise SchemaRefused(
            f"The database {path} has schema {version}, and this program knows none after {versions[-1]}: "
            "run the newer program that made it"
        )
    if version != versions[-1]:
        _upgrade(path)


def demand_current(path: Path) -> None:
    """Return if the database has this program's schema. Raises: SchemaRefused."""
    version, newest = _version(path), _versions()[-1]
    if version != newest:
        raise SchemaRefused(
            f"The database {path} has schema {version or 'none'} and this program works with {newest}: "
            "start the server once with this program, which brings it up to date"
        )


def _versions() -> list[str]:
    return sorted(file.name[:4] for file in (_MIGRATIONS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def _version(path: Path) -> str | None:
    """The version of the schema at *path*; None where there is none yet. Raises: SchemaRefused."""
    if not path.exists():
        return None
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        try:
            # A table that is not there must not be confused with one that cannot be read.
            if connection.execute(_HAS_VERSION).fetchone() is None:
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.DatabaseError as error:
            raise SchemaRefused(
                f"The database {path} cannot be read: {error}. "
                "See whether its disk has room, some MiB at least, and is sound"
            ) from None
    return str(row[0]) if row else None


def _upgrade(path: Path) -> None:
    from alembic import command  # noqa: PLC0415  # see above
    from alembic.config import Config  # noqa: PLC0415  # see above

    config = Config(attributes={"path": path})
    # Alembic reads its options with ConfigParser, to which % means something.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")
