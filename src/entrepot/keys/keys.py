"""Customer keys: made, found, switched on and off, deleted after a time in which that can be called off."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.identity import entity_tags
from entrepot.identity.rows import raise_generation
from entrepot.keys import material, names
from entrepot.keys.faults import (
    AliasNotFound,
    KeyDisabled,
    KeyNotFound,
    KeyNotPendingDeletion,
    KeyPendingDeletion,
    QuotaExceeded,
)
from entrepot.keys.tables import kms_aliases, kms_grants, kms_keys
from entrepot.names import Registry
from entrepot.rootkey import RootKey

# Source: KMS developer guide, "Resource quotas".
MOST = 100_000
DAY = 86_400
_BATCH = 100

_THERE = or_(kms_keys.c.deletion_at.is_(None), kms_keys.c.deletion_at > bindparam("now"))
_FIND = Statement(select(kms_keys).where(kms_keys.c.id == bindparam("key"), _THERE))
_HERE = (kms_keys.c.account == bindparam("account"), kms_keys.c.region == bindparam("region"))
_COUNT = Statement(select(func.count()).select_from(kms_keys).where(*_HERE))
_PAGE = Statement(
    select(kms_keys)
    .where(*_HERE, _THERE, kms_keys.c.id > bindparam("after"))
    .order_by(kms_keys.c.id)
    .limit(bindparam("most"))
)
_PUT = Statement(
    insert(kms_keys).values(
        {
            name: bindparam(name)
            for name in ("id", "account", "region", "description", "enabled", "policy", "created_at")
        }
    )
)
_THIS = kms_keys.c.id == bindparam("key")
_DESCRIBE = Statement(update(kms_keys).where(_THIS).values(description=bindparam("text")))
_SWITCH = Statement(update(kms_keys).where(_THIS).values(enabled=bindparam("state")))
_SCHEDULE = Statement(update(kms_keys).where(_THIS).values(enabled=0, deletion_at=bindparam("at")))
_MANAGED = Statement(
    select(kms_aliases.c.name).where(
        kms_aliases.c.key_id == bindparam("key"),
        func.substr(kms_aliases.c.name, 1, len(names.RESERVED)) == bindparam("prefix"),
    )
)
_GONE = Statement(select(kms_keys.c.id).where(kms_keys.c.deletion_at <= bindparam("now")).limit(_BATCH))
_DELETE = (
    Statement(delete(kms_aliases).where(kms_aliases.c.key_id == bindparam("key"))),
    Statement(delete(kms_grants).where(kms_grants.c.key_id == bindparam("key"))),
    Statement(delete(kms_keys).where(_THIS)),
)


@dataclass(frozen=True, slots=True)
class Key:
    """A customer key. Times are in seconds since the epoch; *policy* is as its row keeps it."""

    id: str
    registry: Registry
    description: str
    enabled: bool
    policy: str
    created_at: float
    deletion_at: float | None
    rotation_days: int | None
    rotation_at: float | None

    @property
    def arn(self) -> str:
        """Its name everywhere."""
        return names.key_arn(self.registry, self.id)

    @property
    def state(self) -> Literal["Enabled", "Disabled", "PendingDeletion"]:
        """Source: KMS developer guide, "Key states of AWS KMS keys"."""
        if self.deletion_at is not None:
            return "PendingDeletion"
        return "Enabled" if self.enabled else "Disabled"


def create(tx: Transaction, registry: Registry, *, description: str, policy: str, root_key: RootKey) -> Key:
    """A new key with its first material. *policy* is as rows keep it. Raises: QuotaExceeded."""
    row = tx.one(_COUNT, account=registry.account, region=registry.region)
    if row is not None and row[0] >= MOST:
        raise QuotaExceeded(what="keys", limit=MOST)
    key_id = clock.new_uuid()
    tx.run(
        _PUT,
        id=key_id,
        account=registry.account,
        region=registry.region,
        description=description,
        enabled=1,
        policy=policy,
        created_at=clock.now(),
    )
    material.add(tx, key_id, root_key)
    raise_generation(tx)
    return by_id(tx, key_id)


def find(tx: Transaction, key_id: str) -> Key | None:
    """The key of that id, wherever it is; None where there is none, or its time is over."""
    row = tx.one(_FIND, key=key_id, now=clock.now())
    return None if row is None else _key(row)


def by_id(tx: Transaction, key_id: str) -> Key:
    """The same, where it is known to be there."""
    key = find(tx, key_id)
    if key is None:
        raise RuntimeError(f"the key {key_id} has gone")
    return key


def get(tx: Transaction, reference: str) -> Key:
    """The key of a reference, as ``names.reference`` gives it. Raises: KeyNotFound, AliasNotFound."""
    arn = names.located(tx.one, reference)
    key = find(tx, arn.rpartition("/")[2])
    if key is not None and key.arn == arn:
        return key
    if names.BEHIND in reference:
        raise AliasNotFound(arn=reference.replace(names.BEHIND, ""))
    raise KeyNotFound(arn=arn)


def usable(key: Key) -> Key:
    """*key* again, known to be enabled. Raises: KeyDisabled, KeyPendingDeletion."""
    lasting(key)
    if not key.enabled:
        raise KeyDisabled(arn=key.arn)
    return key


def lasting(key: Key) -> Key:
    """*key* again, known not to be about to be deleted. Raises: KeyPendingDeletion."""
    if key.deletion_at is not None:
        raise KeyPendingDeletion(arn=key.arn)
    return key


def page(tx: Transaction, registry: Registry, *, after: str, limit: int) -> list[Key]:
    """The keys behind the id *after*, *limit* of them at most."""
    rows = tx.all(_PAGE, account=registry.account, region=registry.region, after=after, now=clock.now(), most=limit)
    return [_key(row) for row in rows]


def is_managed(tx: Transaction, key: Key) -> bool:
    """Whether a service keeps the key for its account: then an alias that is the service's says so."""
    return tx.one(_MANAGED, key=key.id, prefix=names.RESERVED) is not None


