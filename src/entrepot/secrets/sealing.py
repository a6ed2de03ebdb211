"""
Values at rest: each under a data key of its own, which is kept under a key of KMS, as a data key of KMS's is.

    key of KMS ─seals, bound to the ARN and the version─► data key ─AES-256-GCM, bound to the same─► value

Source: Secrets Manager user guide, "Secret encryption and decryption in AWS Secrets Manager".
"""

import secrets as chance
from collections.abc import Mapping
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from entrepot.database import Transaction
from entrepot.identity.derivation import joined
from entrepot.keys import material
from entrepot.keys.faults import CiphertextInvalid
from entrepot.rootkey import RootKey
from entrepot.secrets.faults import DecryptionFailure

_SIZE, _NONCE = 32, 12

Context = Mapping[str, str]


class Sealed(NamedTuple):
    """A value: its *data_key* as a ciphertext of KMS, and what that seals."""

    data_key: bytes
    body: bytes


def context_of(arn: str, version: str) -> Context:
    """The encryption context under which KMS seals the data key of a version."""
    return {"SecretARN": arn, "SecretVersionId": version}


def seal(tx: Transaction, key_id: str, plain: bytes, *, context: Context, root_key: RootKey) -> Sealed:
    """*plain* under a new data key, and that under the key of KMS with that id."""
    data_key, nonce = chance.token_bytes(_SIZE), chance.token_bytes(_NONCE)
    wrapped, _ = material.seal(tx, key_id, data_key, context=context, root_key=root_key)
    return Sealed(wrapped, nonce + AESGCM(data_key).encrypt(nonce, plain, _bound(context)))


def open_(tx: Transaction, sealed: Sealed, *, context: Context, root_key: RootKey) -> bytes:
    """The value. Raises: DecryptionFailure, where it was tampered with, or is another version's."""
    data_key = _data_key(tx, sealed, context=context, root_key=root_key)
    nonce, body = sealed.body[:_NONCE], sealed.body[_NONCE:]
    try:
        return AESGCM(data_key).decrypt(nonce, body, _bound(context))
    except InvalidTag:
        raise DecryptionFailure from None


def rewrapped(tx: Transaction, key_id: str, sealed: Sealed, *, context: Context, root_key: RootKey) -> bytes:
    """The data key of a value as a ciphertext of another key. Raises: DecryptionFailure."""
    data_key = _data_key(tx, sealed, context=context, root_key=root_key)
    return material.seal(tx, key_id, data_key, context=context, root_key=root_key)[0]


def key_of(sealed: Sealed) -> str | None:
    """The id of the key of KMS that opens a value; None where the row was tampered with."""
    parts = material.parse(sealed.data_key)
    return None if parts is None else parts.key_id


def _data_key(tx: Transaction, sealed: Sealed, *, context: Context, root_key: RootKey) -> bytes:
    parts = material.parse(sealed.data_key)
    if parts is None:
        raise DecryptionFailure
    try:
        return material.open_(tx, parts, context=context, root_key=root_key).plain
    except CiphertextInvalid:
        raise DecryptionFailure from None


def _bound(context: Context) -> bytes:
    return joined(*(part.encode() for pair in sorted(context.items()) for part in pair))
