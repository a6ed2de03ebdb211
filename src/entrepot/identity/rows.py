"""What every change of identities does beside its own: raise the generation that all caches watch."""

from sqlalchemy.dialects.sqlite import insert

from entrepot.database import Statement, Transaction
from entrepot.identity.tables import generation

_RAISE = Statement(
    insert(generation)
    .values(id=1, value=1)
    .on_conflict_do_update(index_elements=[generation.c.id], set_={"value": generation.c.value + 1})
)


def raise_generation(tx: Transaction) -> None:
    """Make every process drop what it knows of identities, policies and settings, once *tx* is committed."""
    tx.run(_RAISE)
    tx.changes_rights = True
