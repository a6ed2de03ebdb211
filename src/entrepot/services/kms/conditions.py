"""What policies may ask about a call beside who asks: the condition keys that its arguments fill."""

from collections.abc import Callable, Mapping
from typing import Any

from entrepot.database import Database
from entrepot.identity.facts import Lazy, request_tags
from entrepot.identity.policy.requests import Value
from entrepot.keys import names
from entrepot.names import Registry
from entrepot.services.kms import arns, tokens

Conditions = Mapping[str, Value | Lazy]

# The members that fill one condition key each, and how their values are written.
_MEMBERS: Mapping[str, tuple[str, Callable[[Any], Value]]] = {
    "bypass_policy_lockout_safety_check": ("kms:bypasspolicylockoutsafetycheck", lambda value: str(value).lower()),
    "encryption_algorithm": ("kms:encryptionalgorithm", str),
    "grant_id": ("kms:grantid", str),
    "grantee_principal": ("kms:granteeprincipal", str),
    "grantee_service_principal": ("kms:granteeprincipal", str),
    "operations": ("kms:grantoperations", list),
    "pending_window_in_days": ("kms:schedulekeydeletionpendingwindowindays", str),
    "retiring_principal": ("kms:retiringprincipal", str),
    "retiring_service_principal": ("kms:retiringprincipal", str),
    "rotation_period_in_days": ("kms:rotationperiodindays", str),
}
_REFERENCES = ("key_id", "source_key_id", "target_key_id")


def of(operation: str, arguments: Mapping[str, Any], registry: Registry, database: Database) -> Conditions:
    """
    The keys of one call, in lower case. *registry* is the caller's own.

    Beyond AWS KMS there is ``kms:GrantId``: the grant that the call is about.
    Source: Service Authorization Reference, "Condition keys for AWS KMS"; KMS developer guide, "Condition keys".
    """
    keys: dict[str, Value | Lazy] = {"kms:calleraccount": registry.account}
    keys |= names.requested(next((arguments[name] for name in _REFERENCES if arguments.get(name)), ""))
    keys |= of_context(arguments.get("encryption_context") or {})
    if operation in _OWN:
        keys |= _OWN[operation](arguments)
    for member, (key, written) in _MEMBERS.items():
        if arguments.get(member) is not None:
            keys[key] = written(arguments[member])
    if operation == "RetireGrant":
        keys["kms:grantid"] = tokens.of_retirement(arguments, registry)[1]
    if operation == "ReEncrypt":
        source = arns.source_of(arguments, registry)
        target = names.reference(arguments["destination_key_id"], registry)
        keys["kms:reencryptonsamekey"] = lambda: _same(database, source, target)
    return keys


def of_context(context: Mapping[str, str]) -> dict[str, Value]:
    """
    The keys that an encryption context fills.

    Two keys that differ only in case are one to conditions: it gets both values, so that no plain comparison holds.
    """
    if not context:
        return {}
    values: dict[str, list[str]] = {}
    for key, value in context.items():
        values.setdefault(f"kms:encryptioncontext:{key.lower()}", []).append(value)
    single: dict[str, Value] = {key: given[0] if len(given) == 1 else given for key, given in values.items()}
    return {**single, "kms:encryptioncontextkeys": list(context)}


def _same(database: Database, one: str, other: str) -> str:
    """Whether two references mean one key."""
    return str(names.located(database.look, one) == names.located(database.look, other)).lower()


def _of_new(arguments: Mapping[str, Any]) -> dict[str, Value]:
    return {
        "kms:keyspec": arguments.get("key_spec") or arguments.get("customer_master_key_spec") or "SYMMETRIC_DEFAULT",
        "kms:keyusage": arguments.get("key_usage") or "ENCRYPT_DECRYPT",
        "kms:keyorigin": arguments.get("origin") or "AWS_KMS",
        "kms:multiregion": str(arguments.get("multi_region", False)).lower(),
    }


def _of_grant(arguments: Mapping[str, Any]) -> dict[str, Value]:
    constraints = arguments.get("constraints") or {}
    kinds = [name for name in ("EncryptionContextEquals", "EncryptionContextSubset") if constraints.get(name)]
    found: dict[str, Value] = {"kms:grantisforawsresource": "false"}
    return found | {"kms:grantconstrainttype": kinds[0]} if kinds else found


def _of_tags(arguments: Mapping[str, Any]) -> dict[str, Value]:
    return request_tags([(tag["TagKey"], tag["TagValue"]) for tag in arguments.get("tags", ())])


# What else an operation fills.
_ALGORITHM: Mapping[str, Value] = {"kms:encryptionalgorithm": "SYMMETRIC_DEFAULT"}
_BYPASS: Mapping[str, Value] = {"kms:bypasspolicylockoutsafetycheck": "false"}
_OWN: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Value]]] = {
    "CreateKey": lambda arguments: {**_BYPASS, **_of_new(arguments), **_of_tags(arguments)},
    "PutKeyPolicy": lambda arguments: _BYPASS,
    "CreateGrant": _of_grant,
    "TagResource": _of_tags,
    "UntagResource": lambda arguments: {"aws:tagkeys": list(arguments["tag_keys"])},
    "Encrypt": lambda arguments: _ALGORITHM,
    "Decrypt": lambda arguments: _ALGORITHM,
    "ReEncrypt": lambda arguments: {**_ALGORITHM, **of_context(arguments.get("source_encryption_context") or {})},
}
