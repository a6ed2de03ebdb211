"""Users, their boundaries, and the credentials that they cannot have here."""

from collections.abc import Mapping, Sequence

from entrepot.call import Call
from entrepot.identity import accounts, boundaries, entity_tags, policies, users
from entrepot.services.iam import callers, shapes
from entrepot.services.iam.paging import cut, page
from entrepot.services.iam.shapes import Output


def create_user(
    call: Call,
    *,
    user_name: str,
    path: str = "/",
    permissions_boundary: str | None = None,
    tags: Sequence[Mapping[str, str]] = (),
) -> Output:
    """
    Make a user.

    Raises: EntityAlreadyExists, QuotaExceeded, BoundaryNotFound, and what tags raise.
    Source: IAM API reference, CreateUser.
    """
    account = call.registry.account
    if permissions_boundary is not None:
        policies.check_boundary(call.tx, account, permissions_boundary)
    made = users.create(
        call.tx, account, name=user_name, path=path, boundary=permissions_boundary, tags=shapes.tags_in(tags)
    )
    return {"User": shapes.user_in_full(call.tx, made)}


def get_user(call: Call, *, user_name: str | None = None) -> Output:
    """
    The user of that name; without one, the caller. Raises: EntityNotFound, NoUserName.

    Source: IAM API reference, GetUser.
    """
    if user_name is None and call.principal.kind == "root":
        account = accounts.get(call.tx, call.registry.account)
        return {"User": {"UserId": account.id, "Arn": call.principal.arn, "CreateDate": account.created_at}}
    return {"User": shapes.user_in_full(call.tx, callers.user(call, user_name))}


def list_users(
    call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The users whose path begins so, by name. Raises: InvalidMarker.

    Source: IAM API reference, ListUsers.
    """
    found, more = page(
        call,
        path_prefix,
        marker=marker,
        max_items=max_items,
        read=lambda after, limit: users.page(
            call.tx, call.registry.account, prefix=path_prefix, after=after, limit=limit
        ),
        key=lambda user: user.name,
    )
    return {"Users": [shapes.user(user) for user in found], **more}


def update_user(call: Call, *, user_name: str, new_path: str | None = None, new_user_name: str | None = None) -> Output:
    """
    Give a user another name or path. Raises: EntityNotFound, EntityAlreadyExists.

    Source: IAM API reference, UpdateUser.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    users.change(call.tx, user, name=new_user_name, path=new_path)
    return {}


def delete_user(call: Call, *, user_name: str) -> Output:
    """
    Delete a user that has nothing any more. Raises: EntityNotFound, InUse.

    Source: IAM API reference, DeleteUser.
    """
    users.remove(call.tx, users.get(call.tx, call.registry.account, name=user_name))
    return {}


def tag_user(call: Call, *, user_name: str, tags: Sequence[Mapping[str, str]]) -> Output:
    """
    Put tags on a user; those of other keys stay. Raises: EntityNotFound, and what tags raise.

    Source: IAM API reference, TagUser.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    entity_tags.tag(call.tx, user.id, shapes.tags_in(tags))
    return {}


def untag_user(call: Call, *, user_name: str, tag_keys: Sequence[str]) -> Output:
    """
    Take tags off a user. Raises: EntityNotFound.

    Source: IAM API reference, UntagUser.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    entity_tags.untag(call.tx, user.id, tag_keys)
    return {}


def list_user_tags(call: Call, *, user_name: str, marker: str | None = None, max_items: int | None = None) -> Output:
    """
    The tags of a user. Raises: EntityNotFound, InvalidMarker.

    Source: IAM API reference, ListUserTags.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    return shapes.page_of_tags(call, user.id, marker, max_items)


def put_user_permissions_boundary(call: Call, *, user_name: str, permissions_boundary: str) -> Output:
    """
    Limit a user by a policy. Raises: EntityNotFound, InputInvalid, BoundaryNotFound.

    Source: IAM API reference, PutUserPermissionsBoundary.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    boundaries.put(call.tx, user, permissions_boundary)
    return {}


def delete_user_permissions_boundary(call: Call, *, user_name: str) -> Output:
    """
    Let no policy limit a user any more. Raises: EntityNotFound.

    Source: IAM API reference, DeleteUserPermissionsBoundary.
    """
    boundaries.remove(call.tx, users.get(call.tx, call.registry.account, name=user_name))
    return {}


def list_mfa_devices(
    call: Call, *, user_name: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Output:
    """No user has one here. Raises: EntityNotFound, NoUserName. Source: IAM API reference, ListMFADevices."""
    callers.owner(call, user_name)
    return {"MFADevices": [], **_nothing(call, marker, max_items)}


def list_virtual_mfa_devices(
    call: Call, *, assignment_status: str = "Any", marker: str | None = None, max_items: int | None = None
) -> Output:
    """There are none here. Source: IAM API reference, ListVirtualMFADevices."""
    return {"VirtualMFADevices": [], **_nothing(call, marker, max_items)}


def list_signing_certificates(
    call: Call, *, user_name: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Output:
    """No user has one here. Raises: EntityNotFound, NoUserName. Source: IAM API reference, ListSigningCertificates."""
    callers.owner(call, user_name)
    return {"Certificates": [], **_nothing(call, marker, max_items)}


def list_ssh_public_keys(
    call: Call, *, user_name: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Output:
    """No user has one here. Raises: EntityNotFound, NoUserName. Source: IAM API reference, ListSSHPublicKeys."""
    callers.owner(call, user_name)
    return {"SSHPublicKeys": [], **_nothing(call, marker, max_items)}


def list_service_specific_credentials(
    call: Call,
    *,
    user_name: str | None = None,
    service_name: str | None = None,
    all_users: bool = False,
    marker: str | None = None,
    max_items: int | None = None,
) -> Output:
    """
    No user has one here. Raises: EntityNotFound, NoUserName.

    Source: IAM API reference, ListServiceSpecificCredentials.
    """
    if not all_users:
        callers.owner(call, user_name)
    return {"ServiceSpecificCredentials": [], **_nothing(call, marker, max_items)}


def _nothing(call: Call, marker: str | None, max_items: int | None) -> Output:
    """The end of a list that is always empty; a marker of it was never given. Raises: InvalidMarker."""
    items: list[str] = []
    return cut(call, marker=marker, max_items=max_items, items=items, key=str)[1]
