"""Ending sessions early: those that were issued until now are void, for one role or one user."""

from sqlalchemy import bindparam, update

from entrepot import clock
from entrepot.database import Statement, Transaction
from entrepot.identity import roles, users
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import roles as role_table
from entrepot.identity.tables import users as user_table

_USER = Statement(update(user_table).where(user_table.c.id == bindparam("this")).values(valid_after=bindparam("now")))
_ROLE = Statement(update(role_table).where(role_table.c.id == bindparam("this")).values(valid_after=bindparam("now")))


def revoke_of_user(tx: Transaction, account: str, *, name: str) -> None:
    """End the sessions of a user, and of whom it federated; its access keys stay. Raises: EntityNotFound."""
    tx.run(_USER, this=users.get(tx, account, name=name).id, now=clock.now())
    raise_generation(tx)


def revoke_of_role(tx: Transaction, account: str, *, name: str) -> None:
    """End the sessions of a role, and the logins that they made. Raises: EntityNotFound."""
    tx.run(_ROLE, this=roles.get(tx, account, name=name).id, now=clock.now())
    raise_generation(tx)
