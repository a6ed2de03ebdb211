"""Groups, and who is in them."""

from entrepot.call import Call
from entrepot.identity import groups, users
from entrepot.services.iam import shapes
from entrepot.services.iam.paging import page
from entrepot.services.iam.shapes import Output


def create_group(call: Call, *, group_name: str, path: str = "/") -> Output:
    """
    Make a group. Raises: EntityAlreadyExists, QuotaExceeded.

    Source: IAM API reference, CreateGroup.
    """
    return {"Group": shapes.group(groups.create(call.tx, call.registry.account, name=group_name, path=path))}


def get_group(call: Call, *, group_name: str, marker: str | None = None, max_items: int | None = None) -> Output:
    """
    A group and its members, by name. Raises: EntityNotFound, InvalidMarker.

    Source: IAM API reference, GetGroup.
    """
    group = groups.get(call.tx, call.registry.account, name=group_name)
    found, more = page(
        call,
        group.id,
        marker=marker,
        max_items=max_items,
        read=lambda after, limit: groups.members(call.tx, group, after=after, limit=limit),
        key=lambda user: user.name,
    )
    return {"Group": shapes.group(group), "Users": [shapes.user(user) for user in found], **more}


def list_groups(
    call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The groups whose path begins so, by name. Raises: InvalidMarker.

    Source: IAM API reference, ListGroups.
    """
    found, more = page(
        call,
        path_prefix,
        marker=marker,
        max_items=max_items,
        read=lambda after, limit: groups.page(
            call.tx, call.registry.account, prefix=path_prefix, after=after, limit=limit
        ),
        key=lambda group: group.name,
    )
    return {"Groups": [shapes.group(group) for group in found], **more}


def update_group(
    call: Call, *, group_name: str, new_path: str | None = None, new_group_name: str | None = None
) -> Output:
    """
    Give a group another name or path. Raises: EntityNotFound, EntityAlreadyExists.

    Source: IAM API reference, UpdateGroup.
    """
    group = groups.get(call.tx, call.registry.account, name=group_name)
    groups.change(call.tx, group, name=new_group_name, path=new_path)
    return {}


def delete_group(call: Call, *, group_name: str) -> Output:
    """
    Delete a group that has neither members nor policies. Raises: EntityNotFound, InUse.

    Source: IAM API reference, DeleteGroup.
    """
    groups.remove(call.tx, groups.get(call.tx, call.registry.account, name=group_name))
    return {}


def add_user_to_group(call: Call, *, group_name: str, user_name: str) -> Output:
    """
    Make a user a member; who is one stays one. Raises: EntityNotFound, QuotaExceeded.

    Source: IAM API reference, AddUserToGroup.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    groups.join(call.tx, groups.get(call.tx, call.registry.account, name=group_name), user)
    return {}


def remove_user_from_group(call: Call, *, group_name: str, user_name: str) -> Output:
    """
    End a membership; who is no member stays none. Raises: EntityNotFound.

    Source: IAM API reference, RemoveUserFromGroup.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    groups.leave(call.tx, groups.get(call.tx, call.registry.account, name=group_name), user)
    return {}


def list_groups_for_user(
    call: Call, *, user_name: str, marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The groups that a user is in, by name. Raises: EntityNotFound, InvalidMarker.

    Source: IAM API reference, ListGroupsForUser.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    found, more = page(
        call,
        user.id,
        marker=marker,
        max_items=max_items,
        read=lambda after, limit: groups.of_user(call.tx, user.id, after=after, limit=limit),
        key=lambda group: group.name,
    )
    return {"Groups": [shapes.group(group) for group in found], **more}
