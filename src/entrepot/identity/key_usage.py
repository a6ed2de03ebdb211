"""
When, where and for what each access key and each role was last used. Noted in memory, because no request
may wait for it; written every few seconds and when the process ends.

A process that is killed loses what it has noted since its last flush.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, or_, select, update

from entrepot.database import Database, Statement, Transaction
from entrepot.identity.tables import access_keys, roles

# The same use of the same key is noted once in so many seconds. Source: ours; AWS says that it may lag by hours.
_WINDOW = 60.0
_MOST_KNOWN = 100_000

_FIND = Statement(select(access_keys).where(access_keys.c.id == bindparam("key")))
_WRITE = Statement(
    update(access_keys)
    .where(
        access_keys.c.id == bindparam("key"),
        or_(access_keys.c.last_used_at.is_(None), access_keys.c.last_used_at < bindparam("at")),
    )
    .values(
        last_used_at=bindparam("at"), last_used_region=bindparam("new_region"), last_used_service=bindparam("service")
    )
)

_WRITE_ROLE = Statement(
    update(roles)
    .where(roles.c.id == bindparam("key"), or_(roles.c.last_used_at.is_(None), roles.c.last_used_at < bindparam("at")))
    .values(last_used_at=bindparam("at"), last_used_region=bindparam("new_region"))
)

_Use = tuple[float, str, str]  # seconds since the epoch, region, service

_noted: dict[str, _Use] = {}
_waiting: dict[str, _Use] = {}


@dataclass(frozen=True, slots=True)
class LastUse:
    """Whose a key is, and when (seconds since the epoch), where and for what it was last used, if ever."""

    account: str
    user_id: str | None  # None: the account's root user
    used_at: float | None
    region: str | None
    service: str | None


def find(tx: Transaction, key_id: str) -> LastUse | None:
    """The last use of a key that has been written; None where there is no such key."""
    row = tx.one(_FIND, key=key_id)
    if row is None:
        return None
    return LastUse(
        row["account"], row["user_id"], row["last_used_at"], row["last_used_region"], row["last_used_service"]
    )


def note_use(key_id: str, region: str, *, service: str, at: float) -> None:
    """
    Note that a key, or a session of the role of that id, has just signed a request, *at* seconds since the epoch.

    Takes no time; of any thread.
    """
    last = _noted.get(key_id)
    if last is not None and at - last[0] < _WINDOW and last[1] == region and last[2] == service:
        return
    if len(_noted) >= _MOST_KNOWN:
        _noted.clear()
    _noted[key_id] = _waiting[key_id] = (at, region, service)


def flush(database: Database) -> int:
    """Write what has been noted; how many keys and roles that was about."""
    taken = {}
    while _waiting:
        key_id, use = _waiting.popitem()
        taken[key_id] = use
    if not taken:
        return 0
    rows = [
        {"key": key_id, "at": round(at, 3), "new_region": region, "service": service}
        for key_id, (at, region, service) in taken.items()
        if not key_id.startswith("AROA")
    ]
    used = [
        {"key": role_id, "at": round(at, 3), "new_region": region}
        for role_id, (at, region, _) in taken.items()
        if role_id.startswith("AROA")
    ]

    def write(tx: Transaction) -> None:
        tx.many(_WRITE, rows)
        tx.many(_WRITE_ROLE, used)

    try:
        database.write(write)
    except BaseException:
        for key_id, use in taken.items():
            _waiting.setdefault(key_id, use)
        raise
    return len(taken)
