"""
Roles: identities that nobody signs in as, and that whoever their trust policy names may take on for a while.

Every change raises the generation. What a role may do is with ``attachments`` and ``inline_policies``; what a
trust policy may say is with ``trust``.
"""

from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, func, insert, select, update

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.identity import attachments, entity_tags, inline_policies, policies
from entrepot.identity.faults import (
    EntityAlreadyExists,
    EntityNotFound,
    InputInvalid,
    InUse,
    ProtectedRole,
    QuotaExceeded,
)
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import instance_profiles, roles

# Source: IAM and STS quotas, "Roles in an AWS account".
_MOST = 1000
HOUR = 3600  # seconds: the longest session, where nothing else is said
SERVICE_PATH = "/aws-service-role/"
_RESERVED = (SERVICE_PATH, "/aws-reserved/")

_NAMED = (roles.c.account == bindparam("account"), roles.c.name == bindparam("name"))
_FIND = Statement(select(roles).where(*_NAMED))
_FIND_ID = Statement(select(roles).where(roles.c.id == bindparam("role")))
_FIND_NAMESAKE = Statement(
    select(roles.c.id).where(roles.c.account == bindparam("account"), func.lower(roles.c.name) == bindparam("lower"))
)
_COUNT = Statement(select(func.count().label("number")).where(roles.c.account == bindparam("account")))
_PUT = Statement(insert(roles))
_PAGE = Statement(
    select(roles)
    .where(
        roles.c.account == bindparam("account"),
        roles.c.name > bindparam("after"),
        func.substr(roles.c.path, 1, func.length(bindparam("prefix"))) == bindparam("prefix"),
    )
    .order_by(roles.c.name)
    .limit(bindparam("most"))
)
_THIS = roles.c.id == bindparam("role")
_DESCRIBE = Statement(
    update(roles).where(_THIS).values(description=bindparam("new_text"), max_session=bindparam("new_length"))
)
_TRUST = Statement(update(roles).where(_THIS).values(trust=bindparam("new_trust")))
_DELETE = Statement(delete(roles).where(_THIS))
_PROFILES = Statement(select(instance_profiles.c.id).where(instance_profiles.c.role_id == bindparam("role")).limit(1))


@dataclass(frozen=True, slots=True)
class Role:
    """A role. *trust* has principals by their ids (``trust.shown``); *max_session* is in seconds, times since 1970."""

    id: str
    account: str
    name: str
    path: str
    description: str
    trust: str = field(repr=False)
    max_session: int
    boundary: str | None
    created_at: float
    valid_after: float
    last_used_at: float | None
    last_used_region: str | None

    @property
    def arn(self) -> str:
        """The ARN that policies name it by."""
        return f"arn:aws:iam::{self.account}:role{self.path}{self.name}"

    @property
    def is_service_linked(self) -> bool:
        """Whether it is a service's own."""
        return self.path.startswith(SERVICE_PATH)


def create(
    tx: Transaction,
    account: str,
    *,
    name: str,
    trust: str,
    path: str = "/",
    description: str = "",
    max_session: int = HOUR,
    boundary: str | None = None,
) -> Role:
    """
    A new role. *trust* was found good by ``trust.parse``.

    Raises: InputInvalid, BoundaryNotFound, EntityAlreadyExists, QuotaExceeded.
    Source: IAM API reference, CreateRole; names that differ only in case are one name.
    """
    if path.startswith(_RESERVED):
        raise InputInvalid(reason=f"The path {path} is reserved for roles that AWS services make")
    return _create(
        tx,
        account,
        name=name,
        trust=trust,
        path=path,
        description=description,
        max_session=max_session,
        boundary=boundary,
    )


def create_service_linked(tx: Transaction, account: str, *, service: str, name: str, description: str) -> Role:
    """The role of an AWS *service* (``ecr.amazonaws.com``), which trusts it alone. Raises: as ``create`` does."""
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
        f'"Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}'
    )
    return _create(tx, account, name=name, trust=trust, path=f"{SERVICE_PATH}{service}/", description=description)


