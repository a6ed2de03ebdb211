"""Aliases: names for keys, which can come to mean another key. Each account has its own in each region."""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, update

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.identity.rows import raise_generation
from entrepot.keys import names
from entrepot.keys.faults import (
    AliasExists,
    AliasNameInvalid,
    AliasNotFound,
    AliasPrefixMissing,
    AliasReserved,
    QuotaExceeded,
)
from entrepot.keys.keys import Key
from entrepot.keys.tables import kms_aliases
from entrepot.names import Registry

# Source: KMS developer guide, "Resource quotas": aliases for each key.
MOST = 50

_HERE = (kms_aliases.c.account == bindparam("account"), kms_aliases.c.region == bindparam("region"))
_THIS = (*_HERE, kms_aliases.c.name == bindparam("this"))
_FIND = Statement(select(kms_aliases).where(*_THIS))
_PAGE = Statement(
    select(kms_aliases)
    .where(*_HERE, kms_aliases.c.name > bindparam("after"))
    .order_by(kms_aliases.c.name)
    .limit(bindparam("most"))
)
_OF_KEY = kms_aliases.c.key_id == bindparam("key")
_PAGE_OF_KEY = Statement(
    select(kms_aliases)
    .where(_OF_KEY, kms_aliases.c.name > bindparam("after"))
    .order_by(kms_aliases.c.name)
    .limit(bindparam("most"))
)
_COUNT = Statement(select(func.count()).select_from(kms_aliases).where(_OF_KEY))
_PUT = Statement(
    insert(kms_aliases).values(
        {name: bindparam(f"new_{name}") for name in ("account", "region", "name", "key_id", "created_at", "updated_at")}
    )
)
_MOVE = Statement(update(kms_aliases).where(*_THIS).values(key_id=bindparam("key"), updated_at=bindparam("now")))
_DELETE = Statement(delete(kms_aliases).where(*_THIS))


@dataclass(frozen=True, slots=True)
class Alias:
    """A name, which begins with ``alias/``, and the id of the key that it means. Times in seconds since the epoch."""

    registry: Registry
    name: str
    key_id: str
    created_at: float
    updated_at: float

    @property
    def arn(self) -> str:
        """Its name everywhere."""
        return names.alias_arn(self.registry, self.name)


def create(tx: Transaction, key: Key, name: str) -> None:
    """A new alias of a key. Raises: AliasExists, QuotaExceeded, and what ``check`` raises."""
    check(name)
    put(tx, key, name)


def put(tx: Transaction, key: Key, name: str) -> None:
    """The same, also of a name that is a service's. Raises: AliasExists, QuotaExceeded."""
    if find(tx, key.registry, name) is not None:
        raise AliasExists(arn=names.alias_arn(key.registry, name))
    _check_room(tx, key)
    now = clock.now()
    tx.run(
        _PUT,
        new_account=key.registry.account,
        new_region=key.registry.region,
        new_name=name,
        new_key_id=key.id,
        new_created_at=now,
        new_updated_at=now,
    )
    raise_generation(tx)


def find(tx: Transaction, registry: Registry, name: str) -> Alias | None:
    """The alias of that name; None where there is none."""
    row = tx.one(_FIND, account=registry.account, region=registry.region, this=name)
    return None if row is None else _alias(row)


def get(tx: Transaction, registry: Registry, name: str) -> Alias:
    """The same. Raises: AliasNotFound."""
    alias = find(tx, registry, name)
    if alias is None:
        raise AliasNotFound(arn=names.alias_arn(registry, name))
    return alias


def move(tx: Transaction, alias: Alias, key: Key) -> None:
    """Let an alias mean another key. Raises: QuotaExceeded."""
    if alias.key_id != key.id:
        _check_room(tx, key)
    tx.run(_MOVE, **_params(alias), key=key.id, now=clock.now())
    raise_generation(tx)


def remove(tx: Transaction, alias: Alias) -> None:
    """Delete an alias; its key stays."""
    tx.run(_DELETE, **_params(alias))
    raise_generation(tx)


def page(tx: Transaction, registry: Registry, *, after: str, limit: int) -> list[Alias]:
    """The aliases of an account behind the name *after*, *limit* of them at most."""
    rows = tx.all(_PAGE, account=registry.account, region=registry.region, after=after, most=limit)
    return [_alias(row) for row in rows]


def of_key(tx: Transaction, key_id: str, *, after: str = "", limit: int = MOST) -> list[Alias]:
    """The same of one key."""
    return [_alias(row) for row in tx.all(_PAGE_OF_KEY, key=key_id, after=after, most=limit)]


def check(name: str) -> None:
    """Return if people may have an alias of that name. Raises: AliasPrefixMissing, AliasNameInvalid, AliasReserved."""
    if not name.startswith(names.ALIAS) or name == names.ALIAS:
        raise AliasPrefixMissing
    if ":" in name:
        raise AliasNameInvalid(name=name)
    if name.startswith(names.RESERVED):
        raise AliasReserved


def _check_room(tx: Transaction, key: Key) -> None:
    row = tx.one(_COUNT, key=key.id)
    if row is not None and row[0] >= MOST:
        raise QuotaExceeded(what="aliases of a key", limit=MOST)


def _params(alias: Alias) -> dict[str, str]:
    return {"account": alias.registry.account, "region": alias.registry.region, "this": alias.name}


def _alias(row: Row) -> Alias:
    there = Registry(row["account"], row["region"])
    return Alias(there, row["name"], row["key_id"], row["created_at"], row["updated_at"])
