"""What Alembic runs to reach the database that ``migrating`` names."""

import sqlite3
from pathlib import Path
from typing import Any, cast

import sqlalchemy
from alembic import context
from alembic.runtime.migration import MigrationInfo
from alembic.script import Script
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

place: Path | str = context.config.attributes["place"]

# Whoever changes the schema of a PostgreSQL database holds this: "SCHEMA", as a number.
_SCHEMA = int.from_bytes(b"SCHEMA", "big")
# Older nodes may be at work. Their writers wait until all steps are done: the same lock as ``postgresql.driver.TURN``.
# Readers are not kept waiting behind one that takes long; the start is refused then, and made again.
_TURN = int.from_bytes(b"ENTREPOT", "big")
_PATIENCE = "SET lock_timeout = '10s'"

_REMEMBER = sqlalchemy.text(
    "INSERT INTO deployment (name, value) VALUES ('oldest-program', :oldest) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE excluded.value > deployment.value"
)


def of_file(path: Path) -> Engine:
    """An engine whose transactions are SQLite's own."""
    engine = create_engine(URL.create("sqlite", database=str(path)))

    # Python's driver commits before every CREATE TABLE unless it is told to leave transactions alone.
    @event.listens_for(engine, "connect")
    def leave_transactions_alone(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def of_server(url: str) -> Engine:
    """An engine by psycopg, which is given the address as it is: libpq knows more than SQLAlchemy takes apart."""
    import psycopg  # noqa: PLC0415  # who has a file need not wait for it

    # No pool: the locks end with the connection, also where a step has failed.
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)


def remember(step: MigrationInfo, **_: Any) -> None:
    """Write down, in the transaction of a step, which programs can go on after it."""
    script = step.up_revision
    assert isinstance(script, Script)
    connection.execute(_REMEMBER, {"oldest": getattr(script.module, "OLDEST", script.revision)})


engine = of_file(place) if isinstance(place, Path) else of_server(place)
with engine.connect() as connection:
    if not isinstance(place, Path):
        # It ends with the connection. Who waited for it finds that nothing is left to do.
        for lock in (_SCHEMA, _TURN):
            connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_lock(lock)))
        connection.exec_driver_sql(_PATIENCE)
        connection.commit()
    context.configure(
        connection=connection,
        transactional_ddl=True,
        transaction_per_migration=True,
        on_version_apply=cast(Any, remember),
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
