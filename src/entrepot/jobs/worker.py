"""
The process that does jobs, by DBOS: its schedules, its record of what was begun, its recovery.

What it has to remember lies in ``jobs.sqlite`` beside the registry's own database, or in the schema ``dbos`` of
a PostgreSQL database; why not in SQLite's one file, says
docs/decisions/0003-jobs-in-their-own-file.md. It talks to nobody: no port, no telemetry, no pickles.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NoReturn

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from sqlalchemy import create_engine

from entrepot import clock
from entrepot.jobs.job import Every, cron_of
from entrepot.runtime import Runtime
from entrepot.settings import Settings

_log = logging.getLogger("entrepot.jobs")

# How long the record of a job that has ended is kept, and how many are forgotten at a time.
_KEPT = timedelta(days=7)
_FORGOTTEN_AT_ONCE = 500
_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_HOUR = 3600.0  # seconds


def run(runtime: Runtime, periodic: Sequence[Every]) -> NoReturn:
    """
    Do the jobs of one deployment until SIGTERM or SIGINT, then end the process.

    Call it in the main thread of a process of its own, one for a data folder: after a crash the next one
    takes up what this one had begun. What runs at the end is left where it is, as a crash would leave it.
    """
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    _launch(_memory(runtime.settings), {every.name: _workflow(every, runtime) for every in periodic}, periodic)
    while not ending.is_set():
        _forget_old()
        ending.wait(_HOUR)
    DBOS.destroy()
    logging.shutdown()
    os._exit(0)  # without waiting for the thread of a collection that may take minutes


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


def _launch(memory: DBOSConfig, workflows: dict[str, Callable[..., None]], periodic: Sequence[Every]) -> None:
    # With a handler of its own it would write to standard error in its own form.
    logging.getLogger("dbos").addHandler(logging.NullHandler())
    DBOS(
        config={
            **memory,
            "name": "entrepot",
            # Work is taken up again by the executor of that name, and in that version: both never change.
            "executor_id": "jobs",
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
    for name, workflow in workflows.items():
        DBOS.workflow(name=name)(workflow)
    DBOS.launch()
    _schedule(workflows, periodic)


def _schedule(workflows: dict[str, Callable[..., None]], periodic: Sequence[Every]) -> None:
    """Make DBOS's schedules those of *periodic*, and make up for one time that passed while nobody was here."""
    known = {schedule["schedule_name"]: schedule["last_fired_at"] for schedule in DBOS.list_schedules()}
    for name in known.keys() - workflows.keys():
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
    for every in periodic:
        if every.name in known and _is_overdue(known[every.name], every.interval):
            DBOS.trigger_schedule(every.name)


def _is_overdue(last: str | None, interval: timedelta) -> bool:
    return last is None or datetime.fromisoformat(last).timestamp() + interval.total_seconds() < clock.now()


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


def _forget_old() -> None:
    """Keep the record from growing for ever."""
    until = datetime.fromtimestamp(clock.now() - _KEPT.total_seconds(), UTC).isoformat()
    while old := DBOS.list_workflows(
        status=_ENDED, end_time=until, limit=_FORGOTTEN_AT_ONCE, load_input=False, load_output=False
    ):
        DBOS.delete_workflows([workflow.workflow_id for workflow in old])
