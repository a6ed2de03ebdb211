"""
Users, groups, roles … as the resources of calls: which of them is meant, and what policies call it.

A request names a user without its path, and policies name it with its path: a rule about ``user/admins/*`` has
to hold for a request that says ``bob``. So what a request says is made what policies say before it is decided.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from entrepot.database import Row, Statement, Transaction
from entrepot.identity import entity_tags
from entrepot.identity.facts import Guard, by_tag
from entrepot.identity.principals import Principal
from entrepot.identity.tables import access_keys, groups, instance_profiles, oidc_providers, policies, roles, users

PREFIX = "arn:aws:iam:"
# Stands in an ARN for whoever asks, and between the old and the new name of a user or a group.
CALLER, BECOMES = "${caller}", ">"

_NAMED = re.compile(r"arn:aws:iam::(\d{12}):(user|group|role|instance-profile)/([^/]+)", re.ASCII)
_IN_FULL = re.compile(r"arn:aws:iam::(\d{12}):(user|group|role|instance-profile)(/(?:.+/)?)([^/]+)", re.ASCII)

_BY_NAME = {
    kind: Statement(
        select(table.c.id, table.c.path, table.c.name).where(
            table.c.account == bindparam("account"), table.c.name == bindparam("name")
        )
    )
    for kind, table in (("user", users), ("group", groups), ("role", roles), ("instance-profile", instance_profiles))
}
_KEY = re.compile(r"arn:aws:iam::\d{12}:access-key/([A-Z0-9]+)", re.ASCII)
_OWNER = Statement(
    select(users.c.account, users.c.path, users.c.name)
    .join_from(access_keys, users, users.c.id == access_keys.c.user_id)
    .where(access_keys.c.id == bindparam("key"))
)
_POLICY = Statement(select(policies.c.id).where(policies.c.arn == bindparam("this")))
_PROVIDER = Statement(select(oidc_providers.c.arn.label("id")).where(oidc_providers.c.arn == bindparam("this")))

_BOUNDARIES = {
    kind: Statement(
        select(table.c.boundary).where(table.c.account == bindparam("account"), table.c.name == bindparam("name"))
    )
    for kind, table in (("user", users), ("role", roles))
}

Look = Callable[..., Row | None]  # Transaction.one, or Database.look


@dataclass(frozen=True, slots=True)
class Entity:
    """A resource of IAM that is there. *id* is what its tags are kept under."""

    id: str
    arn: str


def located(look: Look, resource: str, caller: Principal) -> str:
    """
    The ARN that policies know *resource* by: with its path; of an access key the user who has it; and the caller's
    own where it means the caller.

    What is not there, or is no entity of IAM, stays as it is.
    """
    if resource.endswith(f":{CALLER}"):
        return caller.arn
    key = _KEY.fullmatch(resource)
    if key is not None:
        row = look(_OWNER, key=key[1])
        if row is None or row["account"] != caller.account:
            return "*"
        return f"arn:aws:iam::{row['account']}:user{row['path']}{row['name']}"
    named = _NAMED.fullmatch(resource)
    if named is None:
        return resource
    account, kind, name = named.groups()
    name, becomes, new_name = name.partition(BECOMES)
    row = look(_BY_NAME[kind], account=account, name=name)
    path = row["path"] if row else "/"
    return f"arn:aws:iam::{account}:{kind}{path}{new_name if becomes else name}"


def boundary_of(look: Look, kind: str, *, account: str, name: str) -> str | None:
    """The ARN of the boundary that a user or a role has, if any. *kind* is ``user`` or ``role``."""
    row = look(_BOUNDARIES[kind], account=account, name=name)
    return row["boundary"] if row else None


def guard_of(tx: Transaction, arn: str) -> Guard | None:
    """What conditions may ask about an entity that is there: its tags. None: there is no such entity."""
    entity = find(tx.one, arn)
    if entity is None:
        return None
    tags = entity_tags.tags_of(tx, entity.id)
    context = by_tag("aws:resourcetag", tags) | by_tag("iam:resourcetag", tags)
    return Guard(arn.split(":", 5)[4], context=context)


def find(look: Look, arn: str) -> Entity | None:
    """The entity of an ARN with its path; None where there is none."""
    full = _IN_FULL.fullmatch(arn)
    if full is not None:
        account, kind, path, name = full.groups()
        row = look(_BY_NAME[kind], account=account, name=name)
        return Entity(row["id"], arn) if row and row["path"] == path else None
    row = look(_PROVIDER if ":oidc-provider/" in arn else _POLICY, this=arn)
    return Entity(row["id"], arn) if row else None