def describe(tx: Transaction, key: Key, text: str) -> None:
    """Give a key another description."""
    tx.run(_DESCRIBE, key=key.id, text=text)


def switch(tx: Transaction, key: Key, *, enabled: bool) -> None:
    """Let a key work, or not: from the next request on, on every worker."""
    tx.run(_SWITCH, key=key.id, state=int(enabled))
    raise_generation(tx)


def schedule_deletion(tx: Transaction, key: Key, *, days: int) -> float:
    """End a key now and delete it in so many days; when that will be."""
    at = clock.now() + days * DAY
    tx.run(_SCHEDULE, key=key.id, at=at)
    raise_generation(tx)
    return at


def cancel_deletion(tx: Transaction, key: Key) -> None:
    """Keep a key that was to be deleted; it stays disabled. Raises: KeyNotPendingDeletion."""
    if key.deletion_at is None:
        raise KeyNotPendingDeletion(arn=key.arn)
    tx.run(_SCHEDULE, key=key.id, at=None)


def remove_deleted(tx: Transaction) -> int:
    """Destroy keys whose time is over, with all that hangs on them; how many, a hundred at most."""
    gone = tx.all(_GONE, now=clock.now())
    for row in gone:
        material.remove(tx, row["id"])
        entity_tags.remove_all(tx, row["id"])
        for statement in _DELETE:
            tx.run(statement, key=row["id"])
    if gone:
        raise_generation(tx)
    return len(gone)


def _key(row: Row) -> Key:
    return Key(
        row["id"],
        Registry(row["account"], row["region"]),
        row["description"],
        bool(row["enabled"]),
        row["policy"],
        row["created_at"],
        row["deletion_at"],
        row["rotation_days"],
        row["rotation_at"],
    )
