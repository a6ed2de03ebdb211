"""
Values, sealed and opened with the rights that the caller has on the key: the service asks KMS for the caller.

Source: Secrets Manager user guide, "Secret encryption and decryption in AWS Secrets Manager".
"""

from dataclasses import replace
from typing import NamedTuple

from entrepot import clock
from entrepot.call import Call
from entrepot.errors import Fault
from entrepot.keys import keys, managed, policies
from entrepot.keys import names as key_names
from entrepot.keys.keys import Key
from entrepot.keys.managed import SECRETS_MANAGER
from entrepot.names import Registry
from entrepot.secrets import sealing, secrets, versions
from entrepot.secrets.faults import DecryptionFailure, EncryptionFailure, KeyForbidden, TokenTaken, ValueTwice
from entrepot.secrets.sealing import Context
from entrepot.secrets.secrets import Secret
from entrepot.secrets.versions import CURRENT, PENDING, PREVIOUS, Version
from entrepot.services.kms import conditions


class Value(NamedTuple):
    """What a version holds, and whether it came as a string."""

    content: bytes
    is_text: bool


def value_in(text: str | None, binary: bytes | None) -> Value | None:
    """The value of a request; None where it has none. Raises: ValueTwice."""
    if text is not None and binary is not None:
        raise ValueTwice
    if text is not None:
        return Value(text.encode(), is_text=True)
    return None if binary is None else Value(binary, is_text=False)


def kept_key(named: str | None, registry: Registry) -> str | None:
    """The key that a request names, as its row keeps it: None is that of the service."""
    own = ("", SECRETS_MANAGER.alias, key_names.alias_arn(registry, SECRETS_MANAGER.alias))
    return None if named in own else named


def store(call: Call, secret: Secret, value: Value, *, token: str, labels: list[str]) -> None:
    """
    Make *value* the version *token* of a secret, with *labels*; the first one is current too.

    A version that is there with the same value is what was asked for.

    Raises: TokenTaken, KeyForbidden, EncryptionFailure, DecryptionFailure, QuotaExceeded.
    """
    known = versions.find(call.tx, secret.arn, token)
    if known is not None:
        if opened(call, secret, known) != value:
            raise TokenTaken(token=token, arn=secret.arn)
        return
    context = sealing.context_of(secret.arn, token)
    key = _sealing_key(call, secret, context, operations=("GenerateDataKey", "Decrypt"))
    sealed = sealing.seal(call.tx, key.id, value.content, context=context, root_key=call.runtime.root_key)
    versions.add(call.tx, secret.arn, Version(token, secret.kms_key, sealed, value.is_text, clock.now()))
    is_first = CURRENT not in versions.labels(call.tx, secret.arn)
    versions.attach(call.tx, secret.arn, token, [*labels, *([CURRENT] if is_first else [])])
    secrets.touch(call.tx, secret)


def opened(call: Call, secret: Secret, version: Version) -> Value:
    """The value of a version. Raises: KeyForbidden, DecryptionFailure."""
    context = sealing.context_of(secret.arn, version.id)
    _check_opening(call, version, context)
    content = sealing.open_(call.tx, version.sealed, context=context, root_key=call.runtime.root_key)
    return Value(content, version.is_text)


def rewrap(call: Call, secret: Secret) -> None:
    """
    Keep the versions with labels of AWS's under the key that the secret has now, if the caller may encrypt with it.

    Raises: KeyForbidden, DecryptionFailure, EncryptionFailure.
    Source: Secrets Manager API reference, UpdateSecret, "KmsKeyId".
    """
    attached = versions.labels(call.tx, secret.arn)
    for version_id in {attached[label] for label in (CURRENT, PREVIOUS, PENDING) if label in attached}:
        version = versions.find(call.tx, secret.arn, version_id)
        context = sealing.context_of(secret.arn, version_id)
        try:
            key = _sealing_key(call, secret, context, operations=("Encrypt",))
        except KeyForbidden:
            return
        if version is not None:
            _check_opening(call, version, context)
            root_key = call.runtime.root_key
            data_key = sealing.rewrapped(call.tx, key.id, version.sealed, context=context, root_key=root_key)
            versions.rewrap(call.tx, secret.arn, version_id, kms_key=secret.kms_key, data_key=data_key)


def _sealing_key(call: Call, secret: Secret, context: Context, *, operations: tuple[str, ...]) -> Key:
    """The key for new values, which the caller may use so. Raises: KeyForbidden, EncryptionFailure."""
    tx = call.tx
    if secret.kms_key is None:
        reference = managed.ensured(tx, secret.registry, SECRETS_MANAGER, root_key=call.runtime.root_key).arn
    else:
        try:
            reference = key_names.reference(secret.kms_key, secret.registry)
        except Fault:
            raise EncryptionFailure from None
    arn = key_names.located(tx.one, reference)
    for operation in operations:
        _demand(call, operation, arn, context)
    try:
        return keys.usable(keys.get(tx, arn))
    except Fault:
        raise EncryptionFailure from None


def _check_opening(call: Call, version: Version, context: Context) -> None:
    key_id = sealing.key_of(version.sealed)
    key = None if key_id is None else keys.find(call.tx, key_id)
    if key is None:
        raise DecryptionFailure
    _demand(call, "Decrypt", key.arn, context)
    try:
        keys.usable(key)
    except Fault:
        raise DecryptionFailure from None


def _demand(call: Call, operation: str, arn: str, context: Context) -> None:
    """
    Return if the caller may do this with a key through this service. Raises: KeyForbidden.

    The key's guard is read here and now: the key may have been made in this transaction.
    """
    more = {
        **conditions.of_context(context),
        "aws:viaawsservice": "true",
        "kms:calleraccount": call.registry.account,
        "kms:encryptionalgorithm": "SYMMETRIC_DEFAULT",
        "kms:viaservice": SECRETS_MANAGER.through(call.registry),
    }
    guard = policies.guard_of(call.tx, arn, call.principal)
    facts = replace(call.facts, more=more)
    if not call.directory.decide(call.principal, f"kms:{operation}", arn, facts=facts, guard=guard).allowed:
        raise KeyForbidden
