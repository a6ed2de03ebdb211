"""Who may do what, a sentence for each: what an older state has of these and a newer one has not was taken away."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Select, Table, bindparam, func, select

from entrepot.database import Statement, Transaction
from entrepot.identity.tables import access_keys, attachments, groups, inline_policies, memberships, roles, users

_PAGE = 1000


def _paged(select_: Select[*tuple[Any, ...]], *order: Column[Any]) -> Statement:
    return Statement(select_.order_by(*order).limit(_PAGE).offset(bindparam("skipped")))


def _owned(table: Table, what: Column[Any]) -> Statement:
    """Rows of users, groups and roles: the owner's account and name, and *what* he has."""
    owner = (
        table.join(users, users.c.id == table.c.owner_id, isouter=True)
        .join(groups, groups.c.id == table.c.owner_id, isouter=True)
        .join(roles, roles.c.id == table.c.owner_id, isouter=True)
    )
    account = func.coalesce(users.c.account, groups.c.account, roles.c.account).label("account")
    name = func.coalesce(users.c.name, groups.c.name, roles.c.name).label("name")
    return _paged(select(account, name, what.label("what")).select_from(owner), table.c.owner_id, what)


_SENTENCES = {
    "access key {what} of {name} of account {account}": _paged(
        select(
            access_keys.c.id.label("what"),
            access_keys.c.account,
            func.coalesce(users.c.name, "its root user").label("name"),
        )
        .select_from(access_keys.join(users, users.c.id == access_keys.c.user_id, isouter=True))
        .where(access_keys.c.active == 1),
        access_keys.c.id,
    ),
    "user {name} of account {account}": _paged(select(users.c.name, users.c.account), users.c.id),
    "role {name} of account {account}": _paged(select(roles.c.name, roles.c.account), roles.c.id),
    "user {name} of account {account} in the group {what}": _paged(
        select(users.c.name, users.c.account, groups.c.name.label("what")).select_from(
            memberships.join(users, users.c.id == memberships.c.user_id).join(
                groups, groups.c.id == memberships.c.group_id
            )
        ),
        memberships.c.group_id,
        memberships.c.user_id,
    ),
    "policy {what} of {name} of account {account}": _owned(attachments, attachments.c.policy_arn),
    "inline policy {what} of {name} of account {account}": _owned(inline_policies, inline_policies.c.name),
}


def standing(tx: Transaction) -> Iterator[str]:
    """Access keys that work, users, roles, memberships of groups, policies that somebody has."""
    for sentence, statement in _SENTENCES.items():
        skipped = 0
        while rows := tx.all(statement, skipped=skipped):
            yield from (sentence.format(**row) for row in rows)
            skipped += len(rows)
