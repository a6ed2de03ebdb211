"""
Versions of a secret: sealed values that never change, and labels, of which each is on one version.

    AWSCURRENT   the value that is meant where nobody says which
    AWSPREVIOUS  the one that was so before
    AWSPENDING   the next one, if somebody says so; and other labels, as people like

A version without a label is outdated, and is deleted after a day when others need its place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, func, insert, select, update

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.secrets.faults import QuotaExceeded
from entrepot.secrets.sealing import Sealed
from entrepot.secrets.tables import secret_labels, secret_versions

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
# Source: Secrets Manager user guide, "AWS Secrets Manager quotas": versions, and labels over all of them.
MOST, MOST_LABELS = 100, 20
_KEPT = 86_400.0  # seconds for which an outdated version stays

_OF = secret_versions.c.secret == bindparam("owner")
_OF_LABEL = secret_labels.c.secret == bindparam("owner")
_THIS = and_(_OF, secret_versions.c.id == bindparam("this"))
_FIND = Statement(select(secret_versions).where(_THIS))
_LIST = Statement(
    select(secret_versions.c.id, secret_versions.c.kms_key, secret_versions.c.created_at)
    .where(_OF)
    .order_by(secret_versions.c.created_at, secret_versions.c.id)
)
_COUNT = Statement(select(func.count()).select_from(secret_versions).where(_OF))
_PUT = Statement(
    insert(secret_versions).values(
        {
            name: bindparam(f"new_{name}")
            for name in ("secret", "id", "kms_key", "data_key", "sealed", "is_text", "created_at")
        }
    )
)
_REWRAP = Statement(
    update(secret_versions).where(_THIS).values(kms_key=bindparam("key"), data_key=bindparam("wrapped"))
)
_OUTDATED = Statement(
    delete(secret_versions).where(
        _OF,
        secret_versions.c.created_at < bindparam("before"),
        secret_versions.c.id.not_in(select(secret_labels.c.version).where(_OF_LABEL)),
    )
)
_LABELS = Statement(select(secret_labels).where(_OF_LABEL).order_by(secret_labels.c.label))
_LABEL = and_(_OF_LABEL, secret_labels.c.label == bindparam("name"))
_DETACH = Statement(delete(secret_labels).where(_LABEL))
_ATTACH = Statement(
    insert(secret_labels).values(secret=bindparam("owner"), label=bindparam("name"), version=bindparam("id"))
)
_DELETE_ALL = (
    Statement(delete(secret_labels).where(_OF_LABEL)),
    Statement(delete(secret_versions).where(_OF)),
)


@dataclass(frozen=True, slots=True)
class Version:
    """One value, sealed. *kms_key* is the key as the secret named it then; *is_text*: it came as a string."""

    id: str
    kms_key: str | None
    sealed: Sealed
    is_text: bool
    created_at: float


class Listed(NamedTuple):
    """What a list tells of a version."""

    id: str
    kms_key: str | None
    created_at: float


def add(tx: Transaction, secret: str, version: Version) -> None:
    """A new version of a secret, without labels. Raises: QuotaExceeded."""
    if _is_full(tx, secret):
        tx.run(_OUTDATED, owner=secret, before=clock.now() - _KEPT)
        if _is_full(tx, secret):
            raise QuotaExceeded(what="versions of a secret", limit=MOST)
    tx.run(
        _PUT,
        new_secret=secret,
        new_id=version.id,
        new_kms_key=version.kms_key,
        new_data_key=version.sealed.data_key,
        new_sealed=version.sealed.body,
        new_is_text=int(version.is_text),
        new_created_at=version.created_at,
    )


def rewrap(tx: Transaction, secret: str, version: str, *, kms_key: str | None, data_key: bytes) -> None:
    """Keep the data key of a version under another key."""
    tx.run(_REWRAP, owner=secret, this=version, key=kms_key, wrapped=data_key)


def find(tx: Transaction, secret: str, version: str) -> Version | None:
    """The version of that id; None where the secret has none."""
    row = tx.one(_FIND, owner=secret, this=version)
    return None if row is None else _version(row)


def of(tx: Transaction, secret: str) -> list[Listed]:
    """All versions of a secret, the oldest first: there are ``MOST`` at most."""
    return [Listed(*row) for row in tx.all(_LIST, owner=secret)]


def labels(tx: Transaction, secret: str) -> dict[str, str]:
    """The version that each label is on, in the order of the labels."""
    return {row["label"]: row["version"] for row in tx.all(_LABELS, owner=secret)}


def labels_on(attached: Mapping[str, str], version: str) -> list[str]:
    """Those of *attached*, as ``labels`` gives them, that are on one version."""
    return [label for label, where in attached.items() if where == version]


def attach(tx: Transaction, secret: str, version: str, wanted: Iterable[str]) -> None:
    """
    Put labels on a version; they go from others. The version that was current becomes the previous one.

    Raises: QuotaExceeded.
    """
    attached = labels(tx, secret)
    moved = dict.fromkeys(wanted, version)
    current = attached.get(CURRENT)
    if CURRENT in moved and current not in (None, version):
        moved = {PREVIOUS: current, **{label: where for label, where in moved.items() if label != PREVIOUS}}
    if len(attached.keys() | moved.keys()) > MOST_LABELS:
        raise QuotaExceeded(what="staging labels of a secret", limit=MOST_LABELS)
    for label, where in moved.items():
        tx.run(_DETACH, owner=secret, name=label)
        tx.run(_ATTACH, owner=secret, name=label, id=where)


def detach(tx: Transaction, secret: str, label: str) -> None:
    """Take a label from wherever it is."""
    tx.run(_DETACH, owner=secret, name=label)


def remove_all(tx: Transaction, secret: str) -> None:
    """Delete every version of a secret."""
    for statement in _DELETE_ALL:
        tx.run(statement, owner=secret)


def _is_full(tx: Transaction, secret: str) -> bool:
    row = tx.one(_COUNT, owner=secret)
    return row is not None and row[0] >= MOST


def _version(row: Row) -> Version:
    sealed = Sealed(row["data_key"], row["sealed"])
    return Version(row["id"], row["kms_key"], sealed, bool(row["is_text"]), row["created_at"])
