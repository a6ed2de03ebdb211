"""
Sealing under keys that customers rule: whose data keys are asked for, and how few bytes lie sealed in a row.

A data key comes wrapped by a key of the customer's, bound to the repository and to what it is for. What it opens is
bound to all else that the text beside it says, so that nothing of that can be changed or exchanged:

    secret = HKDF-SHA256(data key, info = "customer/1|" JSON {context, created, key})

    row    = "RGROW1", NUL, NUL | u32 length | JSON {context, created, key, wrapped} | nonce (12) | AES-256-GCM
    twice  = "RGROW2", NUL, NUL | a row, sealed once more under a key of the deployment

Source: security-design 5.3; Amazon ECR user guide, "Encryption at rest"; the layout is ours.
"""

import base64
import binascii
import secrets
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from entrepot import clock
from entrepot.sealing.envelope import LENGTH, SealBroken, canonical, derive

# The pairs of a context: the repository's ARN, and what the data key is for: an upload, or a digest.
REPOSITORY, PURPOSE = "aws:ecr:arn", "aws:s3:arn"
PREFIX = "arn:"
ROW, TWICE = b"RGROW1\0\0", b"RGROW2\0\0"
_NONCE = 12


class Customer(NamedTuple):
    """Under what the bytes of a repository are sealed: *key* and *repository* are ARNs; *twice*: by us as well."""

    key: str
    repository: str
    twice: bool


class DataKeys(Protocol):
    """Who has keys of customers. A *context* is what a data key is bound to."""

    def new(self, arn: str, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        """A data key of the key *arn*, in clear and wrapped. Raises: KmsUnavailable."""

    def open(self, arn: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """A data key in clear. Raises: KmsUnavailable; SealBroken, where it is another key's or another context's."""


class NoDataKeys:
    """Of a process that has no keys of customers."""

    def new(self, arn: str, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        """Raises: SealBroken."""
        raise SealBroken(f"there is no key {arn}")

    def open(self, arn: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Raises: SealBroken."""
        raise SealBroken(f"there is no key {arn}")


def new_secret(data_keys: DataKeys, customer: Customer, purpose: str) -> tuple[bytes, dict[str, Any]]:
    """A secret for one *purpose*, and the fields from which it is found again. Raises: KmsUnavailable."""
    context = {REPOSITORY: customer.repository, PURPOSE: purpose}
    plain, wrapped = data_keys.new(customer.key, context)
    # To the millisecond: of more digits several mean the same number, and a change of one would not show.
    fields: dict[str, Any] = {"context": context, "created": round(clock.now(), 3), "key": customer.key}
    return _secret(plain, fields), fields | {"wrapped": base64.b64encode(wrapped).decode()}


def open_secret(data_keys: DataKeys, fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """The secret that *fields* keep, and its purpose. Raises: SealBroken, KmsUnavailable."""
    try:
        kept = {name: fields[name] for name in ("context", "created", "key")}
        wrapped = base64.b64decode(fields["wrapped"], validate=True)
        plain = data_keys.open(kept["key"], wrapped, kept["context"])
        return _secret(plain, kept), kept["context"][PURPOSE]
    except (ValueError, TypeError, AttributeError, LookupError, binascii.Error):
        raise SealBroken("the header is damaged") from None


def customer_in(fields: Mapping[str, Any]) -> Customer | None:
    """Whose *fields* are, unverified; None where they are nobody's but ours. Raises: SealBroken."""
    if not str(fields.get("key")).startswith(PREFIX):
        return None
    try:
        return Customer(fields["key"], fields["context"][REPOSITORY], twice="outer" in fields)
    except (TypeError, LookupError):
        raise SealBroken("the header is damaged") from None


def new_row(data_keys: DataKeys, customer: Customer, name: str, content: bytes) -> bytes:
    """*content*, sealed for the row of what *name* identifies. Raises: KmsUnavailable."""
    secret, fields = new_secret(data_keys, customer, name)
    text, nonce = canonical(fields), secrets.token_bytes(_NONCE)
    return ROW + LENGTH.pack(len(text)) + text + nonce + AESGCM(secret).encrypt(nonce, content, None)


def open_row(data_keys: DataKeys, name: str, row: bytes) -> bytes:
    """What ``new_row`` was given. Raises: SealBroken, KmsUnavailable."""
    begin = len(ROW) + LENGTH.size
    try:
        if not row.startswith(ROW):
            raise ValueError(row[: len(ROW)])
        body = begin + LENGTH.unpack(row[len(ROW) : begin])[0]
        secret, purpose = open_secret(data_keys, orjson.loads(row[begin:body]))
        if purpose != name:
            raise SealBroken("this is another row's")
        return AESGCM(secret).decrypt(row[body : body + _NONCE], row[body + _NONCE :], None)
    except (ValueError, LookupError, InvalidTag, struct.error):
        raise SealBroken("the row is damaged, or another's") from None


def _secret(plain: bytes, fields: Mapping[str, Any]) -> bytes:
    return derive(plain, b"customer/1|" + canonical(dict(fields)))
