"""How a repository's content is kept, as requests and answers have it; and the key that it takes."""

from collections.abc import Mapping
from typing import Any

from entrepot.call import Call
from entrepot.errors import InvalidParameter
from entrepot.keys import managed, usage
from entrepot.names import Registry
from entrepot.registry.repositories import PLAIN, Encryption, Repository
from entrepot.sealing.customers import Customer

_KEY = "kmsKey"


def granted(call: Call, configuration: Mapping[str, Any] | None, *, registry: Registry, name: str) -> Encryption:
    """
    What *configuration* asks for, for a new repository; a customer's key has let us in.

    Raises: KmsUnavailable, InvalidParameter.
    Source: Amazon ECR API reference, EncryptionConfiguration; Amazon ECR user guide, "Encryption at rest".
    """
    kind, text = (configuration or {}).get("encryptionType", PLAIN.kind), (configuration or {}).get(_KEY)
    if kind == PLAIN.kind:
        if text:
            raise InvalidParameter(
                parameter="encryptionConfiguration", reason="kmsKey can't be used when encryptionType is AES256"
            )
        return PLAIN
    if not text:
        managed.ensured(call.tx, registry, managed.ECR, root_key=call.runtime.root_key)
        text = managed.ECR.alias
    caller = _caller(call, registry)
    key = caller.describe(text)
    customer = Customer(key.arn, registry.repository_arn(name), twice=kind == "KMS_DSSE")
    return Encryption(kind, key.arn, tuple(caller.grant(key, customer)))


def retire(call: Call, repository: Repository) -> None:
    """Give back what a repository was granted, before it goes. Raises: KmsUnavailable."""
    if repository.encryption.key is not None:
        _caller(call, repository.registry).retire(repository.encryption.key, repository.encryption.grants)


def shape(encryption: Encryption) -> dict[str, str]:
    """Shape EncryptionConfiguration; the key always by its ARN."""
    return {"encryptionType": encryption.kind} | ({_KEY: encryption.key} if encryption.key else {})


def _caller(call: Call, registry: Registry) -> usage.Caller:
    return usage.Caller(call.tx, call.directory, call.principal, registry=registry, facts=call.facts)
