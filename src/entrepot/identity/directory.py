"""
Who is who, as one process knows it: principals and credentials, cached under the generation.

A change of identities raises the generation in its own transaction. Every question here first looks
whether anybody's rights were changed (``database.commits``); if so the generation is read again, and
where it has been raised, everything known is forgotten. So what was taken away is gone from every worker
with the next request, and a push, which commits but raises nothing, empties no cache.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import ParamSpec, TypeVar

from sqlalchemy import bindparam, select

from entrepot import clock
from entrepot.database import Database, Row, Statement, Transaction
from entrepot.identity import deployment, entities, organization_arns
from entrepot.identity.authority import Authority, Guards
from entrepot.identity.credentials import Credential, Vault
from entrepot.identity.facts import NO_FACTS, Facts, Guard
from entrepot.identity.faults import TokenInvalid
from entrepot.identity.logins import Logins
from entrepot.identity.policy import Decision, Kind, compile_policy
from entrepot.identity.principals import Principal, role_of, root_of, session_of, user_of
from entrepot.identity.rows import generation_of
from entrepot.identity.sessions import Session, open_token
from entrepot.identity.tables import access_keys, accounts, roles, users
from entrepot.identity.tokens import Ring, never_back
from entrepot.rootkey import RootKey

# The ARN by which policies know what a request names: see ``entities.located``.
Locate = Callable[[entities.Look, str], str]

P = ParamSpec("P")
T = TypeVar("T")

_ACCOUNT = Statement(select(accounts.c.id).where(accounts.c.id == bindparam("account")))
_USER = Statement(select(users).where(users.c.id == bindparam("user")))
_ROLE = Statement(select(roles).where(roles.c.id == bindparam("role")))
_KEY = Statement(select(access_keys).where(access_keys.c.id == bindparam("key")))

_MOST_KNOWN = 10_000
_MOST_SESSIONS = 2_000  # their tokens have up to 4 KiB


class _Unknown(Exception):
    """There is nobody of that id. An exception, because the caches keep what is returned, not what is raised."""


class Directory:
    """Everybody, for one process; of all its threads."""

    def __init__(
        self,
        database: Database,
        root_key: RootKey,
        *,
        guards: Guards | None = None,
        locate: Locate | None = None,
        endpoint_policy: str | None = None,
    ) -> None:
        """
        *database* must have been established with *root_key*. *guards* and *locate* know the resources that are not of
        identity; *endpoint_policy* is that of the interface endpoint through which all requests come here.

        Raises: RootKeyRefused, when *root_key* is another.
        """
        self._database = database
        self._guards = guards or (lambda tx, arn, principal: None)
        self._locate = locate or (lambda look, resource: resource)
        self._endpoint = None if endpoint_policy is None else compile_policy(endpoint_policy, Kind.ENDPOINT)
        self._vault = Vault(root_key)
        self._rights = database.rights_version
        # What is known, and under which number of changed rights.
        self._seen = -1, _Known(-1, self)
        identity, restored_at = deployment.establish(database, root_key), deployment.restored_at(database)
        self.ring = Ring(root_key, identity, never_back(clock.now), restored_at=restored_at)
        # What an access key has signed in advance before this is void, as is all that the ring has made.
        self.signed_from = restored_at or 0.0
        self.logins = Logins(self.ring, credential=self.credential, principal=self.principal_in)

    def generation(self) -> int:
        """A number that differs from the last one exactly when identities, policies or settings have changed."""
        return self._current().generation

    def credential(self, access_key_id: str, token: str | None = None) -> Credential | None:
        """
        The access key of that id, whether active or not; None where there is none or its owner is gone.

        With a session *token*: the session's, whether over or not; None where it was revoked.
        """
        known = self._current()
        if token is None:
            return _found(known.credential, access_key_id)
        return _found(known.session_credential, access_key_id, token)

    def principal(self, principal_id: str) -> Principal | None:
        """The principal of that id; None where there is none, or no longer."""
        return _found(self._current().principal, principal_id)

    def principal_in(self, session: Session) -> Principal | None:
        """Who acts in *session*; None where it was revoked, or whose it was is gone. It may be over."""
        return _found(self._current().session_principal, session)

    def authorize(
        self, principal: Principal, action: str, resource: str, *, facts: Facts = NO_FACTS, guard: Guard | None = None
    ) -> bool:
        """
        Return if *principal* may; the one door for every face. *guard* stands in for what is known of the resource.

        The answer says whether that holds for equal requests until the generation changes. Raises: AccessDenied.
        """
        return self._current().authority.authorize(principal, action, resource, facts=facts, guard=guard)

    def decide(
        self, principal: Principal, action: str, resource: str, *, facts: Facts = NO_FACTS, guard: Guard | None = None
    ) -> Decision:
        """What ``authorize`` would go by."""
        return self._current().authority.decide(principal, action, resource, facts=facts, guard=guard)

    def located(self, principal: Principal, resource: str) -> str:
        """The ARN by which policies know the resource of a request by *principal*: see ``entities.located``."""
        if resource.startswith(organization_arns.PREFIX):
            return self._read(lambda tx: organization_arns.located(tx, resource, account=principal.account))
        if not resource.startswith(entities.PREFIX):
            return self._locate(self._database.look, resource)
        return entities.located(self._database.look, resource, principal)

    def new_authority(self) -> Authority:
        """One that has decided nothing yet."""
        return Authority(self._read, self._guard_of, self._endpoint)

    def _guard_of(self, tx: Transaction, arn: str, principal: Principal) -> Guard | None:
        if arn.startswith(organization_arns.ARN):
            return organization_arns.guard_of(tx, arn)
        return entities.guard_of(tx, arn) if arn.startswith(entities.PREFIX) else self._guards(tx, arn, principal)

    def _read(self, work: Callable[[Transaction], T]) -> T:
        with self._database.reading() as tx:
            return work(tx)

    def _current(self) -> "_Known":
        # Both in one: a thread that was slow may bring back an older pair, which the next one finds to be old.
        version, known = self._seen
        now = self._rights()
        if version == now:
            return known
        current = generation_of(self._database.look)
        if current != known.generation:
            known = _Known(current, self)
        self._seen = now, known
        return known

    def load_principal(self, principal_id: str) -> Principal:
        """Read, past the cache. Raises: _Unknown."""
        return self._valid_principal(principal_id, issued_at=math.inf)

    def load_session_principal(self, session: Session) -> Principal:
        """Read, past the cache. Raises: _Unknown."""
        return session_of(self._valid_principal(session.principal_id, issued_at=session.issued_at), session)

    def load_session_credential(self, access_key_id: str, token: str) -> Credential:
        """Open, past the cache. Raises: _Unknown."""
        try:
            session, secret = open_token(self.ring, access_key_id, token=token)
        except TokenInvalid:
            raise _Unknown from None
        principal = self.load_session_principal(session)
        return Credential(access_key_id, secret, True, principal, session_token=token, expires_at=session.expires_at)

    def _valid_principal(self, principal_id: str, *, issued_at: float) -> Principal:
        """The user, role or root user of that id, unless sessions *issued_at* that time are void by now."""
        if principal_id.isdecimal():
            if self._database.look(_ACCOUNT, account=principal_id) is None:
                raise _Unknown
            return root_of(principal_id)
        if principal_id.startswith("AROA"):
            row = self._database.look(_ROLE, role=principal_id)
        else:
            row = self._database.look(_USER, user=principal_id)
        if row is None or issued_at < row["valid_after"]:
            raise _Unknown
        if principal_id.startswith("AROA"):
            return role_of(row["account"], role_id=row["id"], path=row["path"], name=row["name"])
        return user_of(row["account"], user_id=row["id"], path=row["path"], name=row["name"])

    def load_credential(self, access_key_id: str) -> Credential:
        """Read, past the cache. Raises: _Unknown."""
        row: Row | None = self._database.look(_KEY, key=access_key_id)
        if row is None:
            raise _Unknown
        owner = self.load_principal(row["user_id"] or row["account"])
        return Credential(row["id"], self._vault.open(row["id"], row["secret"]), bool(row["active"]), owner)


class _Known:
    """
    What was read since the generation became what it is.

    A new generation gets a new one: a thread that is just reading an old row puts it into the old one,
    where nobody will look again.
    """

    __slots__ = ("authority", "credential", "generation", "principal", "session_credential", "session_principal")

    def __init__(self, value: int, directory: Directory) -> None:
        self.generation = value
        self.authority = directory.new_authority()
        self.credential = lru_cache(maxsize=_MOST_KNOWN)(directory.load_credential)
        self.principal = lru_cache(maxsize=_MOST_KNOWN)(directory.load_principal)
        self.session_credential = lru_cache(maxsize=_MOST_SESSIONS)(directory.load_session_credential)
        self.session_principal = lru_cache(maxsize=_MOST_SESSIONS)(directory.load_session_principal)


def _found(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    try:
        return read(*args, **kwargs)
    except _Unknown:
        return None
