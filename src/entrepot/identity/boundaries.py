"""Permissions boundaries: the one policy that limits whatever others grant. Every change raises the generation."""

from sqlalchemy import bindparam, update

from entrepot.database import Statement, Transaction
from entrepot.identity import policies
from entrepot.identity.faults import EntityNotFound
from entrepot.identity.roles import Role
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import roles, users
from entrepot.identity.users import User

_OF_USER, _OF_ROLE = (
    Statement(update(table).where(table.c.id == bindparam("owner")).values(boundary=bindparam("new_boundary")))
    for table in (users, roles)
)


def put(tx: Transaction, owner: User | Role, arn: str) -> None:
    """Limit a user or a role by a policy. Raises: InputInvalid, BoundaryNotFound."""
    policies.check_boundary(tx, owner.account, arn)
    _set(tx, owner, arn)


def remove(tx: Transaction, owner: User | Role) -> None:
    """Let no policy limit a user or a role any more. Raises: EntityNotFound, where none does."""
    if owner.boundary is None:
        raise EntityNotFound(what="permissions boundary of", name=owner.name)
    _set(tx, owner, None)


def _set(tx: Transaction, owner: User | Role, arn: str | None) -> None:
    tx.run(_OF_ROLE if isinstance(owner, Role) else _OF_USER, owner=owner.id, new_boundary=arn)
    raise_generation(tx)