def _create(tx: Transaction, account: str, *, name: str, boundary: str | None = None, **values: str | int) -> Role:
    if boundary is not None:
        policies.check_boundary(tx, account, boundary)
    if tx.one(_FIND_NAMESAKE, account=account, lower=name.lower()):
        raise EntityAlreadyExists(what="Role", name=name)
    count = tx.one(_COUNT, account=account)
    if count and count["number"] >= _MOST:
        raise QuotaExceeded(quota="RolesPerAccount", limit=_MOST)
    role_id = clock.new_id("AROA", 17)
    row: dict[str, object] = {"max_session": HOUR, **values, "boundary": boundary}
    row.update(id=role_id, account=account, name=name, created_at=clock.now(), valid_after=0.0)
    tx.run(_PUT, **row, last_used_at=None, last_used_region=None)
    raise_generation(tx)
    return get(tx, account, name=name)


def find(tx: Transaction, account: str, *, name: str) -> Role | None:
    """The role of that name, or None."""
    return _role(tx.one(_FIND, account=account, name=name))


def find_id(tx: Transaction, role_id: str) -> Role | None:
    """The role of that unique id, or None."""
    return _role(tx.one(_FIND_ID, role=role_id))


def get(tx: Transaction, account: str, *, name: str) -> Role:
    """The role of that name. Raises: EntityNotFound."""
    found = find(tx, account, name=name)
    if found is None:
        raise EntityNotFound(what="role", name=name)
    return found


def page(tx: Transaction, account: str, *, prefix: str, after: str, limit: int) -> list[Role]:
    """At most *limit* roles whose path begins with *prefix*, behind the name *after*, by name."""
    rows = tx.all(_PAGE, account=account, prefix=prefix, after=after, most=limit)
    return [Role(**row) for row in rows]


def modifiable(tx: Transaction, account: str, *, name: str) -> Role:
    """The role of that name, which is about to be changed. Raises: EntityNotFound, ProtectedRole."""
    role = get(tx, account, name=name)
    if role.is_service_linked:
        raise ProtectedRole(name=name)
    return role


def describe(tx: Transaction, role: Role, *, description: str | None = None, max_session: int | None = None) -> None:
    """Give a role another description or longest session (in seconds); None leaves either as it is."""
    tx.run(
        _DESCRIBE,
        role=role.id,
        new_text=role.description if description is None else description,
        new_length=role.max_session if max_session is None else max_session,
    )
    raise_generation(tx)


def put_trust(tx: Transaction, role: Role, trust: str) -> None:
    """Replace the trust policy; *trust* was found good by ``trust.parse``."""
    tx.run(_TRUST, role=role.id, new_trust=trust)
    raise_generation(tx)


def remove(tx: Transaction, role: Role) -> None:
    """
    Delete a role that nothing hangs on. Raises: InUse.

    Source: IAM API reference, DeleteRole.
    """
    if tx.one(_PROFILES, role=role.id):
        raise InUse(reason="Cannot delete entity, must remove roles from instance profile first.")
    if attachments.of(tx, role.id):
        raise InUse(reason="Cannot delete entity, must detach all policies first.")
    if inline_policies.names_of(tx, role.id):
        raise InUse(reason="Cannot delete entity, must delete policies first.")
    remove_service_linked(tx, role)


def remove_service_linked(tx: Transaction, role: Role) -> None:
    """Delete a role and whatever hangs on it."""
    attachments.remove_all(tx, role.id)
    inline_policies.remove_all(tx, role.id)
    entity_tags.remove_all(tx, role.id)
    tx.run(_DELETE, role=role.id)
    raise_generation(tx)


def _role(row: Row | None) -> Role | None:
    return None if row is None else Role(**row)
