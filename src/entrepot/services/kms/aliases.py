"""Aliases of keys."""

from entrepot.call import Call
from entrepot.keys import aliases, keys, names
from entrepot.keys.faults import AliasOfAKey, KeyNotFound
from entrepot.keys.keys import Key
from entrepot.services.kms import paging
from entrepot.services.kms.shapes import Output


def create_alias(call: Call, *, alias_name: str, target_key_id: str) -> Output:
    """
    Give a key of the account an alias.

    Raises: AliasPrefixMissing, AliasNameInvalid, AliasReserved, AliasExists, AliasOfAKey, KeyNotFound,
    KeyPendingDeletion, QuotaExceeded.
    Source: KMS API reference, CreateAlias.
    """
    aliases.create(call.tx, keys.lasting(_target(call, target_key_id)), alias_name)
    return {}


def update_alias(call: Call, *, alias_name: str, target_key_id: str) -> Output:
    """
    Let an alias mean another key.

    Raises: AliasReserved, AliasNotFound, AliasOfAKey, KeyNotFound, KeyPendingDeletion, QuotaExceeded.
    Source: KMS API reference, UpdateAlias.
    """
    aliases.check(alias_name)
    alias = aliases.get(call.tx, call.registry, alias_name)
    aliases.move(call.tx, alias, keys.lasting(_target(call, target_key_id)))
    return {}


def delete_alias(call: Call, *, alias_name: str) -> Output:
    """
    Delete an alias; its key stays. Raises: AliasReserved, AliasNotFound.

    Source: KMS API reference, DeleteAlias.
    """
    aliases.check(alias_name)
    aliases.remove(call.tx, aliases.get(call.tx, call.registry, alias_name))
    return {}


def list_aliases(
    call: Call, *, key_id: str | None = None, limit: int | None = None, marker: str | None = None
) -> Output:
    """
    The aliases of the account, or those of one of its keys.

    Raises: KeyNotFound, MarkerInvalid. Source: KMS API reference, ListAliases.
    """
    key = None if key_id is None else _target(call, key_id)
    shown, more = paging.page(
        call,
        key.id if key else None,
        marker=marker,
        limit=limit,
        read=lambda after, most: (
            aliases.of_key(call.tx, key.id, after=after, limit=most)
            if key
            else aliases.page(call.tx, call.registry, after=after, limit=most)
        ),
        key=lambda alias: alias.name,
    )
    listed = [
        {
            "AliasName": alias.name,
            "AliasArn": alias.arn,
            "TargetKeyId": alias.key_id,
            "CreationDate": alias.created_at,
            "LastUpdatedDate": alias.updated_at,
        }
        for alias in shown
    ]
    return {"Aliases": listed, **more}


def _target(call: Call, key_id: str) -> Key:
    """A key of the caller's own account, by its id or its ARN. Raises: AliasOfAKey, KeyNotFound."""
    reference = names.reference(key_id, call.registry)
    if names.BEHIND in reference:
        raise AliasOfAKey
    if not reference.startswith(names.key_arn(call.registry, "")):
        raise KeyNotFound(arn=reference)
    return keys.get(call.tx, reference)
