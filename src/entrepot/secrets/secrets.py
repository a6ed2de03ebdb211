"""Secrets: made, found, changed, deleted at once or after a time in which that can be called off."""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, update

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.identity import entity_tags
from entrepot.identity.rows import raise_generation
from entrepot.names import Registry
from entrepot.secrets import names, versions
from entrepot.secrets.faults import QuotaExceeded, SecretIsBeingDeleted, SecretNotFound
from entrepot.secrets.tables import secrets

# Source: Secrets Manager user guide, "AWS Secrets Manager quotas".
MOST = 500_000
DAY = 86_400
_BATCH = 100

_HERE = (secrets.c.account == bindparam("account"), secrets.c.region == bindparam("region"))
_COUNT = Statement(select(func.count()).select_from(secrets).where(*_HERE))
_THIS = secrets.c.arn == bindparam("this")
_FIND = Statement(select(secrets).where(_THIS))
_PUT = Statement(
    insert(secrets).values(
        {
            name: bindparam(name)
            for name in ("arn", "account", "region", "name", "description", "kms_key", "created_at", "changed_at")
        }
    )
)
_CHANGE = Statement(
    update(secrets)
    .where(_THIS)
    .values(description=bindparam("text"), kms_key=bindparam("key"), changed_at=bindparam("now"))
)
_TOUCH = Statement(update(secrets).where(_THIS).values(changed_at=bindparam("now")))
_SCHEDULE = Statement(update(secrets).where(_THIS).values(deletion_at=bindparam("at"), changed_at=bindparam("now")))
_GONE = Statement(select(secrets.c.arn).where(secrets.c.deletion_at <= bindparam("now")).limit(_BATCH))
_DELETE = Statement(delete(secrets).where(_THIS))


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret without its values. *kms_key* is as it was named, None: that of the service. Times since the epoch."""

    arn: str
    registry: Registry
    name: str
    description: str
    kms_key: str | None
    created_at: float
    changed_at: float
    deletion_at: float | None


def create(tx: Transaction, registry: Registry, name: str, *, description: str, kms_key: str | None) -> Secret:
    """A new secret without a value; its name is free. Raises: NameInvalid, QuotaExceeded."""
    names.check(name)
    row = tx.one(_COUNT, account=registry.account, region=registry.region)
    if row is not None and row[0] >= MOST:
        raise QuotaExceeded(what="secrets", limit=MOST)
    arn, now = names.new_arn(registry, name), clock.now()
    tx.run(
        _PUT,
        arn=arn,
        account=registry.account,
        region=registry.region,
        name=name,
        description=description,
        kms_key=kms_key,
        created_at=now,
        changed_at=now,
    )
    return Secret(arn, registry, name, description, kms_key, now, now, None)


def find(tx: Transaction, reference: str, registry: Registry) -> Secret | None:
    """The secret of a reference, as ``names.reference`` gives it, in *registry*; None where there is none there."""
    row = tx.one(_FIND, this=names.located(tx.one, reference))
    secret = None if row is None else _secret(row)
    if secret is None or secret.registry != registry:
        return None
    return None if secret.deletion_at is not None and secret.deletion_at <= clock.now() else secret


def get(tx: Transaction, reference: str, registry: Registry) -> Secret:
    """The same. Raises: SecretNotFound."""
    secret = find(tx, reference, registry)
    if secret is None:
        raise SecretNotFound
    return secret


def lasting(secret: Secret) -> Secret:
    """*secret* again, known not to be about to be deleted. Raises: SecretIsBeingDeleted."""
    if secret.deletion_at is not None:
        raise SecretIsBeingDeleted
    return secret


def change(tx: Transaction, secret: Secret, *, description: str, kms_key: str | None) -> None:
    """Give a secret another description and another key, for values to come."""
    tx.run(_CHANGE, this=secret.arn, text=description, key=kms_key, now=clock.now())


def touch(tx: Transaction, secret: Secret) -> None:
    """Note that something of a secret has changed."""
    tx.run(_TOUCH, this=secret.arn, now=clock.now())


def schedule_deletion(tx: Transaction, secret: Secret, *, days: int) -> float:
    """End a secret now and delete it in so many days; when that will be."""
    at = clock.now() + days * DAY
    tx.run(_SCHEDULE, this=secret.arn, at=at, now=clock.now())
    return at


def restore(tx: Transaction, secret: Secret) -> None:
    """Keep a secret that was to be deleted."""
    tx.run(_SCHEDULE, this=secret.arn, at=None, now=clock.now())


def remove(tx: Transaction, arn: str) -> None:
    """Delete a secret with all that hangs on it."""
    versions.remove_all(tx, arn)
    entity_tags.remove_all(tx, arn)
    tx.run(_DELETE, this=arn)
    raise_generation(tx)


def remove_deleted(tx: Transaction) -> int:
    """Delete secrets whose time is over; how many, a hundred at most."""
    gone = tx.all(_GONE, now=clock.now())
    for row in gone:
        remove(tx, row["arn"])
    return len(gone)


def remove_if_over(tx: Transaction, reference: str) -> None:
    """Delete the secret of a reference if its time is over, so that its name is free."""
    row = tx.one(_FIND, this=names.located(tx.one, reference))
    if row is not None and row["deletion_at"] is not None and row["deletion_at"] <= clock.now():
        remove(tx, row["arn"])


def _secret(row: Row) -> Secret:
    return Secret(
        row["arn"],
        Registry(row["account"], row["region"]),
        row["name"],
        row["description"],
        row["kms_key"],
        row["created_at"],
        row["changed_at"],
        row["deletion_at"],
    )
