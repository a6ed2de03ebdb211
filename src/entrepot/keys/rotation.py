"""Rotation: new material for a key, by the clock or on demand. What is sealed with older material still opens."""

from sqlalchemy import bindparam, func, select, update

from entrepot import clock
from entrepot.database import Database, Statement, Transaction
from entrepot.keys import keys, material
from entrepot.keys.faults import RotationsExhausted
from entrepot.keys.keys import DAY, Key
from entrepot.keys.tables import kms_keys, kms_materials
from entrepot.rootkey import RootKey

USUAL_DAYS = 365
# Source: KMS developer guide, "Resource quotas": on-demand rotations of a key.
MOST_ON_DEMAND = 25
_BATCH = 100

_SET = Statement(
    update(kms_keys)
    .where(kms_keys.c.id == bindparam("key"))
    .values(rotation_days=bindparam("days"), rotation_at=bindparam("at"))
)
_DUE = Statement(
    select(kms_keys.c.id)
    .where(kms_keys.c.rotation_at <= bindparam("now"), kms_keys.c.enabled == 1, kms_keys.c.deletion_at.is_(None))
    .limit(_BATCH)
)
_ON_DEMAND = Statement(
    select(func.count())
    .select_from(kms_materials)
    .where(kms_materials.c.key_id == bindparam("key"), kms_materials.c.rotation == "ON_DEMAND")
)


def enable(tx: Transaction, key: Key, *, days: int) -> None:
    """Rotate a key every so many days, the first time in as many."""
    tx.run(_SET, key=key.id, days=days, at=clock.now() + days * DAY)


def disable(tx: Transaction, key: Key) -> None:
    """Rotate a key on demand only."""
    tx.run(_SET, key=key.id, days=None, at=None)


def on_demand(tx: Transaction, key: Key, *, root_key: RootKey) -> None:
    """Rotate a key now; when it is rotated by the clock stays as it is. Raises: RotationsExhausted."""
    row = tx.one(_ON_DEMAND, key=key.id)
    if row is not None and row[0] >= MOST_ON_DEMAND:
        raise RotationsExhausted(arn=key.arn)
    material.add(tx, key.id, root_key, rotation="ON_DEMAND")


def tend(database: Database, root_key: RootKey) -> tuple[int, int]:
    """Rotate keys whose time has come, and destroy those whose time is over; how many of each."""
    counts = []
    for work in (lambda tx: _rotate_due(tx, root_key), keys.remove_deleted):
        counts.append(0)
        while done := database.write(work):
            counts[-1] += done
    return counts[0], counts[1]


def _rotate_due(tx: Transaction, root_key: RootKey) -> int:
    now = clock.now()
    due = tx.all(_DUE, now=now)
    for row in due:
        key = keys.by_id(tx, row["id"])
        material.add(tx, key.id, root_key, rotation="AUTOMATIC")
        tx.run(_SET, key=key.id, days=key.rotation_days, at=now + (key.rotation_days or USUAL_DAYS) * DAY)
    return len(due)
