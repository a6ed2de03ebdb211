"""What the process of jobs does: by the clock garbage, rotation and deletion; re-encryption, when it is asked for."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from entrepot.identity import deployment
from entrepot.identity.new_keys import NewKey
from entrepot.jobs.job import Asked, Every
from entrepot.jobs.worker import run
from entrepot.keys import rotation
from entrepot.registry import garbage
from entrepot.runtime import Runtime
from entrepot.secrets import secrets
from entrepot.serving import reencrypting
from entrepot.serving.folder import FolderRefused, held
from entrepot.serving.preparing import open_runtime, prepare
from entrepot.serving.processes import confine, die_with
from entrepot.settings import Settings
from entrepot.telemetry.logs import set_up

# Keys are rotated, and keys and secrets deleted, by the day.
_TENDING = timedelta(hours=1)


def work(settings: Settings, parent: int) -> NoReturn:
    """Do the jobs of the deployment until SIGTERM, in a child of *parent*."""
    confine()
    die_with(parent)
    set_up()
    run(open_runtime(settings), _periodic(settings), _asked(settings))


def work_alone(settings: Settings, announce: Callable[[Settings, NewKey | None], None]) -> NoReturn:
    """
    Do jobs and nothing else until SIGTERM. *announce* is called once, before the first.

    Raises: FolderRefused, RootKeyRefused, SchemaRefused.
    """
    confine()
    set_up()
    if isinstance(settings.database_place, Path):
        raise FolderRefused(
            "worker: it does jobs beside servers of one PostgreSQL database; over a file, serve does them"
        )
    with held(settings):
        announce(settings, prepare(settings))
        run(open_runtime(settings), _periodic(settings), _asked(settings))


def _periodic(settings: Settings) -> list[Every]:
    collecting = Every(timedelta(seconds=settings.gc_interval), "collect-garbage", _collect)
    return [
        *([collecting] if settings.gc_interval else []),
        Every(_TENDING, "tend-keys", _tend),
        Every(_TENDING, "delete-secrets", _delete_secrets),
    ]


def _asked(settings: Settings) -> list[Asked]:
    # Over a file there is one process of jobs at a time, and what its forerunner was at is its own at once.
    me = "jobs" if isinstance(settings.database_place, Path) else reencrypting.new_worker()
    return [Asked("reencrypt", lambda runtime: reencrypting.take_up(runtime, me, in_a_hurry=False))]


def _collect(runtime: Runtime) -> object:
    """Doing it twice, or stopping anywhere, does no harm: see ``registry.garbage``."""
    return garbage.collect(runtime, grace=runtime.settings.gc_grace)


def _tend(runtime: Runtime) -> object:
    """Each step is one transaction, and leaves nothing of it to do. Raises: RootKeyRefused."""
    with runtime.database.reading() as tx:
        deployment.follow(tx, runtime.root_key)
    return rotation.tend(runtime.database, runtime.root_key)


def _delete_secrets(runtime: Runtime) -> object:
    """In transactions of a hundred at most."""
    count = 0
    while done := runtime.database.write(secrets.remove_deleted):
        count += done
    return count
