"""
Sessions: temporary credentials that no table knows. All that a session is travels, sealed, in its token.

    access key id   "ASIA" and 16 characters: 40 bits of the account, 40 random ones
    session token   sealed under the label "sts" and bound to the access key id; it holds the secret too

So every worker and region of the deployment can judge a session without having heard of it. What may still
end one early is known elsewhere: its role or user is gone, or has been told that older sessions are void.
"""

import base64
import secrets
import zlib
from dataclasses import astuple, dataclass, field, replace
from typing import Literal, NamedTuple

import cbor2

from entrepot.identity.faults import TokenInvalid
from entrepot.identity.session_faults import PackedPolicyTooLarge
from entrepot.identity.tokens import Ring

LABEL = "sts"
PREFIX = "ASIA"
LONGEST_TOKEN = 4096  # characters. Source: AWS STS API reference, AssumeRole


def _plain_of(token: int) -> int:
    """How many bytes a token of *token* characters seals: prefix, header, nonce and tag are not among them."""
    return max(0, -(-(token - 4) * 3 // 4) - 33)


_LONGEST_PLAIN = _plain_of(LONGEST_TOKEN)


@dataclass(frozen=True, slots=True)
class Session:
    """
    Whose session, and all that a decision needs to know of it. Times are in seconds since the epoch.

    *principal_id* is the role (AROA…), the user (AIDA…) or the account (its root user) behind it.
    """

    kind: Literal["role", "user", "federated"]
    principal_id: str
    account: str
    name: str  # of the session; empty for a user's own
    issued_at: float
    expires_at: float
    depth: int = 0  # how many roles were assumed on the way to this one
    source_identity: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()  # keys of those tags that the next session of a chain inherits
    policy: str | None = None  # the session's own policy, a document
    policy_arns: tuple[str, ...] = ()
    mfa_at: float | None = None
    provider: str | None = None  # of a web identity: the ARN of its provider, its subject and its audience
    subject: str | None = None
    audience: str | None = None

    @property
    def has_policies(self) -> bool:
        """Whether session policies take part in every decision; a federated user has at least an empty one."""
        return self.kind == "federated" or self.policy is not None or bool(self.policy_arns)


@dataclass(frozen=True, slots=True)
class SessionCredentials:
    """What a client needs to sign as a session. *expires_at* is in seconds since the epoch."""

    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: float


class Opened(NamedTuple):
    """A session and the secret that its requests are signed with."""

    session: Session
    secret: str


def issue(ring: Ring, session: Session, *, least_token: int = 0) -> SessionCredentials:
    """
    New credentials of *session*, whose token has at least *least_token* characters (at most 4,096).

    Raises: PackedPolicyTooLarge.
    """
    key_id = _new_key_id(session.account)
    secret = base64.b64encode(secrets.token_bytes(30)).decode()
    plain = pack(session, secret)
    if len(plain) > _LONGEST_PLAIN:
        raise PackedPolicyTooLarge(percent=100 * len(plain) // _LONGEST_PLAIN)
    padded = plain.ljust(min(_plain_of(least_token), _LONGEST_PLAIN), b"\0")
    token = ring.seal(LABEL, padded, context=key_id.encode())
    return SessionCredentials(key_id, secret, token, session.expires_at)


def open_token(ring: Ring, access_key_id: str, *, token: str) -> Opened:
    """
    The session of *token*, however long ago it ended: who asks looks at its ``expires_at``.

    Raises: TokenInvalid, when it is no token of ours or not that key's.
    """
    if len(token) > LONGEST_TOKEN:
        raise TokenInvalid
    return unpack(ring.open(LABEL, token, context=access_key_id.encode()))


def pack(session: Session, secret: str = "") -> bytes:
    """*session* as bytes, to be sealed."""
    return zlib.compress(cbor2.dumps([secret, *astuple(session)]), 9)


def unpack(plain: bytes) -> Opened:
    """What ``pack`` packed."""
    secret, *members = cbor2.loads(zlib.decompressobj().decompress(plain))  # padding may follow
    session = Session(*members)
    # CBOR knows one kind of list, and what a session holds has to be hashable.
    return Opened(
        replace(
            session,
            tags=tuple((key, value) for key, value in session.tags),
            transitive=tuple(session.transitive),
            policy_arns=tuple(session.policy_arns),
        ),
        secret,
    )


def packed_percent(session: Session) -> int | None:
    """How much of the room for policies and tags is used, as STS says it; None where there are neither."""
    if session.policy is None and not session.policy_arns and not session.tags:
        return None
    packed = zlib.compress(cbor2.dumps([session.policy, session.policy_arns, session.tags]), 9)
    return -(-100 * len(packed) // _LONGEST_PLAIN)


def confines(session: Session | None, action: str) -> bool:
    """
    Whether credentials of such a session are of no use at all for *action* (``iam:GetUser``).

    Source: AWS STS API reference, GetSessionToken and GetFederationToken: neither opens IAM (the former does
    with MFA), nor STS but for GetCallerIdentity, the former also AssumeRole. GetServiceBearerToken is no operation
    of STS's: another service asks whether its caller has that right. What is ours makes keys and ends sessions, as IAM
    does.
    """
    if session is None or session.kind == "role":
        return False
    service, _, operation = action.partition(":")
    if service in {"iam", "entrepot"}:
        return session.kind == "federated" or session.mfa_at is None
    if service == "sts":
        opened = {"GetCallerIdentity", "GetServiceBearerToken"}
        return operation not in (opened | {"AssumeRole"} if session.kind == "user" else opened)
    return False


def account_of_key(access_key_id: str) -> str | None:
    """The account that a session's access key id was made for; None where it is none."""
    try:
        raw = base64.b32decode(access_key_id.removeprefix(PREFIX)) if access_key_id.startswith(PREFIX) else b""
    except ValueError:
        return None
    account = int.from_bytes(raw[:5], "big")
    return f"{account:012d}" if len(raw) == 10 and account < 10**12 else None


def _new_key_id(account: str) -> str:
    return PREFIX + base64.b32encode(int(account).to_bytes(5, "big") + secrets.token_bytes(5)).decode()
