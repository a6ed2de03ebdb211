"""
When and how often images are pulled. Counted in memory, because a pull must not wait for a write;
written every few seconds and when the process ends.

A process that is killed loses what it has counted since its last flush.
"""

from collections import Counter, deque

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


# A pull appends, which takes no lock; a flush counts. Where the database cannot be written for long, the
# oldest pulls are forgotten first.
_pulls: deque[tuple[int, float]] = deque(maxlen=1_000_000)


def record(manifest_id: int, now: float) -> None:
    """Note one pull at *now*, in seconds since the epoch. Callable from any thread; takes no time."""
    _pulls.append((manifest_id, now))


def flush(database: Database) -> int:
    """
    Write what has been noted; how many images that was about.

    Source: Amazon ECR API reference, ImageDetail, lastRecordedPullTime.
    """
    taken = [_pulls.popleft() for _ in range(len(_pulls))]
    if not taken:
        return 0
    numbers = Counter(manifest_id for manifest_id, _ in taken)
    first = dict(reversed(taken))
    rows = [{"this": this, "number": number, "at": round(first[this], 3)} for this, number in numbers.items()]

    def write(tx: Transaction) -> None:
        tx.many(_ADD, rows)

    try:
        database.write(write)
    except BaseException:
        _pulls.extendleft(reversed(taken))
        raise
    return len(rows)
