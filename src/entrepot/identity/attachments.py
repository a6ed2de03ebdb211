"""Which managed policies users, groups and roles have, and who has a policy. Every change raises the generation."""

from typing import Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
)

from entrepot import clock
from entrepot.database import Row, Statement, Text, Transaction
from entrepot.identity import managed, policies
from entrepot.identity.faults import PolicyNotFound, PolicyUnattachable, QuotaExceeded, ServicePolicy
from entrepot.identity.policies import Policy
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import attachments, groups, roles, users

Kind = Literal["User", "Group", "Role"]

# Source: IAM and STS quotas, "Managed policies attached to an IAM …".
QUOTA = 10

_OF = attachments.c.owner_id == bindparam("owner")
_LIST = Statement(select(attachments.c.policy_arn).where(_OF).order_by(attachments.c.policy_arn).limit(QUOTA))
_PUT = Statement(insert(attachments))
_DELETE = Statement(delete(attachments).where(_OF, attachments.c.policy_arn == bindparam("arn")))


def _having(kind: str, table: Table, *, bounded: bool) -> Select[tuple[str, str, str, str]]:
    """Entities of one kind that have a policy, in the account whose it is or that asks."""
    attached = table.c.id.in_(select(attachments.c.owner_id).where(attachments.c.policy_arn == bindparam("arn")))
    ways: list[ColumnElement[bool]] = [attached & (bindparam("attached") == 1)]
    if bounded:
        ways.append((table.c.boundary == bindparam("arn")) & (bindparam("bounding") == 1))
    return select(
        literal(kind).label("kind"), table.c.id, table.c.name, (literal(f"{kind}/") + table.c.name).label("place")
    ).where(
        table.c.account == bindparam("account"),
        func.substr(table.c.path, 1, func.length(bindparam("prefix"))) == bindparam("prefix"),
        or_(bindparam("only", type_=Text) == null(), bindparam("only") == kind),
        or_(*ways),
    )


_HAVING = union_all(
    _having("Group", groups, bounded=False), _having("Role", roles, bounded=True), _having("User", users, bounded=True)
).subquery()
_ENTITIES = Statement(
    select(_HAVING).where(_HAVING.c.place > bindparam("after")).order_by(_HAVING.c.place).limit(bindparam("most"))
)

# How often policies are used in one account, by their ARNs.
_OWNERS = union_all(
    *(select(table.c.id).where(table.c.account == bindparam("account")) for table in (users, groups, roles))
)
_ATTACHMENT_COUNTS = Statement(
    select(attachments.c.policy_arn.label("arn"), func.count().label("number"))
    .where(attachments.c.owner_id.in_(_OWNERS))
    .group_by(attachments.c.policy_arn)
)
_BOUNDARIES = union_all(
    *(
        select(table.c.boundary).where(table.c.account == bindparam("account"), table.c.boundary.is_not(null()))
        for table in (users, roles)
    )
).subquery()
_BOUNDARY_COUNTS = Statement(
    select(_BOUNDARIES.c.boundary.label("arn"), func.count().label("number")).group_by(_BOUNDARIES.c.boundary)
)


# The same of one policy, without a look at all others.
_THEIRS = attachments.c.owner_id
_OF_ACCOUNT = or_(
    *(
        select(table.c.id).where(table.c.id == _THEIRS, table.c.account == bindparam("account")).exists()
        for table in (users, groups, roles)
    )
)
_ATTACHMENT_COUNT = Statement(
    select(func.count().label("number")).where(attachments.c.policy_arn == bindparam("arn"), _OF_ACCOUNT)
)
_BOUNDARY_COUNT = Statement(
    select(func.count().label("number")).select_from(_BOUNDARIES).where(_BOUNDARIES.c.boundary == bindparam("arn"))
)


class Uses(NamedTuple):
    """How often a policy is attached, and how often it is a boundary."""

    attachments: int
    boundaries: int


UNUSED = Uses(0, 0)


class Entity(NamedTuple):
    """Somebody (``User``, ``Group`` or ``Role``) who has a policy. *place* is where it stands in the list."""

    kind: str
    id: str
    name: str
    place: str


def attach(tx: Transaction, owner_id: str, arn: str, *, kind: Kind, account: str) -> None:
    """
    Let an entity of *account* have a policy of the account or of AWS; once more changes nothing.

    Raises: ArnInvalid, PolicyUnattachable, ServicePolicy, QuotaExceeded.
    Source: IAM API reference, AttachRolePolicy.
    """
    found = policies.find(tx, arn)
    if found is None or found.account not in (account, "aws"):
        raise PolicyUnattachable(arn=arn)
    if found.account == "aws" and found.path.startswith(managed.SERVICE_PATH):
        raise ServicePolicy
    attach_any(tx, owner_id, arn, kind=kind)


def attach_any(tx: Transaction, owner_id: str, arn: str, *, kind: Kind) -> None:
    """``attach``, of a policy that is known to be one for this entity. Raises: QuotaExceeded."""
    present = of(tx, owner_id)
    if arn in present:
        return
    if len(present) >= QUOTA:
        raise QuotaExceeded(quota=f"PoliciesPer{kind}", limit=QUOTA)
    tx.run(_PUT, owner_id=owner_id, policy_arn=arn, attached_at=clock.now())
    raise_generation(tx)


def detach(tx: Transaction, owner_id: str, arn: str) -> None:
    """Take a policy away from an entity. Raises: PolicyNotFound, where it does not have it."""
    if not tx.run(_DELETE, owner=owner_id, arn=arn):
        raise PolicyNotFound(arn=arn)
    raise_generation(tx)


def of(tx: Transaction, owner_id: str) -> list[str]:
    """ARNs of the managed policies that an entity has."""
    return [row["policy_arn"] for row in tx.all(_LIST, owner=owner_id)]


def policies_of(tx: Transaction, owner_id: str) -> list[Policy]:
    """The managed policies that an entity has."""
    found = (policies.find(tx, arn) for arn in of(tx, owner_id))
    return [each for each in found if each is not None]


def entities(
    tx: Transaction,
    account: str,
    arn: str,
    *,
    kind: str | None,
    prefix: str,
    attached: bool,
    bounding: bool,
    after: str,
    limit: int,
) -> list[Entity]:
    """
    At most *limit* entities of an account that have a policy, attached or as their boundary, behind a place.

    *kind* None means all kinds; *prefix* is that of the entities' paths.
    """
    rows = tx.all(
        _ENTITIES,
        account=account,
        arn=arn,
        only=kind,
        prefix=prefix,
        attached=int(attached),
        bounding=int(bounding),
        after=after,
        most=limit,
    )
    return [Entity(row["kind"], row["id"], row["name"], row["place"]) for row in rows]


def uses(tx: Transaction, account: str) -> dict[str, Uses]:
    """How often each policy that is used in an account is used there, by ARN."""
    attached = _numbers(tx.all(_ATTACHMENT_COUNTS, account=account))
    bounding = _numbers(tx.all(_BOUNDARY_COUNTS, account=account))
    return {arn: Uses(attached.get(arn, 0), bounding.get(arn, 0)) for arn in attached | bounding}


def uses_of(tx: Transaction, account: str, arn: str) -> Uses:
    """How often one policy is used in an account."""
    attached = tx.one(_ATTACHMENT_COUNT, account=account, arn=arn)
    bounding = tx.one(_BOUNDARY_COUNT, account=account, arn=arn)
    return Uses(attached["number"] if attached else 0, bounding["number"] if bounding else 0)


def _numbers(rows: list[Row]) -> dict[str, int]:
    return {row["arn"]: row["number"] for row in rows}
