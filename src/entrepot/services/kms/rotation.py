"""Rotation of keys: by the clock, on demand, and what there has been of it."""

from entrepot.call import Call
from entrepot.keys import keys, material, rotation
from entrepot.keys.keys import Key
from entrepot.services.kms import paging, shapes
from entrepot.services.kms.shapes import Output


def enable_key_rotation(call: Call, *, key_id: str, rotation_period_in_days: int = rotation.USUAL_DAYS) -> Output:
    """
    Rotate a key every so many days. Raises: KeyNotFound, KeyDisabled, KeyPendingDeletion.

    Source: KMS API reference, EnableKeyRotation.
    """
    rotation.enable(call.tx, keys.usable(shapes.key(call, key_id)), days=rotation_period_in_days)
    return {}


def disable_key_rotation(call: Call, *, key_id: str) -> Output:
    """
    Rotate a key on demand only. Raises: KeyNotFound, KeyDisabled, KeyPendingDeletion.

    Source: KMS API reference, DisableKeyRotation.
    """
    rotation.disable(call.tx, keys.usable(shapes.key(call, key_id)))
    return {}


def get_key_rotation_status(call: Call, *, key_id: str) -> Output:
    """
    Whether a key is rotated by the clock, and when next. Raises: KeyNotFound.

    Source: KMS API reference, GetKeyRotationStatus.
    """
    key = shapes.key(call, key_id)
    rotates = key.rotation_days is not None and key.deletion_at is None
    return {
        "KeyId": key.id,
        "KeyRotationEnabled": rotates,
        **({"RotationPeriodInDays": key.rotation_days, "NextRotationDate": key.rotation_at} if rotates else {}),
    }


def rotate_key_on_demand(call: Call, *, key_id: str) -> Output:
    """
    Rotate a key now. Raises: KeyNotFound, KeyDisabled, KeyPendingDeletion, RotationsExhausted.

    Source: KMS API reference, RotateKeyOnDemand.
    """
    key = keys.usable(shapes.key(call, key_id))
    rotation.on_demand(call.tx, key, root_key=call.runtime.root_key)
    return {"KeyId": key.id}


def list_key_rotations(
    call: Call,
    *,
    key_id: str,
    include_key_material: str = "ROTATIONS_ONLY",
    limit: int | None = None,
    marker: str | None = None,
) -> Output:
    """
    When a key was rotated and why; with all of its material, also that which it was made with.

    Raises: KeyNotFound, MarkerInvalid. Source: KMS API reference, ListKeyRotations.
    """
    key = shapes.key(call, key_id)
    is_whole = include_key_material == "ALL_KEY_MATERIAL"
    current = material.latest(call.tx, key.id)
    shown, more = paging.page(
        call,
        key.id,
        is_whole,
        marker=marker,
        limit=limit or 100,
        read=lambda after, most: material.lots(call.tx, key.id, after=int(after or (0 if is_whole else 1)), limit=most),
        key=lambda lot: str(lot.version),
    )
    return {"Rotations": [_lot(key, lot, is_current=lot.version == current) for lot in shown], **more}


def _lot(key: Key, lot: material.Lot, *, is_current: bool) -> Output:
    return {
        "KeyId": key.id,
        "KeyMaterialId": material.public_id(key.id, lot.version),
        "KeyMaterialState": "CURRENT" if is_current else "NON_CURRENT",
        **({"RotationDate": lot.created_at, "RotationType": lot.rotation} if lot.rotation else {}),
    }
