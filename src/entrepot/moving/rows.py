"""
All rows of a registry, from one database to another.

    target without rows ──► "moving" ──► tables, each in the order of its key ──► both are read and compared ──► current

While the target's schema has the version ``moving …``, no server starts on it. Rows go in batches, each a transaction;
whoever comes after a crash goes on behind the last key that is there, so nothing is copied twice. The source is only
read. What is compared in the end is every value of every row, and what number each table would give its next one:
those of repositories are never used twice, however many of the last ones have been deleted.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Table

from entrepot.database import metadata
from entrepot.moving.ends import AlreadyMoved, End, MoveRefused, Values, count, last_key, numbers_itself
from entrepot.moving.sqlite import SqliteEnd
from entrepot.schema.migrating import MOVING, SchemaRefused, demand_current, migrate, newest, shown, vacate, version_of

# A batch: so many rows, or as many as reach so many bytes of text and contents.
_ROWS, _BYTES = 2000, 4 << 20
# Whose rows say which registry it is.
_DEPLOYMENT = "deployment"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Moved:
    """How many rows each table has, and the SHA-256 of all, which is the same on both sides."""

    rows: dict[str, int]
    digest: str


def move(source: Path | str, target: Path | str, progress: Progress) -> Moved:
    """
    Copy every row of *source* to *target*, or go on with that, and compare them.

    *progress* is told how much of how much is done. Nobody else may be at work on either.
    Raises: SchemaRefused; AlreadyMoved; MoveRefused, with nothing changed but in the target.
    """
    demand_current(source)
    version = version_of(source)
    if version != newest():  # one that takes older programs has tables and columns that those know nothing of
        raise SchemaRefused(f"{shown(source)} has schema {version}: move it by the newer program that made it")
    with _opened(source, writes=False) as old:
        _begin(old, target)
        with _opened(target, writes=True) as new:
            tables = _tables(old)
            total = 2 * sum(count(old, table) for table in tables)
            done = sum(count(new, table) for table in tables)
            for table in tables:
                for number in _put_rest(old, new, table):
                    done += number
                    progress(done, total)
    moved = _compared(source, target, lambda seen: progress(total // 2 + seen, total))
    with _opened(target, writes=True) as new:
        new.say_version(newest())
    return moved


def begin(source: Path | str, target: Path | str) -> None:
    """
    Take *target* for the rows of *source*, or see that they may go on coming: nobody else works with it from now on.

    Raises: SchemaRefused; AlreadyMoved; MoveRefused, where it has other rows.
    """
    with _opened(source, writes=False) as old:
        _begin(old, target)


def copy(source: Path | str, target: Path | str) -> None:
    """Put all rows of *source*, as of one instant, into *target*, which has tables and no rows. Raises: MoveRefused."""
    with _opened(source, writes=False) as old, _opened(target, writes=True) as new:
        for table in _tables(new):
            for _ in _put_rest(old, new, table):
                pass


def _put_rest(old: End, new: End, table: Table) -> Iterator[int]:
    """Put the rows behind the last that is there; how many, each time that some have come."""
    for batch in _batches(old.rows(table, last_key(new, table))):
        new.put(table, batch)
        yield len(batch)
    if numbers_itself(table):
        new.number_from(table, old.last_number(table))


def _begin(old: End, target: Path | str) -> None:
    """See to it that *target* is empty, or what a move of the same registry has begun. Raises: MoveRefused."""
    if isinstance(target, Path) and not target.parent.is_dir():
        raise MoveRefused(f"There is no folder {target.parent}")
    moving = f"{MOVING} {newest()}"
    version = version_of(target)
    if version is None:
        migrate(target)
    elif version not in (moving, newest()):
        raise MoveRefused(f"{shown(target)} is not empty: it has schema {version}. Name an empty one")
    if version != moving:
        vacate(target)
    with _opened(target, writes=True) as new:
        ours, theirs = _identity(old), _identity(new)
        if version == moving and theirs in ([], ours):
            return
        if theirs == ours:
            raise AlreadyMoved(f"This registry has been moved to {shown(target)} already")
        if any(last_key(new, table) for table in metadata.tables.values()):
            raise MoveRefused(f"{shown(target)} is not empty: another registry has its rows there. Name an empty one")
        new.say_version(moving)


def _identity(end: End) -> list[Values]:
    return list(end.rows(metadata.tables[_DEPLOYMENT], None))


def _tables(old: End) -> list[Table]:
    """All tables, that of the deployment first. Raises: MoveRefused, where the source has one that nobody knows."""
    if unknown := old.tables() - set(metadata.tables):
        raise MoveRefused(f"Whose is the table {min(unknown)}? Only a database that has nothing else can be moved")
    return sorted(metadata.tables.values(), key=lambda table: (table.name != _DEPLOYMENT, table.name))


def _batches(rows: Iterable[Values]) -> Iterator[list[Values]]:
    batch: list[Values] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(batch) == _ROWS or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _compared(source: Path | str, target: Path | str, progress: Callable[[int], None]) -> Moved:
    """Raises: MoveRefused, where the two differ."""
    seen, rows, everything = 0, {}, hashlib.sha256()
    with _opened(source, writes=False) as old, _opened(target, writes=False) as new:
        for table in _tables(old):
            number, digest = _digest_of(old, table)
            if (number, digest) != _digest_of(new, table):
                raise MoveRefused(
                    f"The rows of {table.name} are not the same in {shown(source)} and {shown(target)}: has somebody "
                    "changed either since the move began? Nothing is lost. Begin again with an empty target"
                )
            seen += number
            rows[table.name] = number
            everything.update(f"{table.name} {number} {digest}\n".encode())
            progress(seen)
    return Moved(rows, everything.hexdigest())


def _digest_of(end: End, table: Table) -> tuple[int, str]:
    """How many rows there are, and a digest of all their values and of the number that was given last."""
    hasher, number = hashlib.sha256(), 0
    for row in end.rows(table, None):
        # Of None, int, float, str and bytes it is unambiguous, and says floats to their last bit.
        hasher.update(repr(tuple(row)).encode())
        number += 1
    if numbers_itself(table):
        hasher.update(str(end.last_number(table)).encode())
    return number, hasher.hexdigest()


@contextmanager
def _opened(place: Path | str, *, writes: bool) -> Iterator[End]:
    end = _end(place, writes=writes)
    try:
        yield end
    finally:
        end.close()


def _end(place: Path | str, *, writes: bool) -> End:
    if isinstance(place, Path):
        return SqliteEnd(place, writes=writes)
    from entrepot.moving.postgresql import PostgresqlEnd  # noqa: PLC0415  # who has a file need not wait for it

    return PostgresqlEnd(place, writes=writes)
