"""How requests name keys, and what that comes to: ids, ARNs, aliases and ARNs of aliases."""

import re
from collections.abc import Callable

from sqlalchemy import bindparam, select

from entrepot.database import Row, Statement
from entrepot.keys.faults import ArnInvalid, ElsewhereInvalid, KeyIdInvalid
from entrepot.keys.tables import kms_aliases, kms_keys
from entrepot.names import Arn, Registry

PREFIX = "arn:aws:kms:"
ALIAS = "alias/"
# Aliases that are services' begin so.
RESERVED = "alias/aws/"
KEY = "key/"
# Stands before an alias in an ARN where the key behind it is meant.
BEHIND = "${key}"

# The id of a key of many regions is one too, though there are none of them here.
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")
_BEHIND_ALIAS = re.compile(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):\$\{key\}(alias/.+)", re.ASCII)
_OF_BLOB = re.compile(r"arn:aws:kms:([a-z0-9-]+)::key/(.+)", re.ASCII)
_BY_ALIAS = Statement(
    select(kms_aliases.c.key_id).where(
        kms_aliases.c.account == bindparam("account"),
        kms_aliases.c.region == bindparam("region"),
        kms_aliases.c.name == bindparam("name"),
    )
)
_OWNER = Statement(select(kms_keys.c.account, kms_keys.c.region).where(kms_keys.c.id == bindparam("key")))

Look = Callable[..., Row | None]  # Transaction.one, or Database.look


def key_arn(registry: Registry, key_id: str) -> str:
    """The ARN of a key."""
    return f"{PREFIX}{registry.region}:{registry.account}:{KEY}{key_id}"


def alias_arn(registry: Registry, name: str) -> str:
    """The ARN of an alias; its *name* begins with ``alias/``."""
    return f"{PREFIX}{registry.region}:{registry.account}:{name}"


def reference(text: str, registry: Registry) -> str:
    """
    What *text* names for whoever asks in *registry*: the ARN of a key, or that of an alias with ``BEHIND`` in it.

    Raises: KeyIdInvalid, ArnInvalid, ElsewhereInvalid.
    Source: KMS API reference, "KeyId".
    """
    if text.startswith(ALIAS):
        return alias_arn(registry, BEHIND + text)
    if not text.startswith("arn:"):
        if not _ID.fullmatch(text):
            raise KeyIdInvalid(id=text)
        return key_arn(registry, text)
    parts = Arn.find(text)
    if parts is None or (parts.partition, parts.service) != ("aws", "kms") or not parts.account:
        raise ArnInvalid(arn=text)
    if parts.region != registry.region:
        raise ElsewhereInvalid(region=parts.region)
    there = Registry(parts.account, parts.region)
    if parts.resource.startswith(ALIAS):
        return alias_arn(there, BEHIND + parts.resource)
    if not parts.resource.startswith(KEY):
        raise ArnInvalid(arn=text)
    key_id = parts.resource.removeprefix(KEY)
    if not _ID.fullmatch(key_id):
        raise KeyIdInvalid(id=key_id)
    return text


def requested(text: str) -> dict[str, str]:
    """The condition key that is filled where a request names its key by an alias."""
    name = text.split(":", 5)[-1] if text.startswith(PREFIX) else text
    return {"kms:requestalias": name} if name.startswith(ALIAS) else {}


def of_ciphertext(region: str, key_id: str) -> str:
    """The key of a ciphertext, of which only the id is known: its ARN without an account."""
    return f"{PREFIX}{region}::{KEY}{key_id}"


def located(look: Look, resource: str) -> str:
    """
    The ARN by which policies know *resource*: that of the key behind an alias, that of the key of a ciphertext.

    What is not there stays without an owner, or becomes a key of its account that is not there.
    """
    if not resource.startswith(PREFIX):
        return resource
    behind = _BEHIND_ALIAS.fullmatch(resource)
    if behind is not None:
        there = Registry(behind[2], behind[1])
        row = look(_BY_ALIAS, account=there.account, region=there.region, name=behind[3])
        return key_arn(there, row["key_id"] if row else behind[3])
    sealed = _OF_BLOB.fullmatch(resource)
    if sealed is not None:
        row = look(_OWNER, key=sealed[2])
        if row is not None and row["region"] == sealed[1]:
            return key_arn(Registry(row["account"], row["region"]), sealed[2])
    return resource
