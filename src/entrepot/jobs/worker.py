"""
The process that does jobs, by DBOS: its schedules, its record of what was begun, its recovery.

What it has to remember lies in ``jobs.sqlite`` beside the registry's own database, or in the schema ``dbos`` of
a PostgreSQL database; why not in SQLite's one file, says
docs/decisions/0003-jobs-in-their-own-file.md. It talks to nobody: no port, no telemetry, no pickles.

Over PostgreSQL there may be many of these processes, on as many machines. A time of a schedule is one row for all
of them, which one takes; what a dead one had begun is taken up by another, who sees that it is dead
(docs/decisions/0018-a-lock-says-who-lives.md).
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from sqlalchemy import create_engine

from entrepot import clock
from entrepot.jobs.job import Asked, Every, cron_of, period_of
from entrepot.runtime import Runtime
from entrepot.settings import Settings

if TYPE_CHECKING:
    from entrepot.postgresql.locks import Presence

_log = logging.getLogger("entrepot.jobs")

# How long the record of a job that has ended is kept, and how many are forgotten at a time.
_KEPT = timedelta(days=7)
_FORGOTTEN_AT_ONCE = 500
_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_HOUR = 3600.0  # seconds
# How often others are looked after.
_LOOK_AROUND = 10.0
# How often is looked whether somebody asks for something.
_ATTEND = 5.0
# Who does jobs on a folder, where there is one process of jobs at a time.
_ALONE = "jobs"


def run(runtime: Runtime, periodic: Sequence[Every], asked: Sequence[Asked] = ()) -> NoReturn:
    """
    Do the jobs of one deployment until SIGTERM or SIGINT, then end the process.

    Call it in the main thread of a process of its own, one for a data folder: after a crash the next one, or another
    node, takes up what this one had begun. What runs at the end is left where it is, as a crash would leave it.
    """
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    presence = _presence(runtime.settings)
    workflows = {every.name: _workflow(every, runtime) for every in periodic}
    # Those who start at a time would make the same tables and schedules.
    with presence.starting() if presence else nullcontext():
        _launch(_memory(runtime.settings), workflows, periodic, name=presence.name if presence else _ALONE)
    for each in asked:
        threading.Thread(target=_attend, args=(each, runtime, ending), name=each.name, daemon=True).start()
    while not ending.is_set():
        _forget_old()
        until = clock.ticks() + _HOUR
        while clock.ticks() < until and not ending.is_set():
            if presence is not None:
                _look_around(presence)
            ending.wait(_LOOK_AROUND)
    DBOS.destroy()
    logging.shutdown()
    os._exit(0)  # without waiting for the thread of a collection that may take minutes


def _presence(settings: Settings) -> "Presence | None":
    """By which others see that this process lives; None where there are no others."""
    if isinstance(settings.database_place, Path):
        return None
    from entrepot.postgresql.locks import Presence  # noqa: PLC0415  # who has a file need not wait for it

    presence = Presence(settings.database_place)
    presence.hold()
    return presence


def _look_around(presence: "Presence") -> None:
    """Take up what the dead had begun."""
    try:
        presence.hold()
        begun = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        for name in {workflow.executor_id for workflow in begun if workflow.executor_id} - {presence.name}:
            with presence.outliving(name) as is_dead:
                if is_dead:
                    # Asked again: who had its lock before us may have done so already.
                    left = DBOS.list_workflows(status="PENDING", executor_id=name, load_input=False, load_output=False)
                    DBOS.resume_workflows([workflow.workflow_id for workflow in left])
    except Exception:  # noqa: BLE001  # whatever it is, the next look tries again
        _log.exception("whether other processes of jobs live cannot be seen")


def _memory(settings: Settings) -> DBOSConfig:
    """Where it remembers: a file of its own, or a schema of its own in PostgreSQL."""
    if isinstance(settings.database_place, str):
        import psycopg  # noqa: PLC0415  # who has a file need not wait for it

        # The address is libpq's to read: SQLAlchemy would take it apart, and does not know all of it.
        connect = partial(psycopg.connect, settings.database_place, application_name="entrepot")
        return {"system_database_engine": create_engine("postgresql+psycopg://", creator=connect, pool_pre_ping=True)}
    path = settings.data / "jobs.sqlite"
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    return {"system_database_url": f"sqlite:///{path}"}


def _launch(
    memory: DBOSConfig, workflows: dict[str, Callable[..., None]], periodic: Sequence[Every], *, name: str
) -> None:
    # With a handler of its own it would write to standard error in its own form.
    logging.getLogger("dbos").addHandler(logging.NullHandler())
    DBOS(
        config={
            **memory,
            "name": "entrepot",
            "executor_id": name,
            # Work is taken up again in the version that has begun it: it never changes.
            "application_version": "1",
            # The default is pickle: whoever could write to the file could run code.
            "serializer": DBOSPortableJSONSerializer(),
            # We wait for nothing that it would tell; and a transaction that notifies takes a lock of the whole server.
            "use_listen_notify": False,
            "enable_otlp": False,
            "log_level": "WARNING",
            "max_executor_threads": 4,
        }
    )
    for each, workflow in workflows.items():
        DBOS.workflow(name=each)(workflow)
    DBOS.launch()
    _schedule(workflows, periodic)


def _schedule(workflows: dict[str, Callable[..., None]], periodic: Sequence[Every]) -> None:
    """Make DBOS's schedules those of *periodic*, and make up for one time that passed while nobody was here."""
    known = {schedule["schedule_name"] for schedule in DBOS.list_schedules()}
    for name in known - workflows.keys():
        DBOS.delete_schedule(name)
    DBOS.apply_schedules(
        [
            {
                "schedule_name": every.name,
                "workflow_fn": workflows[every.name],
                "schedule": cron_of(every.interval),
                "context": None,
            }
            for every in periodic
        ]
    )
    now = datetime.fromtimestamp(clock.now(), UTC)
    for every in periodic:
        if every.name in known:  # its last time has the same name for all who start now, and is done once
            DBOS.backfill_schedule(every.name, now - timedelta(seconds=period_of(every.interval)), now)


def _workflow(every: Every, runtime: Runtime) -> Callable[..., None]:
    busy = threading.Lock()

    def attempt(scheduled_at: object, context: object) -> None:
        if not busy.acquire(blocking=False):
            return  # the last one takes longer than the interval, or one that a crash cut short is being made up for
        try:
            _log.info("%s: %s", every.name, every.work(runtime))
        except Exception:
            _log.exception("%s has failed, and is tried again when it is next due", every.name)
            raise
        finally:
            busy.release()

    return attempt


def _attend(asked: Asked, runtime: Runtime, ending: threading.Event) -> None:
    """Do what is asked for, whenever it is."""
    while not ending.is_set():
        try:
            done = asked.work(runtime)
            if done is not None:
                _log.info("%s: %s", asked.name, done)
        except Exception:  # noqa: BLE001  # whatever it is, the next look finds it again
            _log.exception("%s has failed, and is tried again", asked.name)
        ending.wait(_ATTEND)


def _forget_old() -> None:
    """Keep the record from growing for ever."""
    until = datetime.fromtimestamp(clock.now() - _KEPT.total_seconds(), UTC).isoformat()
    while old := DBOS.list_workflows(
        status=_ENDED, end_time=until, limit=_FORGOTTEN_AT_ONCE, load_input=False, load_output=False
    ):
        DBOS.delete_workflows([workflow.workflow_id for workflow in old])
