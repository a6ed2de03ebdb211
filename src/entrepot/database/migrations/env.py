"""What Alembic runs to reach the database that ``migrating`` names."""

import sqlite3
from pathlib import Path

import sqlalchemy
from alembic import context
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

place: Path | str = context.config.attributes["place"]

# Whoever changes the schema of a PostgreSQL database holds this: "SCHEMA", as a number.
_SCHEMA = int.from_bytes(b"SCHEMA", "big")


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

    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))


engine = of_file(place) if isinstance(place, Path) else of_server(place)
with engine.connect() as connection:
    if not isinstance(place, Path):
        # It ends with the connection. Who waited for it finds that nothing is left to do.
        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_lock(_SCHEMA)))
        connection.commit()
    context.configure(connection=connection, transactional_ddl=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
