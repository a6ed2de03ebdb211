"""
Passwords for docker login: they carry who somebody is, never what somebody may do.

Each is checked on every request against the identities of that moment, so that deleting a user or
switching off an access key ends its logins too, without waiting for the twelve hours. A session's password
holds the session, and ends with its revocation. Each kind is sealed under a label of its own: one opens as no other.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

import cbor2

from entrepot.identity import sessions
from entrepot.identity.credentials import Credential
from entrepot.identity.faults import LoginExpired, LoginInvalid, TokenInvalid
from entrepot.identity.principals import ANONYMOUS, Principal
from entrepot.identity.sessions import Session
from entrepot.identity.tokens import Ring

# Source: ECR API reference, GetAuthorizationToken.
LIFETIME = 12 * 3600
# Another machine's clock may be ahead of ours by this much.
_AHEAD = 300
_MOST_REMEMBERED = 10_000


class Kind(StrEnum):
    """What a password opens: private registries, the public one, or the latter for one client, by its bearer token."""

    PRIVATE = "docker-login"
    PUBLIC = "public-login"
    BEARER = "public-bearer"


@dataclass(frozen=True, slots=True)
class Login:
    """A new password and when it ends, in seconds since the epoch."""

    password: str = field(repr=False)
    expires_at: int


@dataclass(frozen=True, slots=True)
class Opened:
    """Whose password it was. *expires_at* is in seconds since the epoch; *access_key_id* may be a session's."""

    principal: Principal
    expires_at: int
    access_key_id: str


@dataclass(frozen=True, slots=True)
class _Plain:
    principal_id: str
    access_key_id: str
    issued_at: int
    expires_at: int
    session: Session | None


class Logins:
    """Makes and opens the passwords of one deployment."""

    def __init__(
        self,
        ring: Ring,
        *,
        credential: Callable[[str], Credential | None],
        principal: Callable[[Session], Principal | None],
    ) -> None:
        """*principal* tells who acts in a session, and None once it is revoked."""
        self._ring = ring
        self._credential = credential
        self._principal = principal
        # A password's contents never change, so decrypting it once is enough: 1 µs instead of 10.
        self._plain = lru_cache(maxsize=_MOST_REMEMBERED)(self._decrypt)

    def issue(
        self,
        principal: Principal,
        access_key_id: str,
        region: str,
        *,
        capped: bool = False,
        kind: Kind = Kind.PRIVATE,
        seconds: int = LIFETIME,
    ) -> Login:
        """
        A password for *principal*, who has just signed with *access_key_id*, good for so many *seconds*.

        It lasts as long as ECR's, also where the session that asks for it is shorter; *capped*: not longer than that.
        """
        now, session = int(self._ring.now()), principal.session
        expires_at = now + seconds
        if capped and session is not None:
            expires_at = min(expires_at, int(session.expires_at))
        claims = (
            secrets.token_bytes(16),
            principal.kind,
            principal.id,
            principal.account,
            None if session is None else sessions.pack(session),
            access_key_id,
            now,
            expires_at,
            region,
        )
        return Login(self._ring.seal(kind, cbor2.dumps(claims)), expires_at)

    def open(self, password: str, kind: Kind = Kind.PRIVATE) -> Opened:
        """
        Who logged in with *password*, if that still counts and is of that *kind*.

        Raises: LoginExpired, after its twelve hours; LoginInvalid, for everything else.
        """
        try:
            plain = self._plain(password, kind)
        except TokenInvalid:
            raise LoginInvalid from None
        now = self._ring.now()
        if plain.issued_at > now + _AHEAD:
            raise LoginInvalid
        if now >= plain.expires_at:
            raise LoginExpired
        principal = self._owner(plain) if plain.session is None else self._principal(plain.session)
        if principal is None or principal.id != plain.principal_id:
            raise LoginInvalid
        return Opened(principal, plain.expires_at, plain.access_key_id)

    def _owner(self, plain: _Plain) -> Principal | None:
        """Who has the access key that the password was asked for with, while it is active; nobody needs one."""
        if plain.principal_id == ANONYMOUS.id:
            return ANONYMOUS
        credential = self._credential(plain.access_key_id)
        return None if credential is None or not credential.active else credential.principal

    def _decrypt(self, password: str, kind: Kind) -> _Plain:
        claims = cbor2.loads(self._ring.open(kind, password))
        return _Plain(
            principal_id=claims[2],
            access_key_id=claims[5],
            issued_at=claims[6],
            expires_at=claims[7],
            session=None if claims[4] is None else sessions.unpack(claims[4]).session,
        )
