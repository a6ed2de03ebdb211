"""
Roles: identities that nobody signs in as, and that whoever their trust policy names may take on for a while.

Every change raises the generation. What a role may do is with ``attachments`` and ``inline_policies``; what a
trust policy may say is with ``trust``.
"""

from dataclasses import dataclass, field

from sqlalchemy import bindparam, update

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.identity import entity_tags, policies
from entrepot.identity.faults import (
    EntityAlreadyExists,
    EntityNotFound,
    InputInvalid,
    ProtectedRole,
    QuotaExceeded,
)
from entrepot.identity.inventory import Belongings, Inventory
from entrepot.identity.managed import SERVICE_PATH
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import attachments, inline_policies, instance_profiles, roles

# Source: IAM and STS quotas, "Roles in an AWS account".
QUOTA = 1000
HOUR = 3600  # seconds: the longest session, where nothing else is said
_RESERVED = (SERVICE_PATH, "/aws-reserved/")

_ROLES = Inventory(roles)
_IN_PROFILE = Belongings((instance_profiles.c.role_id, "must remove roles from instance profile first."))
_BELONGINGS = Belongings(
    (attachments.c.owner_id, "must detach all policies first."),
    (inline_policies.c.owner_id, "must delete policies first."),
)

_THIS = roles.c.id == bindparam("role")
_DESCRIBE = Statement(
    update(roles).where(_THIS).values(description=bindparam("new_text"), max_session=bindparam("new_length"))
)
_TRUST = Statement(update(roles).where(_THIS).values(trust=bindparam("new_trust")))


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
    if _ROLES.namesake(tx, account, name):
        raise EntityAlreadyExists(what="Role", name=name)
    if _ROLES.count(tx, account) >= QUOTA:
        raise QuotaExceeded(quota="RolesPerAccount", limit=QUOTA)
    role_id = clock.new_id("AROA", 17)
    row: dict[str, object] = {"max_session": HOUR, **values, "boundary": boundary}
    row.update(id=role_id, account=account, name=name, created_at=clock.now(), valid_after=0.0)
    _ROLES.put(tx, **row, last_used_at=None, last_used_region=None)
    raise_generation(tx)
    return get(tx, account, name=name)


def find(tx: Transaction, account: str, *, name: str) -> Role | None:
    """The role of that name, or None."""
    return _role(_ROLES.find(tx, account, name))


def find_by_id(tx: Transaction, role_id: str) -> Role | None:
    """The role of that unique id, or None."""
    return _role(_ROLES.find_by_id(tx, role_id))


def get(tx: Transaction, account: str, *, name: str) -> Role:
    """The role of that name. Raises: EntityNotFound."""
    found = find(tx, account, name=name)
    if found is None:
        raise EntityNotFound(what="role", name=name)
    return found


def page(tx: Transaction, account: str, *, prefix: str, after: str, limit: int) -> list[Role]:
    """At most *limit* roles whose path begins with *prefix*, behind the name *after*, by name."""
    return [Role(**row) for row in _ROLES.page(tx, account, prefix=prefix, after=after, limit=limit)]


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
    _IN_PROFILE.check_none(tx, role.id)
    _BELONGINGS.check_none(tx, role.id)
    remove_service_linked(tx, role)


def remove_service_linked(tx: Transaction, role: Role) -> None:
    """Delete a role and whatever hangs on it."""
    _BELONGINGS.remove(tx, role.id)
    entity_tags.remove_all(tx, role.id)
    _ROLES.delete(tx, role.id)
    raise_generation(tx)


def _role(row: Row | None) -> Role | None:
    return None if row is None else Role(**row)
