"""What policies may ask about a call beside who asks: the condition keys that its arguments fill."""

from collections.abc import Callable, Mapping
from typing import Any

from entrepot.database import Database
from entrepot.errors import Fault
from entrepot.identity.facts import Lazy, request_tags
from entrepot.identity.policy.requests import Value
from entrepot.keys import names as key_names
from entrepot.names import Registry
from entrepot.secrets.versions import CURRENT

# The members that fill one condition key each, and how their values are written.
_MEMBERS: Mapping[str, tuple[str, Callable[[Any], Value]]] = {
    "description": ("secretsmanager:description", str),
    "force_delete_without_recovery": ("secretsmanager:forcedeletewithoutrecovery", lambda value: str(value).lower()),
    "force_overwrite_replica_secret": ("secretsmanager:forceoverwritereplicasecret", lambda value: str(value).lower()),
    "kms_key_id": ("secretsmanager:kmskeyid", str),
    "name": ("secretsmanager:name", str),
    "recovery_window_in_days": ("secretsmanager:recoverywindowindays", str),
    "secret_id": ("secretsmanager:secretid", str),
    "version_id": ("secretsmanager:versionid", str),
    "version_stage": ("secretsmanager:versionstage", lambda value: [value]),
    "version_stages": ("secretsmanager:versionstage", list),
    "tag_keys": ("aws:tagkeys", list),
}


def of(
    operation: str, arguments: Mapping[str, Any], registry: Registry, database: Database
) -> Mapping[str, Value | Lazy]:
    """
    The keys of one call, in lower case. *registry* is the caller's own.

    Who names no version means the current one, and who gives a value no label makes it that.

    Source: Service Authorization Reference, "Condition keys for AWS Secrets Manager".
    """
    keys: dict[str, Value | Lazy] = {}
    if operation == "PutSecretValue" or (operation == "GetSecretValue" and arguments.get("version_id") is None):
        keys["secretsmanager:versionstage"] = [CURRENT]
    for member, (key, written) in _MEMBERS.items():
        if arguments.get(member) is not None:
            keys[key] = written(arguments[member])
    if arguments.get("kms_key_id"):
        keys["secretsmanager:kmskeyarn"] = lambda: _arn_of(arguments["kms_key_id"], registry, database)
    given = [(tag.get("Key", ""), tag.get("Value", "")) for tag in arguments.get("tags", ())]
    return {**keys, **request_tags(given)}


def _arn_of(kms_key: str, registry: Registry, database: Database) -> str | None:
    """The ARN of the key that a request names; None for what cannot be one."""
    try:
        return key_names.located(database.look, key_names.reference(kms_key, registry))
    except Fault:
        return None
