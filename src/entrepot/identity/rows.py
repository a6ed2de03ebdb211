"""What every change of identities does beside its own: raise the generation that all caches watch."""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from entrepot.database import Row, Statement, Transaction
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


_FIND = Statement(select(generation.c.value).where(generation.c.id == 1))


def generation_of(look: Callable[..., Row | None]) -> int:
    """The generation. *look* finds one row: ``Database.look``."""
    row = look(_FIND)
    return 0 if row is None else int(row[0])
