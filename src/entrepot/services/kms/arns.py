"""What a call is about: the actions that it needs, and the resource of each. Pure."""

from collections.abc import Mapping
from typing import Any

from entrepot.keys import material, names
from entrepot.keys.faults import KeyIdInvalid
from entrepot.names import Registry
from entrepot.services.kms import tokens

# Operations about the account, whatever else they name. Source: Service Authorization Reference, "AWS KMS".
_ACCOUNT = frozenset({"CreateKey", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"})
# Operations that use a key take an alias for it, those that manage it do not. Source: KMS API reference, "KeyId".
_BY_ALIAS = frozenset({"DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"})


def of(operation: str, arguments: Mapping[str, Any], registry: Registry) -> list[tuple[str, str]]:
    """
    Every (action, resource) that the caller must be allowed. *registry* is the caller's own.

    ReEncrypt needs ``kms:ReEncryptTo`` too: under another encryption context, so its handler asks for it.

    Raises: KeyIdInvalid, and what ``names.reference`` and ``tokens.read`` raise.
    Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS KMS".
    """
    action = f"kms:{operation}"
    if operation in _ACCOUNT:
        tagged = operation == "CreateKey" and arguments.get("tags")
        return [(action, "*"), *([("kms:TagResource", "*")] if tagged else [])]
    if "alias_name" in arguments:
        return [(action, resource) for resource in _of_alias(operation, arguments, registry)]
    if operation == "Decrypt":
        return [(action, _sealing_key(arguments, "key_id", registry))]
    if operation == "ReEncrypt":
        return [("kms:ReEncryptFrom", source_of(arguments, registry))]
    if operation == "RetireGrant":
        return [(action, tokens.of_retirement(arguments, registry)[0])]
    key = names.reference(arguments["key_id"], registry)
    if names.BEHIND in key and operation not in _BY_ALIAS:
        raise KeyIdInvalid(id=arguments["key_id"])
    return [(action, key)]


def _of_alias(operation: str, arguments: Mapping[str, Any], registry: Registry) -> list[str]:
    """The alias; the key that it means; the key that it shall mean."""
    name = arguments["alias_name"]
    resources = [names.alias_arn(registry, name)]
    # A service's own alias is nobody's to move, whatever key it means: that is what who tries is told.
    if operation != "CreateAlias" and not name.startswith(names.RESERVED):
        resources.append(names.alias_arn(registry, names.BEHIND + name))
    if "target_key_id" in arguments:
        resources.append(names.reference(arguments["target_key_id"], registry))
    return resources


def source_of(arguments: Mapping[str, Any], registry: Registry) -> str:
    """The key from which ReEncrypt takes."""
    return _sealing_key(arguments, "source_key_id", registry)


def _sealing_key(arguments: Mapping[str, Any], member: str, registry: Registry) -> str:
    """The key that is named, else that of the ciphertext; everything for what is no ciphertext and will be refused."""
    if arguments.get(member) is not None:
        return names.reference(arguments[member], registry)
    sealed = material.parse(arguments.get("ciphertext_blob", b""))
    return "*" if sealed is None else names.of_ciphertext(registry.region, sealed.key_id)
