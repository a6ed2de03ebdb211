"""
The schema's versions: ``migrations/versions/NNNN_what.py``, each a step, applied in order by Alembic.

A step may say which is the oldest program that can go on with what it leaves: ``OLDEST = "0004"``, a program whose
last step is that one. Where it says nothing, only programs that know the step can. The database remembers it, so that
an older program knows it of steps that it has never heard of (docs/decisions/0017-one-release-side-by-side.md).

The one place that imports Alembic, and only when there is a step to take: it costs a start 0.3 s.
"""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from entrepot.errors import Refused

_MIGRATIONS = Path(__file__).with_name("migrations")
# A table that is not there must not be confused with one that cannot be read.
_HAS_VERSION = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
_HAS_VERSION_IN_POSTGRESQL = "SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL"
_VERSION = "SELECT version_num FROM alembic_version"
# What the version begins with while rows are being moved to a database: nobody else works with it.
MOVING = "moving"
# What PostgreSQL calls a lock that did not come in time, and one that never would have.
_HELD_UP = {"55P03", "40P01"}
_OLDEST = "SELECT value FROM deployment WHERE name = 'oldest-program'"
_UNSAY = "DELETE FROM deployment WHERE name = 'oldest-program' AND (SELECT count(*) FROM deployment) = 1"


class SchemaRefused(Refused):
    """The database is of another version than this program can work with. The text names both."""


class Schema(NamedTuple):
    """What a database says of itself: its last step, and the last step of the *oldest* program that it takes."""

    version: str
    oldest: str

    def takes(self, program: str) -> bool:
        """Whether a program can work with it whose last step is *program*."""
        return self.oldest <= program <= self.version


def migrate(place: Path | str) -> None:
    """
    Bring the database at *place*, a file that need not exist or an address, to this program's schema, or leave it at a
    newer one that takes this program.

    Each step is one transaction: after a crash it is done or it is not. The caller sees to it that
    nobody else is at work on a file; of a PostgreSQL database one process at a time is let in.
    Raises: SchemaRefused, for a database of a newer program, and one that cannot be read.
    """
    schema, versions = _schema(place), _versions()
    if schema is not None:
        _demand_known(place, schema)
    if schema is None or (schema.version in versions and schema.version != versions[-1]):
        _upgrade(place)


def demand_current(place: Path | str) -> None:
    """Return if the database has a schema with which this program works. Raises: SchemaRefused."""
    schema = _schema(place)
    if schema is not None:
        _demand_known(place, schema)
    if schema is None or not schema.takes(newest()):
        version = schema.version if schema else "none"
        raise SchemaRefused(
            f"The database {shown(place)} has schema {version} and this program works with {newest()}: "
            "start the server once with this program, which brings it up to date"
        )


def newest() -> str:
    """The version of the schema that this program works with."""
    return _versions()[-1]


def vacate(place: Path | str) -> None:
    """Take back what a schema without a deployment has said of itself: other rows are to be put there."""
    if isinstance(place, Path):
        with contextlib.closing(sqlite3.connect(place, timeout=30)) as file, file:
            file.execute(_UNSAY)
        return
    import psycopg  # noqa: PLC0415  # who has a file need not wait for it

    with psycopg.connect(place, connect_timeout=5) as server:
        server.execute(_UNSAY)


def unreachable(url: str, error: Exception) -> SchemaRefused:
    """What to say of a server that lets nobody in."""
    return SchemaRefused(
        f"The database {shown(url)} cannot be read: {str(error).strip()}. "
        "See whether its server runs and lets this user in"
    )


def shown(place: Path | str) -> str:
    """A place as it may be shown to people: without user, password and options."""
    if isinstance(place, Path):
        return str(place)
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _demand_known(place: Path | str, schema: Schema) -> None:
    """Raises: SchemaRefused, where rows are being moved there, or only newer programs know the schema."""
    if schema.version.startswith(MOVING):
        raise SchemaRefused(
            f"A registry is being moved to the database {shown(place)}, or restored there: "
            "run entrepot migrate again, to its end, or entrepot restore"
        )
    if schema.version not in _versions() and not schema.takes(newest()):
        raise SchemaRefused(
            f"The database {shown(place)} has schema {schema.version}, and this program knows none after {newest()}: "
            "run the newer program that made it"
        )


def _versions() -> list[str]:
    return sorted(file.name[:4] for file in (_MIGRATIONS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def version_of(place: Path | str) -> str | None:
    """The version of the schema at *place*; None where there is none yet. Raises: SchemaRefused."""
    schema = _schema(place)
    return schema.version if schema else None


def _schema(place: Path | str) -> Schema | None:
    """The schema at *place*; None where there is none yet. Raises: SchemaRefused."""
    return _schema_of_file(place) if isinstance(place, Path) else _schema_of_server(place)


def _schema_of_file(path: Path) -> Schema | None:
    if not path.exists():
        return None
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        try:
            return _told(_HAS_VERSION, lambda query: connection.execute(query).fetchone())
        except sqlite3.DatabaseError as error:
            raise SchemaRefused(
                f"The database {path} cannot be read: {error}. "
                "See whether its disk has room, some MiB at least, and is sound"
            ) from None


def _schema_of_server(url: str) -> Schema | None:
    import psycopg  # noqa: PLC0415  # who has a file need not wait for it

    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return _told(_HAS_VERSION_IN_POSTGRESQL, lambda query: connection.execute(query).fetchone())
    except psycopg.Error as error:
        raise unreachable(url, error) from None


def _told(has_version: str, first: Callable[[str], Any]) -> Schema | None:
    """A schema as the *first* row of each query tells it. Before there was a word for it, none took older programs."""
    version = first(has_version) and first(_VERSION)
    return Schema(version[0], (first(_OLDEST) or version)[0]) if version else None


def _upgrade(place: Path | str) -> None:
    from alembic import command  # noqa: PLC0415  # see above
    from alembic.config import Config  # noqa: PLC0415  # see above
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415  # see above

    config = Config(attributes={"place": place})
    # Alembic reads its options with ConfigParser, to which % means something.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) not in _HELD_UP:
            raise
        raise SchemaRefused(
            f"The database {shown(place)} cannot be brought to this program's schema while somebody reads there for "
            "long (a dump, perhaps): end that, and start again"
        ) from None
