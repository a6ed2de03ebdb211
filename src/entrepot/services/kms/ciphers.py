"""
What keys are for: data and data keys, sealed and opened.

These run on threads of the pool: they change nothing, and need a few rows and a few microseconds each. Whether a key
may still be used is looked up each time.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from entrepot.call import Call, moves_bytes
from entrepot.database import Transaction
from entrepot.errors import Validation
from entrepot.keys import keys, material, names
from entrepot.keys.faults import CiphertextInvalid, KeyIncorrect, Unsupported
from entrepot.keys.keys import Key
from entrepot.services.kms import conditions, shapes
from entrepot.services.kms.shapes import SYMMETRIC, Output

_SIZES = {"AES_256": 32, "AES_128": 16}
_CONTEXT = "kms:encryptioncontext"


@moves_bytes
def encrypt(
    call: Call,
    *,
    key_id: str,
    plaintext: bytes,
    encryption_context: Mapping[str, str] | None = None,
    grant_tokens: Sequence[str] = (),
    encryption_algorithm: str = SYMMETRIC,
    dry_run: bool = False,
) -> Output:
    """
    Seal data of up to 4 KiB.

    Raises: KeyNotFound, KeyDisabled, KeyPendingDeletion, Unsupported, DryRun. Source: KMS API reference, Encrypt.
    """
    _check_algorithms(encryption_algorithm)
    arn, blob, _ = _sealed(call, key_id, plaintext, context=encryption_context, dry_run=dry_run)
    return {"CiphertextBlob": blob, "KeyId": arn, "EncryptionAlgorithm": SYMMETRIC}


@moves_bytes
def decrypt(
    call: Call,
    *,
    ciphertext_blob: bytes = b"",
    encryption_context: Mapping[str, str] | None = None,
    grant_tokens: Sequence[str] = (),
    key_id: str | None = None,
    encryption_algorithm: str = SYMMETRIC,
    recipient: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    dry_run_modifiers: Sequence[str] = (),
) -> Output:
    """
    Open what a key has sealed; by which one, the ciphertext says.

    Raises: CiphertextInvalid, KeyIncorrect, KeyNotFound, KeyDisabled, KeyPendingDeletion, Unsupported, DryRun.
    Source: KMS API reference, Decrypt.
    """
    _check_algorithms(encryption_algorithm)
    _refuse_recipient(recipient)
    with call.runtime.database.reading() as tx:
        key, opened = _opened(call, tx, ciphertext_blob, context=encryption_context, key_id=key_id)
    shapes.end_dry_run(dry_run)
    return {
        "KeyId": key.arn,
        "Plaintext": opened.plain,
        "EncryptionAlgorithm": SYMMETRIC,
        "KeyMaterialId": material.public_id(key.id, opened.version),
    }


@moves_bytes
def re_encrypt(
    call: Call,
    *,
    destination_key_id: str,
    ciphertext_blob: bytes = b"",
    source_encryption_context: Mapping[str, str] | None = None,
    source_key_id: str | None = None,
    destination_encryption_context: Mapping[str, str] | None = None,
    source_encryption_algorithm: str = SYMMETRIC,
    destination_encryption_algorithm: str = SYMMETRIC,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
    dry_run_modifiers: Sequence[str] = (),
) -> Output:
    """
    Open what one key has sealed and seal it with another, without showing it.

    Raises: AccessDenied, where it may not be sealed so; and what Decrypt and Encrypt raise.
    Source: KMS API reference, ReEncrypt.
    """
    _check_algorithms(source_encryption_algorithm, destination_encryption_algorithm)
    _authorize_sealing(call, destination_key_id, destination_encryption_context or {})
    with call.runtime.database.reading() as tx:
        source, opened = _opened(call, tx, ciphertext_blob, context=source_encryption_context, key_id=source_key_id)
    arn, blob, used = _sealed(
        call, destination_key_id, opened.plain, context=destination_encryption_context, dry_run=dry_run
    )
    return {
        "CiphertextBlob": blob,
        "SourceKeyId": source.arn,
        "KeyId": arn,
        "SourceEncryptionAlgorithm": SYMMETRIC,
        "DestinationEncryptionAlgorithm": SYMMETRIC,
        "SourceKeyMaterialId": material.public_id(source.id, opened.version),
        "DestinationKeyMaterialId": used,
    }


@moves_bytes
def generate_data_key(
    call: Call,
    *,
    key_id: str,
    encryption_context: Mapping[str, str] | None = None,
    number_of_bytes: int | None = None,
    key_spec: str | None = None,
    grant_tokens: Sequence[str] = (),
    recipient: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> Output:
    """
    A new key for data, in clear and sealed.

    Raises: KeyNotFound, KeyDisabled, KeyPendingDeletion, Validation, Unsupported, DryRun.
    Source: KMS API reference, GenerateDataKey.
    """
    _refuse_recipient(recipient)
    plain = secrets.token_bytes(_size(number_of_bytes, key_spec))
    arn, blob, used = _sealed(call, key_id, plain, context=encryption_context, dry_run=dry_run)
    return {"CiphertextBlob": blob, "Plaintext": plain, "KeyId": arn, "KeyMaterialId": used}


@moves_bytes
def generate_data_key_without_plaintext(
    call: Call,
    *,
    key_id: str,
    encryption_context: Mapping[str, str] | None = None,
    key_spec: str | None = None,
    number_of_bytes: int | None = None,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
) -> Output:
    """
    A new key for data, sealed, for who needs it later.

    Raises: KeyNotFound, KeyDisabled, KeyPendingDeletion, Validation, DryRun.
    Source: KMS API reference, GenerateDataKeyWithoutPlaintext.
    """
    plain = secrets.token_bytes(_size(number_of_bytes, key_spec))
    arn, blob, used = _sealed(call, key_id, plain, context=encryption_context, dry_run=dry_run)
    return {"CiphertextBlob": blob, "KeyId": arn, "KeyMaterialId": used}


@moves_bytes
def generate_random(
    call: Call,
    *,
    number_of_bytes: int | None = None,
    custom_key_store_id: str | None = None,
    recipient: Mapping[str, Any] | None = None,
) -> Output:
    """
    Random bytes. Raises: Validation, Unsupported.

    Source: KMS API reference, GenerateRandom.
    """
    _refuse_recipient(recipient)
    if custom_key_store_id is not None:
        raise Unsupported(what="A custom key store")
    if number_of_bytes is None:
        raise Validation(reason="NumberOfBytes is required.")
    return {"Plaintext": secrets.token_bytes(number_of_bytes)}


def _sealed(
    call: Call, key_id: str, plain: bytes, *, context: Mapping[str, str] | None, dry_run: bool
) -> tuple[str, bytes, str]:
    """The key's ARN, the ciphertext, and the id of the material that it is sealed with."""
    with call.runtime.database.reading() as tx:
        key = keys.usable(keys.get(tx, names.reference(key_id, call.registry)))
        shapes.end_dry_run(dry_run)
        blob, version = material.seal(tx, key.id, plain, context=context or {}, root_key=call.runtime.root_key)
    return key.arn, blob, material.public_id(key.id, version)


