"""An account's alias: a name for its sign-in page, that no other account has."""

from sqlalchemy import bindparam, delete, insert, select

from entrepot.database import Statement, Transaction
from entrepot.identity.faults import AliasNotFound, AliasTaken
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import account_aliases

_FIND = Statement(select(account_aliases.c.alias).where(account_aliases.c.account == bindparam("account")))
_OWNER = Statement(select(account_aliases.c.account).where(account_aliases.c.alias == bindparam("alias")))
_PUT = Statement(insert(account_aliases).values(account=bindparam("account"), alias=bindparam("alias")))
_DELETE = Statement(delete(account_aliases).where(account_aliases.c.account == bindparam("account")))


def find(tx: Transaction, account: str) -> str | None:
    """The account's alias, or None."""
    row = tx.one(_FIND, account=account)
    return row["alias"] if row else None


def put(tx: Transaction, account: str, alias: str) -> None:
    """
    Give an account its alias, in place of the one that it had. Raises: AliasTaken.

    Source: IAM user guide, "Creating, deleting, and listing an AWS account alias".
    """
    if tx.one(_OWNER, alias=alias):
        raise AliasTaken(alias=alias)
    tx.run(_DELETE, account=account)
    tx.run(_PUT, account=account, alias=alias)
    raise_generation(tx)


def remove(tx: Transaction, account: str, alias: str) -> None:
    """Take an account's alias away. Raises: AliasNotFound."""
    if find(tx, account) != alias:
        raise AliasNotFound(alias=alias)
    tx.run(_DELETE, account=account)
    raise_generation(tx)
