"""Instance profiles: names under which a machine is handed a role. Terraform makes them beside roles."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from entrepot import clock
from entrepot.database import Statement, Transaction
from entrepot.identity import entity_tags
from entrepot.identity.faults import EntityNotFound, InUse, ProfileExists, ProfileNotFound, QuotaExceeded
from entrepot.identity.inventory import Inventory
from entrepot.identity.roles import Role
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import instance_profiles as profiles

# Source: IAM and STS quotas, "Instance profiles in an AWS account".
QUOTA = 1000

_PROFILES = Inventory(profiles)
_OF_ROLE = Statement(
    select(profiles)
    .where(profiles.c.role_id == bindparam("role"), profiles.c.name > bindparam("after"))
    .order_by(profiles.c.name)
    .limit(bindparam("most"))
)
_GIVE = Statement(update(profiles).where(profiles.c.id == bindparam("profile")).values(role_id=bindparam("role")))


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """An instance profile, with one role or none. *created_at* is in seconds since the epoch."""

    id: str
    account: str
    name: str
    path: str
    role_id: str | None
    created_at: float

    @property
    def arn(self) -> str:
        """The ARN that policies name it by."""
        return f"arn:aws:iam::{self.account}:instance-profile{self.path}{self.name}"


def create(tx: Transaction, account: str, *, name: str, path: str = "/") -> InstanceProfile:
    """A new instance profile, with no role. Raises: ProfileExists, QuotaExceeded."""
    if _PROFILES.namesake(tx, account, name):
        raise ProfileExists(name=name)
    if _PROFILES.count(tx, account) >= QUOTA:
        raise QuotaExceeded(quota="InstanceProfilesPerAccount", limit=QUOTA)
    made = InstanceProfile(clock.new_id("AIPA", 17), account, name, path, None, clock.now())
    _PROFILES.put(tx, id=made.id, account=account, name=name, path=path, role_id=None, created_at=made.created_at)
    raise_generation(tx)
    return made


def get(tx: Transaction, account: str, *, name: str) -> InstanceProfile:
    """The instance profile of that name. Raises: ProfileNotFound."""
    row = _PROFILES.find(tx, account, name)
    if row is None:
        raise ProfileNotFound(name=name)
    return InstanceProfile(**row)


def page(tx: Transaction, account: str, *, prefix: str, after: str, limit: int) -> list[InstanceProfile]:
    """At most *limit* instance profiles whose path begins with *prefix*, behind the name *after*, by name."""
    return [InstanceProfile(**row) for row in _PROFILES.page(tx, account, prefix=prefix, after=after, limit=limit)]


def page_of_role(tx: Transaction, role_id: str, *, after: str, limit: int) -> list[InstanceProfile]:
    """At most *limit* instance profiles that hold a role, behind the name *after*, by name."""
    return [InstanceProfile(**row) for row in tx.all(_OF_ROLE, role=role_id, after=after, most=limit)]


def add_role(tx: Transaction, profile: InstanceProfile, role: Role) -> None:
    """Put a role into a profile that has none. Raises: QuotaExceeded."""
    if profile.role_id is not None:
        raise QuotaExceeded(quota="InstanceSessionsPerInstanceProfile", limit=1)
    tx.run(_GIVE, profile=profile.id, role=role.id)
    raise_generation(tx)


def remove_role(tx: Transaction, profile: InstanceProfile, role: Role) -> None:
    """Take a role out of its profile. Raises: EntityNotFound, where it is not in there."""
    if profile.role_id != role.id:
        raise EntityNotFound(what="role", name=role.name)
    tx.run(_GIVE, profile=profile.id, role=None)
    raise_generation(tx)


def remove(tx: Transaction, profile: InstanceProfile) -> None:
    """Delete an instance profile that holds no role. Raises: InUse."""
    if profile.role_id is not None:
        raise InUse(reason="Cannot delete entity, must remove roles from instance profile first.")
    entity_tags.remove_all(tx, profile.id)
    _PROFILES.delete(tx, profile.id)
    raise_generation(tx)
