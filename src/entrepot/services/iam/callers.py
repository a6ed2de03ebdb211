"""Whom a call means that names a user or, by naming none, the caller."""

from entrepot.call import Call
from entrepot.identity import users
from entrepot.identity.faults import NoUserName
from entrepot.identity.principals import Principal
from entrepot.identity.users import User


def owner(call: Call, user_name: str | None) -> Principal:
    """
    The user of that name; where none is given, the caller, who then is a user or the account's root user.

    Raises: EntityNotFound, NoUserName.
    """
    if user_name is not None:
        return users.get(call.tx, call.registry.account, name=user_name).principal
    if call.principal.kind not in {"root", "user"}:
        raise NoUserName
    return call.principal


def user(call: Call, user_name: str | None) -> User:
    """The same, of an operation that is about users only. Raises: EntityNotFound, NoUserName."""
    if user_name is None and call.principal.kind != "user":
        raise NoUserName
    return users.get(call.tx, call.registry.account, name=call.principal.name if user_name is None else user_name)
