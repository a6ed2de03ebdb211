"""
What somebody asked to be re-encrypted: a row that has what is wanted, how far it came, and who is at it.

    ask ─► take ─► keep, keep, keep ─► end
             ▲        └─► fail, or death ─┐
             └────────────────────────────┘  by whoever looks next, where the last one came to

Who takes it has to say again and again that it lives, with how far it came; who is silent for ``_SILENCE`` is taken
for dead, and another goes on. Whoever is at it finds out before it says the next word that it is not wanted any more:
because it was taken for dead, because something else was asked for, because it was stopped.
"""

from dataclasses import asdict, dataclass, fields

import orjson
from sqlalchemy import bindparam, delete, insert, or_, select, update

from entrepot import clock
from entrepot.database import Database, Row, Statement, Transaction
from entrepot.registry.reencryption import Course
from entrepot.registry.tables import reencryption

_SILENCE = 40.0  # seconds; clocks of nodes may differ by some of them
_AGAIN = 60.0  # seconds after a failure
_STOPPED = "it was stopped"

_COURSE = [field.name for field in fields(Course)]
_LAST = Statement(select(reencryption))
_FORGET = Statement(delete(reencryption))
_ASK = Statement(insert(reencryption))
_HURRY = Statement(update(reencryption).where(reencryption.c.worker.is_(None)).values(worker_until=0.0, failure=None))
_STOP = Statement(
    update(reencryption).where(reencryption.c.ended_at.is_(None)).values(ended_at=bindparam("now"), failure=_STOPPED)
)
_TAKE = Statement(
    update(reencryption)
    .where(
        reencryption.c.number == bindparam("request"),
        reencryption.c.ended_at.is_(None),
        or_(reencryption.c.worker_until < bindparam("now"), reencryption.c.worker == bindparam("me")),
    )
    .values(worker=bindparam("me"), worker_until=bindparam("until"), failure=None)
)
_MINE = update(reencryption).where(
    reencryption.c.number == bindparam("request"),
    reencryption.c.worker == bindparam("me"),
    reencryption.c.ended_at.is_(None),
)
_TOLD = _MINE.values({name: bindparam(f"new_{name}") for name in _COURSE})
_KEEP = Statement(_TOLD.values(worker_until=bindparam("until")))
_END = Statement(_TOLD.values(ended_at=bindparam("until"), worker=None))
_FAIL = Statement(_MINE.values(worker=None, worker_until=bindparam("until"), failure=bindparam("why")))
_LEAVE = Statement(
    update(reencryption).where(reencryption.c.worker == bindparam("me")).values(worker=None, worker_until=0.0)
)


class Superseded(Exception):
    """Who is at it is to leave it: another is, or something else is wanted, or nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """
    A re-encryption that was asked for, as it is now; times are seconds since the epoch.

    *seal* is as ``reencryption.reencrypt`` takes it, *version* that of the root key which is to seal. *failure* with
    *ended_at*: it was stopped; without, it was cut short, and is tried again.
    """

    number: int
    asked_at: float
    seal: bool | None
    version: int
    course: Course
    worker: str | None
    worker_until: float
    failure: str | None
    ended_at: float | None

    @property
    def goes_on(self) -> bool:
        """Whether it has neither ended nor failed."""
        return self.ended_at is None and self.failure is None

    def is_free_for(self, me: str) -> bool:
        """Whether it waits for somebody, and *me* may take it."""
        return self.ended_at is None and (self.worker_until < clock.now() or self.worker == me)


def last(database: Database) -> Request | None:
    """What was asked for last; None where nothing ever was."""
    row = database.look(_LAST)
    return None if row is None else _request(row)


def ask(tx: Transaction, *, seal: bool | None, version: int) -> None:
    """
    Have everything brought to *seal* and *version*; if that is being done already, it goes on.

    Else it begins anew. What was wanted of blobs and is not done yet remains wanted, where *seal* says nothing.
    """
    row = tx.one(_LAST)
    old = None if row is None else _request(row)
    if old is not None and old.ended_at is None:
        seal = old.seal if seal is None else seal
        if (old.seal, old.version) == (seal, version):
            tx.run(_HURRY)
            return
    tx.run(_FORGET)
    tx.run(
        _ASK,
        number=old.number + 1 if old else 1,
        asked_at=clock.now(),
        seal=seal,
        version=version,
        # Who is at what was wanted before hears of it soon; until then nobody else begins.
        worker=old.worker if old else None,
        worker_until=old.worker_until if old and old.worker else 0.0,
        failure=None,
        ended_at=None,
        **_told(Course()),
    )


def stop(tx: Transaction) -> bool:
    """Want it no longer. False, where nothing was going on."""
    return tx.run(_STOP, now=clock.now()) > 0


def take(database: Database, request: Request, me: str) -> bool:
    """Whether *me* is at it now, and nobody else."""
    return database.write(
        lambda tx: tx.run(_TAKE, request=request.number, me=me, now=clock.now(), until=clock.now() + _SILENCE) > 0
    )


def keep(database: Database, request: Request, me: str) -> None:
    """Say that *me* lives, and how far the course of *request* came. Raises: Superseded."""
    _tell(database, _KEEP, request, me, until=clock.now() + _SILENCE)


def end(database: Database, request: Request, me: str) -> None:
    """Say that it is done. Raises: Superseded."""
    _tell(database, _END, request, me, until=clock.now())


def fail(database: Database, request: Request, me: str, why: str) -> None:
    """Have it tried again in a while."""
    number, until = request.number, clock.now() + _AGAIN
    database.write(lambda tx: tx.run(_FAIL, request=number, me=me, until=until, why=why))


def leave(database: Database, me: str) -> None:
    """Let others go on at once with what *me* may be at."""
    database.write(lambda tx: tx.run(_LEAVE, me=me))


def _tell(database: Database, statement: Statement, request: Request, me: str, *, until: float) -> None:
    course = {f"new_{name}": value for name, value in _told(request.course).items()}
    if not database.write(lambda tx: tx.run(statement, request=request.number, me=me, until=until, **course)):
        raise Superseded


def _request(row: Row) -> Request:
    values = {**row}
    told = {name: values.pop(name) for name in _COURSE}
    seal = values.pop("seal")
    return Request(
        course=Course(**told | {"damage": tuple(orjson.loads(told["damage"]))}),
        seal=None if seal is None else bool(seal),
        **values,
    )


def _told(course: Course) -> dict[str, object]:
    return asdict(course) | {"damage": orjson.dumps(course.damage).decode()}
