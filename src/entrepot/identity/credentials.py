"""
Access keys: create, list, switch off and on, delete. Every change raises the generation.

A secret is needed in clear to verify a signature, so it is kept sealed and not hashed: AES-256-GCM
under a key derived from the root key, bound to the access key's id, so that rows cannot be swapped.

    version of the root key(1) | nonce(12) | AES-256-GCM(secret)
"""

import re
import secrets
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary, bindparam, delete, func, insert, select, update

from entrepot import clock
from entrepot.database import Statement, Transaction
from entrepot.identity.faults import EntityAlreadyExists, ExampleKey, KeyNotFound, NameRefused, TooManyKeys
from entrepot.identity.new_keys import NewKey, draw
from entrepot.identity.principals import Principal
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import access_keys
from entrepot.rootkey import RootKey

# Source: IAM and STS quotas, "Access keys assigned to an IAM user"; the root user has two as well.
QUOTA = 2
_KEY_ID = re.compile(r"[A-Z0-9]{9,128}", re.ASCII)
# They stand in AWS's and our own documentation with their secrets.
_EXAMPLES = frozenset({"AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE", "AKIDEXAMPLE", "ASIAIOSFODNN7EXAMPLE"})

_LABEL, _NONCE = b"access-key-secrets", 12

_FIND = Statement(select(access_keys).where(access_keys.c.id == bindparam("id")))
_PUT = Statement(
    insert(access_keys).values(
        {name: bindparam(name) for name in ("id", "account", "user_id", "secret", "active", "created_at")}
    )
)
_OF_OWNER = Statement(
    select(access_keys)
    .where(access_keys.c.account == bindparam("account"), access_keys.c.user_id.is_not_distinct_from(bindparam("user")))
    .order_by(access_keys.c.created_at, access_keys.c.id)
    .limit(100)
)
_SWITCH = Statement(update(access_keys).where(access_keys.c.id == bindparam("key")).values(active=bindparam("state")))
_DELETE = Statement(delete(access_keys).where(access_keys.c.id == bindparam("key")))

_AT_A_TIME = 200
_SEALED_BY = func.substr(access_keys.c.secret, 1, 1, type_=LargeBinary)
_UNDER_OTHERS = Statement(
    select(access_keys.c.id, access_keys.c.secret)
    .where(bindparam("version", type_=LargeBinary) != _SEALED_BY)
    .limit(bindparam("most"))
)
_RESEAL = Statement(update(access_keys).where(access_keys.c.id == bindparam("key")).values(secret=bindparam("sealed")))
_VERSIONS = Statement(select(_SEALED_BY.label("version"), func.count().label("number")).group_by(_SEALED_BY))


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What may be shown of an access key at any time. *created_at* is in seconds since the epoch."""

    id: str
    active: bool
    created_at: float


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key with what is needed to verify a signature made with it."""

    id: str
    secret: str = field(repr=False)
    active: bool
    principal: Principal
    session_token: str | None = field(default=None, repr=False)  # must come with the key; None: none may
    expires_at: float | None = None  # a session's end, in seconds since the epoch; None: never


class Vault:
    """Seals secrets of access keys for their rows."""

    def __init__(self, root_key: RootKey) -> None:
        self._root_key = root_key
        self._cipher = lru_cache(maxsize=8)(lambda version: AESGCM(root_key.derive(_LABEL, version)))

    @property
    def version(self) -> int:
        """The version of the root key that seals now."""
        return self._root_key.seals

    def seal(self, key_id: str, secret: str) -> bytes:
        """What the row of *key_id* keeps of *secret*."""
        version, nonce = self.version, secrets.token_bytes(_NONCE)
        return bytes([version]) + nonce + self._cipher(version).encrypt(nonce, secret.encode(), key_id.encode())

    def open(self, key_id: str, sealed: bytes) -> str:
        """
        The secret again.

        Raises: cryptography.exceptions.InvalidTag, for a row that was tampered with; VersionMissing.
        """
        return self._cipher(sealed[0]).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], key_id.encode()).decode()


def create(tx: Transaction, owner: Principal, *, vault: Vault, key: NewKey | None = None) -> NewKey:
    """
    A new access key of *owner*. A given *key* is taken over from elsewhere.

    Raises: TooManyKeys, ExampleKey, NameRefused, EntityAlreadyExists.
    """
    made = key or draw()
    if made.id in _EXAMPLES:
        raise ExampleKey(id=made.id)
    if not _KEY_ID.fullmatch(made.id):
        raise NameRefused(what="id of an access key", name=made.id, reason="use 9 to 128 of A-Z 0-9")
    if len(page(tx, owner)) >= QUOTA:
        raise TooManyKeys(limit=QUOTA)
    if tx.one(_FIND, id=made.id):
        raise EntityAlreadyExists(what="Access key", name=made.id)
    tx.run(
        _PUT,
        id=made.id,
        account=owner.account,
        user_id=_user_id(owner),
        secret=vault.seal(made.id, made.secret),
        active=1,
        created_at=clock.now(),
    )
    raise_generation(tx)
    return made


def page(tx: Transaction, owner: Principal) -> list[AccessKey]:
    """All access keys of *owner*, the oldest first."""
    rows = tx.all(_OF_OWNER, account=owner.account, user=_user_id(owner))
    return [AccessKey(row["id"], bool(row["active"]), row["created_at"]) for row in rows]


def switch(tx: Transaction, key_id: str, *, active: bool) -> None:
    """Let an access key work, or not: signatures and logins made with it too. Raises: KeyNotFound."""
    if not tx.run(_SWITCH, key=key_id, state=int(active)):
        raise KeyNotFound(id=key_id)
    raise_generation(tx)


def remove(tx: Transaction, key_id: str) -> None:
    """Delete an access key. Raises: KeyNotFound."""
    if not tx.run(_DELETE, key=key_id):
        raise KeyNotFound(id=key_id)
    raise_generation(tx)


def _user_id(owner: Principal) -> str | None:
    return None if owner.kind == "root" else owner.id


def rewrap(tx: Transaction, vault: Vault) -> int:
    """Seal some of the secrets that an older version of the root key sealed under the one that seals now; how many."""
    rows = tx.all(_UNDER_OTHERS, version=bytes([vault.version]), most=_AT_A_TIME)
    for row in rows:
        tx.run(_RESEAL, key=row["id"], sealed=vault.seal(row["id"], vault.open(row["id"], row["secret"])))
    return len(rows)


def versions(tx: Transaction) -> dict[int, int]:
    """How many secrets each version of the root key has sealed."""
    return {row["version"][0]: row["number"] for row in tx.all(_VERSIONS)}
