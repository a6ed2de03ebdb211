"""Which customer keys can be used, and grants of them: as ``identity.standing`` says who there is."""

from collections.abc import Iterator

from sqlalchemy import bindparam, select

from entrepot.database import Statement, Transaction
from entrepot.keys.tables import kms_grants, kms_keys

_PAGE = 1000
_KEYS = Statement(
    select(kms_keys.c.id, kms_keys.c.account)
    .where(kms_keys.c.enabled == 1, kms_keys.c.deletion_at.is_(None))
    .order_by(kms_keys.c.id)
    .limit(_PAGE)
    .offset(bindparam("skipped"))
)
_GRANTS = Statement(
    select(kms_grants.c.id, kms_grants.c.key_id).order_by(kms_grants.c.id).limit(_PAGE).offset(bindparam("skipped"))
)


def standing(tx: Transaction) -> Iterator[str]:
    """Customer keys that are enabled and not to be deleted, and all grants."""
    for sentence, statement in (("customer key {} of account {}", _KEYS), ("grant {} of the customer key {}", _GRANTS)):
        skipped = 0
        while rows := tx.all(statement, skipped=skipped):
            yield from (sentence.format(*row) for row in rows)
            skipped += len(rows)
