"""Policies inside one user, group or role, which go with it. Every change raises the generation."""

from typing import Literal

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from entrepot.database import Statement, Transaction
from entrepot.identity import policy
from entrepot.identity.faults import EntityNotFound, InlineTooLong
from entrepot.identity.policy.documents import size
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import inline_policies

Kind = Literal["user", "group", "role"]

_GRAMMAR = policy.Kind.IDENTITY
# In characters that are no white space, of all inline policies together. Source: IAM and STS quotas.
QUOTA: dict[Kind, int] = {"user": 2048, "group": 5120, "role": 10240}

_OF = inline_policies.c.owner_id == bindparam("owner")
_THIS = inline_policies.c.name == bindparam("policy")
_LIST = Statement(select(inline_policies).where(_OF).order_by(inline_policies.c.name))
_NAMES = Statement(select(inline_policies.c.name).where(_OF).order_by(inline_policies.c.name))
_FIND = Statement(select(inline_policies.c.document).where(_OF, _THIS))
_PUT = Statement(
    insert(inline_policies)
    .values(owner_id=bindparam("owner"), name=bindparam("policy"), document=bindparam("text"))
    .on_conflict_do_update(
        index_elements=[inline_policies.c.owner_id, inline_policies.c.name], set_={"document": bindparam("text")}
    )
)
_DELETE = Statement(delete(inline_policies).where(_OF, _THIS))


def put(tx: Transaction, owner_id: str, name: str, *, document: str, kind: Kind, owner: str) -> None:
    """
    Put a policy into an entity, or another document into the policy of that name. *owner* is the entity's name.

    Raises: Malformed, InlineTooLong.
    Source: IAM API reference, PutRolePolicy.
    """
    policy.parse(document, _GRAMMAR, limit=len(document))  # what counts is the length of all of them together
    texts = {**dict(every(tx, owner_id)), name: document}
    if sum(size(text, _GRAMMAR) for text in texts.values()) > QUOTA[kind]:
        raise InlineTooLong(limit=QUOTA[kind], kind=kind, name=owner)
    tx.run(_PUT, owner=owner_id, policy=name, text=document)
    raise_generation(tx)


def get(tx: Transaction, owner_id: str, name: str, *, kind: Kind) -> str:
    """The document of the policy of that name. Raises: EntityNotFound."""
    row = tx.one(_FIND, owner=owner_id, policy=name)
    if row is None:
        raise EntityNotFound(what=f"{kind} policy", name=name)
    return str(row["document"])


def every(tx: Transaction, owner_id: str) -> list[tuple[str, str]]:
    """Name and document of each policy in an entity, by name; the entity's size limit bounds them."""
    return [(row["name"], row["document"]) for row in tx.all(_LIST, owner=owner_id)]


def names_of(tx: Transaction, owner_id: str) -> list[str]:
    """Names of the policies in an entity."""
    return [row["name"] for row in tx.all(_NAMES, owner=owner_id)]


def remove(tx: Transaction, owner_id: str, name: str, *, kind: Kind) -> None:
    """Delete the policy of that name. Raises: EntityNotFound."""
    if not tx.run(_DELETE, owner=owner_id, policy=name):
        raise EntityNotFound(what=f"{kind} policy", name=name)
    raise_generation(tx)
