"""Who asks: a principal, as every other module sees it."""

from dataclasses import dataclass
from typing import Literal

from entrepot.identity.sessions import Session


@dataclass(frozen=True, slots=True)
class Principal:
    """
    Someone who may be allowed things. *id* is never used twice; a namesake created later has another.

    *session* is there for temporary credentials, of a user as well as of a role. *base* is whose rights a
    role session or a federated user has at most: the role, or the user who made it.
    """

    id: str  # a role session's is AROA…:name
    account: str
    arn: str
    kind: Literal["root", "user", "role", "role session", "federated user", "web identity", "anonymous", "service"]
    name: str
    session: Session | None = None
    base: "Principal | None" = None

    @property
    def source(self) -> "Principal":
        """Whose identity-based policies count: the user, the role behind the session, …"""
        return self.base or self


ANONYMOUS = Principal("anonymous", "", "anonymous", "anonymous", "anonymous")


def root_of(account: str) -> Principal:
    """The root user of an account. Source: IAM user guide, "AWS account root user"; its id is the account's."""
    return Principal(account, account, f"arn:aws:iam::{account}:root", "root", "root")


def user_of(account: str, *, user_id: str, path: str, name: str) -> Principal:
    """A user of an account. *path* begins and ends with a slash."""
    return Principal(user_id, account, f"arn:aws:iam::{account}:user{path}{name}", "user", name)


def role_of(account: str, *, role_id: str, path: str, name: str) -> Principal:
    """A role of an account: it asks for nothing itself, its sessions do. *path* begins and ends with a slash."""
    return Principal(role_id, account, f"arn:aws:iam::{account}:role{path}{name}", "role", name)


def service_of(name: str, *, account: str) -> Principal:
    """A service (``ecr.amazonaws.com``) that acts for an *account*: it has the rights that resources give it."""
    return Principal(f"{account}:{name}", account, name, "service", name)


def session_of(base: Principal, session: Session) -> Principal:
    """Who signs as *session* of *base*. Source: IAM user guide, "IAM identifiers"; STS API reference."""
    sts = f"arn:aws:sts::{session.account}"
    if session.kind == "role":
        arn = f"{sts}:assumed-role/{base.name}/{session.name}"
        return Principal(f"{base.id}:{session.name}", base.account, arn, "role session", base.name, session, base)
    if session.kind == "federated":
        arn = f"{sts}:federated-user/{session.name}"
        return Principal(
            f"{base.account}:{session.name}", base.account, arn, "federated user", session.name, session, base
        )
    return Principal(base.id, base.account, base.arn, base.kind, base.name, session)