def _opened(
    call: Call, tx: Transaction, blob: bytes, *, context: Mapping[str, str] | None, key_id: str | None
) -> tuple[Key, material.Opened]:
    sealed = material.parse(blob)
    if sealed is None:
        raise CiphertextInvalid
    if key_id is not None:
        key = keys.get(tx, names.reference(key_id, call.registry))
        if key.id != sealed.key_id:
            raise KeyIncorrect
    else:
        key = keys.get(tx, names.of_ciphertext(call.registry.region, sealed.key_id))
    keys.usable(key)
    return key, material.open_(tx, sealed, context=context or {}, root_key=call.runtime.root_key)


def _authorize_sealing(call: Call, key_id: str, context: Mapping[str, str]) -> None:
    """Return if the caller may seal with a key under *context*, which is not that under which it opens."""
    kept = {key: value for key, value in call.facts.more.items() if not key.startswith(_CONTEXT)}
    kept.pop("kms:requestalias", None)
    more = {**kept, **names.requested(key_id), **conditions.of_context(context)}
    resource = call.directory.located(call.principal, names.reference(key_id, call.registry))
    call.directory.authorize(call.principal, "kms:ReEncryptTo", resource, facts=replace(call.facts, more=more))


def _size(number_of_bytes: int | None, spec: str | None) -> int:
    if (number_of_bytes is None) == (spec is None):
        raise Validation(reason="Please specify either number of bytes or key spec.")
    return _SIZES[spec] if spec is not None else number_of_bytes or 0


def _check_algorithms(*algorithms: str) -> None:
    for algorithm in algorithms:
        if algorithm != SYMMETRIC:
            raise Unsupported(what=f"The algorithm {algorithm} with a symmetric key")


def _refuse_recipient(recipient: Mapping[str, Any] | None) -> None:
    if recipient is not None:
        raise Unsupported(what="A recipient of an enclave")
