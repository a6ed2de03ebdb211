"""
What keys seal with, and ciphertexts.

    root key ─HKDF, key id─► wrapping key ─seals─► 32 random bytes, one lot for each rotation ─seal─► data

    row        = version of the root key(1) | nonce(12) | AES-256-GCM(32 random bytes) | tag(16)

    ciphertext = version(1) | key id(16) | rotation(4) | nonce(12) | AES-256-GCM(plain) | tag(16)

Authenticated beside the plain text: the head of the ciphertext and the encryption context, sorted, each key and
each value preceded by its length. Source: security-design 5.1.
"""

import hashlib
import secrets
import struct
from collections.abc import Mapping
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary, bindparam, delete, func, insert, select, update

from entrepot import clock
from entrepot.database import Statement, Transaction
from entrepot.identity.derivation import joined
from entrepot.keys.faults import CiphertextInvalid
from entrepot.keys.tables import kms_materials
from entrepot.rootkey import RootKey

_VERSION, _SIZE, _NONCE, _TAG = 1, 32, 12, 16
_HEAD = struct.Struct(">B16sI")

_OF_KEY = kms_materials.c.key_id == bindparam("key")
_LATEST = Statement(select(kms_materials).where(_OF_KEY).order_by(kms_materials.c.version.desc()).limit(1))
_FIND = Statement(select(kms_materials).where(_OF_KEY, kms_materials.c.version == bindparam("number")))
_AFTER = Statement(
    select(kms_materials.c.version, kms_materials.c.created_at, kms_materials.c.rotation)
    .where(_OF_KEY, kms_materials.c.version > bindparam("after"))
    .order_by(kms_materials.c.version)
    .limit(bindparam("most"))
)
_PUT = Statement(
    insert(kms_materials).values(
        key_id=bindparam("key"),
        version=bindparam("number"),
        sealed=bindparam("sealed"),
        created_at=bindparam("at"),
        rotation=bindparam("why"),
    )
)
_DELETE = Statement(delete(kms_materials).where(_OF_KEY))

_AT_A_TIME = 200
_SEALED_BY = func.substr(kms_materials.c.sealed, 1, 1, type_=LargeBinary)
_UNDER_OTHERS = Statement(
    select(kms_materials).where(bindparam("root_version", type_=LargeBinary) != _SEALED_BY).limit(bindparam("most"))
)
_RESEAL = Statement(
    update(kms_materials)
    .where(_OF_KEY, kms_materials.c.version == bindparam("number"))
    .values(sealed=bindparam("resealed"))
)
_VERSIONS = Statement(select(_SEALED_BY.label("root_version"), func.count().label("count")).group_by(_SEALED_BY))


class Lot(NamedTuple):
    """What may be shown of one lot of material. *rotation*: why it came, None for the first."""

    version: int
    created_at: float
    rotation: str | None


class Opened(NamedTuple):
    """A plain text, and which lot of material it was sealed with."""

    plain: bytes
    version: int


class Ciphertext(NamedTuple):
    """A ciphertext, taken apart; *head* and *body* are as they came."""

    key_id: str
    version: int
    head: bytes
    body: bytes


def add(tx: Transaction, key_id: str, root_key: RootKey, *, rotation: str | None = None) -> None:
    """Give a key new material: from now on it seals with that, and still opens what it sealed before."""
    row = tx.one(_LATEST, key=key_id)
    version = row["version"] + 1 if row else 1
    sealed = _wrap(secrets.token_bytes(_SIZE), key_id, version, root_key=root_key)
    tx.run(_PUT, key=key_id, number=version, sealed=sealed, at=clock.now(), why=rotation)


def remove(tx: Transaction, key_id: str) -> None:
    """Destroy what a key seals with: nothing that it sealed can be opened again."""
    tx.run(_DELETE, key=key_id)


def lots(tx: Transaction, key_id: str, *, after: int, limit: int) -> list[Lot]:
    """The lots of a key behind *after*, the oldest first, *limit* of them at most."""
    return [Lot(*row) for row in tx.all(_AFTER, key=key_id, after=after, most=limit)]


