"""What Alembic runs to reach the database that ``migrating`` names."""

import sqlite3
from pathlib import Path

from alembic import context
from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

path: Path = context.config.attributes["path"]

engine = create_engine(URL.create("sqlite", database=str(path)))


# Python's driver commits before every CREATE TABLE unless it is told to leave transactions alone.
@event.listens_for(engine, "connect")
def leave_transactions_alone(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None


@event.listens_for(engine, "begin")
def begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


with engine.connect() as connection:
    context.configure(connection=connection, transactional_ddl=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
