"""
What an account has under names: the rows of users, groups, roles, policies and instance profiles, as far as they
are alike. Of a kind no two names differ only in case, and each thing has a path.
"""

from typing import Any

from sqlalchemy import Column, Table, bindparam, delete, func, insert, select, update

from entrepot.database import Row, Statement, Transaction
from entrepot.identity.faults import InUse


class Inventory:
    """The things of one kind: a table with an id, an account, a name and a path."""

    def __init__(self, table: Table) -> None:
        columns = table.c
        mine, this = columns.account == bindparam("account"), columns.id == bindparam("this")
        self._find = Statement(select(table).where(mine, columns.name == bindparam("name")))
        self._find_by_id = Statement(select(table).where(this))
        self._namesake = Statement(select(columns.id).where(mine, func.lower(columns.name) == bindparam("lower")))
        self._count = counting(table)
        self._page = Statement(
            select(table)
            .where(
                mine,
                columns.name > bindparam("after"),
                func.substr(columns.path, 1, func.length(bindparam("prefix"))) == bindparam("prefix"),
            )
            .order_by(columns.name)
            .limit(bindparam("most"))
        )
        self._put = Statement(insert(table))
        self._rename = Statement(update(table).where(this).values(name=bindparam("to"), path=bindparam("new_path")))
        self._delete = Statement(delete(table).where(this))

    def find(self, tx: Transaction, account: str, name: str) -> Row | None:
        """The thing of that name, or None."""
        return tx.one(self._find, account=account, name=name)

    def find_by_id(self, tx: Transaction, this: str) -> Row | None:
        """The thing of that id, or None."""
        return tx.one(self._find_by_id, this=this)

    def namesake(self, tx: Transaction, account: str, name: str) -> str | None:
        """The id of what has the name already, in whatever case."""
        row = tx.one(self._namesake, account=account, lower=name.lower())
        return row["id"] if row else None

    def count(self, tx: Transaction, account: str) -> int:
        """How many there are in an account."""
        return counted(tx, self._count, account)

    def page(self, tx: Transaction, account: str, *, prefix: str, after: str, limit: int) -> list[Row]:
        """At most *limit* whose path begins with *prefix*, behind the name *after*, by name."""
        return tx.all(self._page, account=account, prefix=prefix, after=after, most=limit)

    def put(self, tx: Transaction, **columns: Any) -> None:
        """A new one."""
        tx.run(self._put, **columns)

    def rename(self, tx: Transaction, this: str, *, name: str, path: str) -> None:
        """Give one another name and path."""
        tx.run(self._rename, this=this, to=name, new_path=path)

    def delete(self, tx: Transaction, this: str) -> None:
        """Take one away."""
        tx.run(self._delete, this=this)


class Belongings:
    """What hangs on a thing, by the columns that name it: each with what is to do while there is some of it."""

    def __init__(self, *columns: tuple[Column[Any], str]) -> None:
        self._has = [
            (Statement(select(column).where(column == bindparam("this")).limit(1)), what_to_do)
            for column, what_to_do in columns
        ]
        self._strip = [Statement(delete(column.table).where(column == bindparam("this"))) for column, _ in columns]

    def check_none(self, tx: Transaction, this: str) -> None:
        """Whether a thing may go. Raises: InUse."""
        for statement, what_to_do in self._has:
            if tx.one(statement, this=this):
                raise InUse(reason=f"Cannot delete entity, {what_to_do}")

    def remove(self, tx: Transaction, this: str) -> None:
        """Delete all that hangs on a thing."""
        for statement in self._strip:
            tx.run(statement, this=this)


def counting(table: Table) -> Statement:
    """How many rows of a table an account has, for ``counted``."""
    return Statement(select(func.count().label("n")).select_from(table).where(table.c.account == bindparam("account")))


def counted(tx: Transaction, statement: Statement, account: str) -> int:
    """The one number, ``n``, that a statement about an account gives."""
    row = tx.one(statement, account=account)
    return int(row["n"]) if row else 0
