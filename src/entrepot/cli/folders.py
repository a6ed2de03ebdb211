"""What commands do with a data folder: open it, list what is in it, show a key."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import click

from entrepot.database import Database, Transaction
from entrepot.runtime import Runtime
from entrepot.serving.preparing import open_rows, open_runtime
from entrepot.settings import Settings

T = TypeVar("T")


@contextmanager
def opened(settings: Settings) -> Iterator[Runtime]:
    """What is there, until the command is done. Raises: FolderRefused, SchemaRefused, RootKeyRefused."""
    runtime = open_runtime(settings)
    try:
        yield runtime
    finally:
        runtime.database.close()


@contextmanager
def opened_rows(settings: Settings) -> Iterator[Database]:
    """The rows of what is there; no root key is needed. Raises: FolderRefused, SchemaRefused."""
    database = open_rows(settings)
    try:
        yield database
    finally:
        database.close()


def pages(database: Database, page: Callable[[Transaction, T | None], list[T]]) -> Iterator[T]:
    """Everything, a page to a transaction."""
    last: T | None = None
    while True:
        with database.reading() as tx:
            found = page(tx, last)
        if not found:
            return
        yield from found
        last = found[-1]


def show(made: Mapping[str, str]) -> None:
    """Print an access key of an answer, this once."""
    click.echo(f"access key id      {made['AccessKeyId']}\nsecret access key  {made['SecretAccessKey']}")