def latest(tx: Transaction, key_id: str) -> int:
    """The version of the lot that a key seals with. A key has one."""
    row = tx.one(_LATEST, key=key_id)
    return int(row["version"]) if row else 0


def public_id(key_id: str, version: int) -> str:
    """What KMS calls the id of a lot: 64 hex digits, which tell nothing of it."""
    return hashlib.sha256(_bound(key_id, version)).hexdigest()


def seal(
    tx: Transaction, key_id: str, plain: bytes, *, context: Mapping[str, str], root_key: RootKey
) -> tuple[bytes, int]:
    """*plain* as a ciphertext of the key, bound to *context*; and the version of the lot that it was sealed with."""
    row = tx.one(_LATEST, key=key_id)
    if row is None:
        raise RuntimeError(f"the key {key_id} has no material")
    material = _unwrap(row["sealed"], key_id, row["version"], root_key=root_key)
    head = _HEAD.pack(_VERSION, bytes.fromhex(key_id.replace("-", "")), row["version"])
    return head + _seal(material, plain, bound=head + _context(context)), row["version"]


def parse(blob: bytes) -> Ciphertext | None:
    """The parts of a ciphertext; None for what cannot be one."""
    if len(blob) < _HEAD.size + _NONCE + _TAG or blob[0] != _VERSION:
        return None
    _, key_id, version = _HEAD.unpack(blob[: _HEAD.size])
    digits = key_id.hex()
    shown = "-".join(digits[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
    return Ciphertext(shown, version, blob[: _HEAD.size], blob[_HEAD.size :])


def open_(tx: Transaction, sealed: Ciphertext, *, context: Mapping[str, str], root_key: RootKey) -> Opened:
    """
    What was sealed, and with which lot.

    Raises: CiphertextInvalid, whatever is wrong: the bytes, the context, or that the key has no such lot.
    """
    row = tx.one(_FIND, key=sealed.key_id, number=sealed.version)
    if row is None:
        raise CiphertextInvalid
    material = _unwrap(row["sealed"], sealed.key_id, sealed.version, root_key=root_key)
    try:
        plain = _open(material, sealed.body, bound=sealed.head + _context(context))
    except InvalidTag:
        raise CiphertextInvalid from None
    return Opened(plain, sealed.version)


def rewrap(tx: Transaction, root_key: RootKey) -> int:
    """Seal some of the lots that an older version of the root key sealed under the one that seals now; how many."""
    rows = tx.all(_UNDER_OTHERS, root_version=bytes([root_key.seals]), most=_AT_A_TIME)
    for row in rows:
        key_id, version = row["key_id"], row["version"]
        plain = _unwrap(row["sealed"], key_id, version, root_key=root_key)
        tx.run(_RESEAL, key=key_id, number=version, resealed=_wrap(plain, key_id, version, root_key=root_key))
    return len(rows)


def root_versions(tx: Transaction) -> dict[int, int]:
    """How many lots each version of the root key has sealed."""
    return {row["root_version"][0]: row["count"] for row in tx.all(_VERSIONS)}


def _wrapping(root_key: RootKey, key_id: str, *, version: int) -> bytes:
    return root_key.derive(f"kms-wrap/{key_id}".encode(), version)


def _wrap(material: bytes, key_id: str, version: int, *, root_key: RootKey) -> bytes:
    seals = root_key.seals
    wrapping = _wrapping(root_key, key_id, version=seals)
    return bytes([seals]) + _seal(wrapping, material, bound=_bound(key_id, version))


def _unwrap(sealed: bytes, key_id: str, version: int, *, root_key: RootKey) -> bytes:
    """
    The material of a row.

    Raises: cryptography.exceptions.InvalidTag, for a row that was tampered with; VersionMissing.
    """
    wrapping = _wrapping(root_key, key_id, version=sealed[0])
    return _open(wrapping, sealed[1:], bound=_bound(key_id, version))


def _bound(key_id: str, version: int) -> bytes:
    return joined(b"kms-material", key_id.encode(), str(version).encode())


def _context(context: Mapping[str, str]) -> bytes:
    return joined(*(part.encode() for pair in sorted(context.items()) for part in pair))


def _seal(key: bytes, plain: bytes, *, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _open(key: bytes, sealed: bytes, *, bound: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
