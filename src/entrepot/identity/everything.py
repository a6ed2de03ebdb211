"""Everybody and every policy of an account in one list, for who wants to look at all of it."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import bindparam, literal, select, union_all

from entrepot.database import Statement, Transaction
from entrepot.identity import managed
from entrepot.identity.tables import groups, policies, roles, users

# In the order in which they are listed.
KINDS = ("Group", "LocalManagedPolicy", "Role", "User")
AWS_POLICY = "AWSManagedPolicy"

_TABLES = dict(zip(KINDS, (groups, policies, roles, users), strict=True))
_ALL = union_all(
    *(
        select(
            literal(kind).label("kind"), table.c.id, table.c.name, (literal(f"{kind}/") + table.c.name).label("place")
        ).where(table.c.account == bindparam("account"), bindparam(kind) == 1)
        for kind, table in _TABLES.items()
    )
).subquery()
_PAGE = Statement(select(_ALL).where(_ALL.c.place > bindparam("after")).order_by(_ALL.c.place).limit(bindparam("most")))


class Item(NamedTuple):
    """Somebody, or a policy, by its unique id. *place* is where it stands in the list."""

    kind: str
    id: str
    name: str
    place: str


def page(tx: Transaction, account: str, *, kinds: Collection[str], after: str, limit: int) -> list[Item]:
    """At most *limit* things of the *kinds*, behind a place. AWS's policies come first."""
    own = [
        Item(AWS_POLICY, policy.arn, policy.name, f"{AWS_POLICY}/{policy.name}")
        for policy in (managed.every() if AWS_POLICY in kinds else ())
    ]
    found = [item for item in own if item.place > after][:limit]
    wanted = {kind: int(kind in kinds) for kind in KINDS}
    rows = tx.all(_PAGE, account=account, after=after, most=limit - len(found), **wanted)
    return found + [Item(row["kind"], row["id"], row["name"], row["place"]) for row in rows]
