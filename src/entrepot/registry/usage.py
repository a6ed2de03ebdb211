"""
When and how often images are pulled. Counted in memory, because a pull must not wait for a write;
written every few seconds and when the process ends.

A process that is killed loses what it has counted since its last flush.
"""

import threading
from typing import NamedTuple

from sqlalchemy import bindparam, case, or_, update

from entrepot.database import Database, Statement, Transaction
from entrepot.registry.tables import manifests

# ECR refreshes the time at least once in 24 hours, by the first pull of that window.
_WINDOW = 86400

_STALE = or_(manifests.c.pulled_at.is_(None), manifests.c.pulled_at <= bindparam("at") - _WINDOW)
_ADD = Statement(
    update(manifests)
    .where(manifests.c.id == bindparam("this"))
    .values(
        pulls=manifests.c.pulls + bindparam("number"),
        pulled_at=case((_STALE, bindparam("at")), else_=manifests.c.pulled_at),
    )
)


class _Pulls(NamedTuple):
    number: int
    first: float


_lock = threading.Lock()
_pulls: dict[int, _Pulls] = {}


def record(manifest_id: int, now: float) -> None:
    """Count one pull at *now*, in seconds since the epoch. Callable from any thread; takes no time."""
    _add(manifest_id, _Pulls(1, now))


def flush(database: Database) -> int:
    """
    Write what has been counted; how many images that was about.

    Source: Amazon ECR API reference, ImageDetail, lastRecordedPullTime.
    """
    global _pulls
    with _lock:
        taken, _pulls = _pulls, {}
    if not taken:
        return 0
    rows = [{"this": this, "number": pulls.number, "at": round(pulls.first, 3)} for this, pulls in taken.items()]

    def write(tx: Transaction) -> None:
        tx.many(_ADD, rows)

    try:
        database.write(write)
    except BaseException:
        for manifest_id, pulls in taken.items():
            _add(manifest_id, pulls)
        raise
    return len(taken)


def _add(manifest_id: int, pulls: _Pulls) -> None:
    with _lock:
        before = _pulls.get(manifest_id)
        if before is None:
            _pulls[manifest_id] = pulls
        else:
            _pulls[manifest_id] = _Pulls(before.number + pulls.number, min(before.first, pulls.first))
