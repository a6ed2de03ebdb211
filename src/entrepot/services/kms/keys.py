"""Keys: made, described, listed, switched on and off, deleted in time."""

from collections.abc import Mapping, Sequence

from entrepot.call import Call
from entrepot.errors import Validation
from entrepot.keys import keys, policies
from entrepot.keys import tags as key_tags
from entrepot.keys.faults import Unsupported
from entrepot.services.kms import paging, shapes
from entrepot.services.kms.shapes import Output

_LEAST_DAYS, _MOST_DAYS = 7, 30


def create_key(
    call: Call,
    *,
    policy: str | None = None,
    description: str = "",
    key_usage: str = "ENCRYPT_DECRYPT",
    customer_master_key_spec: str | None = None,
    key_spec: str | None = None,
    origin: str = "AWS_KMS",
    custom_key_store_id: str | None = None,
    bypass_policy_lockout_safety_check: bool = False,
    tags: Sequence[Mapping[str, str]] = (),
    multi_region: bool = False,
    xks_key_id: str | None = None,
) -> Output:
    """
    Make a symmetric key.

    Raises: Unsupported, KeyPolicyMalformed, KeyPolicyLocksOut (unless it is to be bypassed), TagRefused.
    Source: KMS API reference, CreateKey.
    """
    asked = {
        "KeySpec": (key_spec or customer_master_key_spec, shapes.SYMMETRIC),
        "KeyUsage": (key_usage, "ENCRYPT_DECRYPT"),
        "Origin": (origin, "AWS_KMS"),
        "MultiRegion": (multi_region, False),
        "CustomKeyStoreId": (custom_key_store_id, None),
        "XksKeyId": (xks_key_id, None),
    }
    for name, (wanted, had) in asked.items():
        if wanted not in (had, None):
            raise Unsupported(what=f"{name} {wanted}")
    account = call.registry.account
    stored = policies.checked(call.tx, policies.default(account) if policy is None else policy, account=account)
    key = keys.create(call.tx, call.registry, description=description, policy=stored, root_key=call.runtime.root_key)
    key_tags.put(call.tx, key, shapes.tags_in(tags))
    if policy is not None and not bypass_policy_lockout_safety_check:
        shapes.check_not_locked_out(call, key)
    return {"KeyMetadata": shapes.metadata(call.tx, key)}


def describe_key(call: Call, *, key_id: str, grant_tokens: Sequence[str] = ()) -> Output:
    """
    A key. Raises: KeyNotFound, AliasNotFound.

    Source: KMS API reference, DescribeKey.
    """
    return {"KeyMetadata": shapes.metadata(call.tx, shapes.key(call, key_id))}


def list_keys(
    call: Call, *, limit: int | None = None, marker: str | None = None, resource_owners: Sequence[str] = ()
) -> Output:
    """
    The keys of the account.

    Raises: MarkerInvalid. Source: KMS API reference, ListKeys.
    """
    shown, more = paging.page(
        call,
        marker=marker,
        limit=limit or 100,
        read=lambda after, most: keys.page(call.tx, call.registry, after=after, limit=most),
        key=lambda key: key.id,
    )
    return {"Keys": [{"KeyId": key.id, "KeyArn": key.arn} for key in shown], **more}


def update_key_description(call: Call, *, key_id: str, description: str) -> Output:
    """
    Give a key another description. Raises: KeyNotFound, KeyPendingDeletion.

    Source: KMS API reference, UpdateKeyDescription.
    """
    keys.describe(call.tx, keys.lasting(shapes.key(call, key_id)), description)
    return {}


def enable_key(call: Call, *, key_id: str) -> Output:
    """
    Let a key work. Raises: KeyNotFound, KeyPendingDeletion.

    Source: KMS API reference, EnableKey.
    """
    keys.switch(call.tx, keys.lasting(shapes.key(call, key_id)), enabled=True)
    return {}


def disable_key(call: Call, *, key_id: str) -> Output:
    """
    Let a key work no more, from the next request on. Raises: KeyNotFound, KeyPendingDeletion.

    Source: KMS API reference, DisableKey.
    """
    keys.switch(call.tx, keys.lasting(shapes.key(call, key_id)), enabled=False)
    return {}


def schedule_key_deletion(call: Call, *, key_id: str, pending_window_in_days: int = _MOST_DAYS) -> Output:
    """
    Let a key work no more, and destroy it in 7 to 30 days.

    Raises: KeyNotFound, KeyPendingDeletion, Validation.
    Source: KMS API reference, ScheduleKeyDeletion.
    """
    if not _LEAST_DAYS <= pending_window_in_days <= _MOST_DAYS:
        raise Validation(reason=f"PendingWindowInDays must be between {_LEAST_DAYS} and {_MOST_DAYS}")
    key = keys.lasting(shapes.key(call, key_id))
    return {
        "KeyId": key.arn,
        "DeletionDate": keys.schedule_deletion(call.tx, key, days=pending_window_in_days),
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": pending_window_in_days,
    }


def cancel_key_deletion(call: Call, *, key_id: str) -> Output:
    """
    Keep a key that was to be destroyed; it is disabled. Raises: KeyNotFound, KeyNotPendingDeletion.

    Source: KMS API reference, CancelKeyDeletion.
    """
    key = shapes.key(call, key_id)
    keys.cancel_deletion(call.tx, key)
    return {"KeyId": key.arn}
