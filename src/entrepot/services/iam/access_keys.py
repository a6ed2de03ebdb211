"""Access keys of users and of the account's root user."""

from entrepot.call import Call
from entrepot.identity import credentials, key_usage, users
from entrepot.identity.credentials import Vault
from entrepot.identity.faults import InputInvalid, KeyNotFound
from entrepot.identity.principals import Principal
from entrepot.services.iam import callers
from entrepot.services.iam.paging import cut
from entrepot.services.iam.shapes import Output


def create_access_key(call: Call, *, user_name: str | None = None) -> Output:
    """
    A new key, with its secret, this once. Raises: EntityNotFound, TooManyKeys, NoUserName.

    Source: IAM API reference, CreateAccessKey.
    """
    owner = callers.owner(call, user_name)
    made = credentials.create(call.tx, owner, vault=Vault(call.runtime.root_key))
    (key,) = (key for key in credentials.page(call.tx, owner) if key.id == made.id)
    return {
        "AccessKey": {
            "UserName": _name(owner),
            "AccessKeyId": made.id,
            "Status": "Active",
            "SecretAccessKey": made.secret,
            "CreateDate": key.created_at,
        }
    }


def list_access_keys(
    call: Call, *, user_name: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The keys of a user; without a name, the caller's. Raises: EntityNotFound, NoUserName, InvalidMarker.

    Source: IAM API reference, ListAccessKeys.
    """
    owner = callers.owner(call, user_name)
    keys = credentials.page(call.tx, owner)
    shown, more = cut(call, owner.id, marker=marker, max_items=max_items, items=keys, key=lambda key: key.id)
    listed = [
        {
            "UserName": _name(owner),
            "AccessKeyId": key.id,
            "Status": "Active" if key.active else "Inactive",
            "CreateDate": key.created_at,
        }
        for key in shown
    ]
    return {"AccessKeyMetadata": listed, **more}


def update_access_key(call: Call, *, access_key_id: str, status: str, user_name: str | None = None) -> Output:
    """
    Let a key work, or not. Raises: EntityNotFound, KeyNotFound, NoUserName, InputInvalid.

    Source: IAM API reference, UpdateAccessKey.
    """
    _check_owner(call, user_name, access_key_id)
    if status == "Expired":
        raise InputInvalid(reason="The status of an access key can be set to Active or Inactive")
    credentials.switch(call.tx, access_key_id, active=status == "Active")
    return {}


def delete_access_key(call: Call, *, access_key_id: str, user_name: str | None = None) -> Output:
    """
    Delete a key: logins made with it end at once. Raises: EntityNotFound, KeyNotFound, NoUserName.

    Source: IAM API reference, DeleteAccessKey.
    """
    _check_owner(call, user_name, access_key_id)
    credentials.remove(call.tx, access_key_id)
    return {}


def get_access_key_last_used(call: Call, *, access_key_id: str) -> Output:
    """
    Whose a key is, and when, where and for what it was last used. Raises: KeyNotFound.

    Source: IAM API reference, GetAccessKeyLastUsed.
    """
    key = key_usage.find(call.tx, access_key_id)
    if key is None or key.account != call.registry.account:
        raise KeyNotFound(id=access_key_id)
    user = users.find_by_id(call.tx, key.user_id) if key.user_id else None
    return {
        "UserName": user.name if user else None,
        "AccessKeyLastUsed": {
            "LastUsedDate": key.used_at,
            "ServiceName": key.service or "N/A",
            "Region": key.region or "N/A",
        },
    }


def _check_owner(call: Call, user_name: str | None, key_id: str) -> None:
    """Raises: KeyNotFound, also for a key that is somebody else's."""
    owner = callers.owner(call, user_name)
    if key_id not in {key.id for key in credentials.page(call.tx, owner)}:
        raise KeyNotFound(id=key_id)


def _name(owner: Principal) -> str | None:
    return owner.name if owner.kind == "user" else None
