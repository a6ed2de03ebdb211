"""
The schema's versions: ``migrations/versions/NNNN_what.py``, each a step, applied in order by Alembic.

The one place that imports Alembic, and only when there is a step to take: it costs a start 0.3 s.
"""

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

from entrepot.errors import Refused

_MIGRATIONS = Path(__file__).with_name("migrations")
# A table that is not there must not be confused with one that cannot be read.
_HAS_VERSION = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
_HAS_VERSION_IN_POSTGRESQL = "SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL"
_VERSION = "SELECT version_num FROM alembic_version"
# What the version begins with while rows are being moved to a database: nobody else works with it.
MOVING = "moving"


class SchemaRefused(Refused):
    """The database is of another version than this program can work with. The text names both."""


def migrate(place: Path | str) -> None:
    """
    Bring the database at *place*, a file that need not exist or an address, to this program's schema.

    Each step is one transaction: after a crash it is done or it is not. The caller sees to it that
    nobody else is at work on a file; of a PostgreSQL database one process at a time is let in.
    Raises: SchemaRefused, for a database of a newer program, and one that cannot be read.
    """
    version = version_of(place)
    _demand_known(place, version)
    if version != newest():
        _upgrade(place)


def demand_current(place: Path | str) -> None:
    """Return if the database has this program's schema. Raises: SchemaRefused."""
    version = version_of(place)
    _demand_known(place, version)
    if version != newest():
        raise SchemaRefused(
            f"The database {shown(place)} has schema {version or 'none'} and this program works with {newest()}: "
            "start the server once with this program, which brings it up to date"
        )


def newest() -> str:
    """The version of the schema that this program works with."""
    return _versions()[-1]


def shown(place: Path | str) -> str:
    """A place as it may be shown to people: without user, password and options."""
    if isinstance(place, Path):
        return str(place)
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _demand_known(place: Path | str, version: str | None) -> None:
    """Raises: SchemaRefused."""
    if version is None or version in _versions():
        return
    if version.startswith(MOVING):
        raise SchemaRefused(
            f"A registry is being moved to the database {shown(place)}: run entrepot migrate again, to its end"
        )
    raise SchemaRefused(
        f"The database {shown(place)} has schema {version}, and this program knows none after {newest()}: "
        "run the newer program that made it"
    )


def _versions() -> list[str]:
    return sorted(file.name[:4] for file in (_MIGRATIONS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def version_of(place: Path | str) -> str | None:
    """The version of the schema at *place*; None where there is none yet. Raises: SchemaRefused."""
    return _version_of_file(place) if isinstance(place, Path) else _version_of_server(place)


def _version_of_file(path: Path) -> str | None:
    if not path.exists():
        return None
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        try:
            if connection.execute(_HAS_VERSION).fetchone() is None:
                return None
            row = connection.execute(_VERSION).fetchone()
        except sqlite3.DatabaseError as error:
            raise SchemaRefused(
                f"The database {path} cannot be read: {error}. "
                "See whether its disk has room, some MiB at least, and is sound"
            ) from None
    return str(row[0]) if row else None


def _version_of_server(url: str) -> str | None:
    import psycopg  # noqa: PLC0415  # who has a file need not wait for it

    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            if connection.execute(_HAS_VERSION_IN_POSTGRESQL).fetchone() is None:
                return None
            row = connection.execute(_VERSION).fetchone()
    except psycopg.Error as error:
        raise SchemaRefused(
            f"The database {shown(url)} cannot be read: {str(error).strip()}. "
            "See whether its server runs and lets this user in"
        ) from None
    return str(row[0]) if row else None


def _upgrade(place: Path | str) -> None:
    from alembic import command  # noqa: PLC0415  # see above
    from alembic.config import Config  # noqa: PLC0415  # see above

    config = Config(attributes={"place": place})
    # Alembic reads its options with ConfigParser, to which % means something.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")
