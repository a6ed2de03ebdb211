"""Policies inside one user, group or role."""

from entrepot.call import Call
from entrepot.identity import groups, inline_policies, roles, users
from entrepot.identity.inline_policies import Kind
from entrepot.services.iam import paging, shapes
from entrepot.services.iam.shapes import Output


def put_user_policy(call: Call, *, user_name: str, policy_name: str, policy_document: str) -> Output:
    """
    Put a policy into a user. Raises: EntityNotFound, Malformed, InlineTooLong.

    Source: IAM API reference, PutUserPolicy.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    inline_policies.put(call.tx, user.id, policy_name, document=policy_document, kind="user", owner=user.name)
    return {}


def put_group_policy(call: Call, *, group_name: str, policy_name: str, policy_document: str) -> Output:
    """
    Put a policy into a group. Raises: EntityNotFound, Malformed, InlineTooLong.

    Source: IAM API reference, PutGroupPolicy.
    """
    group = groups.get(call.tx, call.registry.account, name=group_name)
    inline_policies.put(call.tx, group.id, policy_name, document=policy_document, kind="group", owner=group.name)
    return {}


def put_role_policy(call: Call, *, role_name: str, policy_name: str, policy_document: str) -> Output:
    """
    Put a policy into a role. Raises: EntityNotFound, ProtectedRole, Malformed, InlineTooLong.

    Source: IAM API reference, PutRolePolicy.
    """
    role = roles.modifiable(call.tx, call.registry.account, name=role_name)
    inline_policies.put(call.tx, role.id, policy_name, document=policy_document, kind="role", owner=role.name)
    return {}


def get_user_policy(call: Call, *, user_name: str, policy_name: str) -> Output:
    """
    A policy inside a user. Raises: EntityNotFound.

    Source: IAM API reference, GetUserPolicy.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    return {"UserName": user.name, **_one(call, user.id, policy_name, kind="user")}


def get_group_policy(call: Call, *, group_name: str, policy_name: str) -> Output:
    """
    A policy inside a group. Raises: EntityNotFound.

    Source: IAM API reference, GetGroupPolicy.
    """
    group = groups.get(call.tx, call.registry.account, name=group_name)
    return {"GroupName": group.name, **_one(call, group.id, policy_name, kind="group")}


def get_role_policy(call: Call, *, role_name: str, policy_name: str) -> Output:
    """
    A policy inside a role. Raises: EntityNotFound.

    Source: IAM API reference, GetRolePolicy.
    """
    role = roles.get(call.tx, call.registry.account, name=role_name)
    return {"RoleName": role.name, **_one(call, role.id, policy_name, kind="role")}


def delete_user_policy(call: Call, *, user_name: str, policy_name: str) -> Output:
    """
    Delete a policy inside a user. Raises: EntityNotFound.

    Source: IAM API reference, DeleteUserPolicy.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    inline_policies.remove(call.tx, user.id, policy_name, kind="user")
    return {}


def delete_group_policy(call: Call, *, group_name: str, policy_name: str) -> Output:
    """
    Delete a policy inside a group. Raises: EntityNotFound.

    Source: IAM API reference, DeleteGroupPolicy.
    """
    group = groups.get(call.tx, call.registry.account, name=group_name)
    inline_policies.remove(call.tx, group.id, policy_name, kind="group")
    return {}


def delete_role_policy(call: Call, *, role_name: str, policy_name: str) -> Output:
    """
    Delete a policy inside a role. Raises: EntityNotFound, ProtectedRole.

    Source: IAM API reference, DeleteRolePolicy.
    """
    role = roles.modifiable(call.tx, call.registry.account, name=role_name)
    inline_policies.remove(call.tx, role.id, policy_name, kind="role")
    return {}


def list_user_policies(
    call: Call, *, user_name: str, marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    Names of the policies inside a user. Raises: EntityNotFound, InvalidMarker.

    Source: IAM API reference, ListUserPolicies.
    """
    return _names(call, users.get(call.tx, call.registry.account, name=user_name).id, marker, max_items)


def list_group_policies(
    call: Call, *, group_name: str, marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    Names of the policies inside a group. Raises: EntityNotFound, InvalidMarker.

    Source: IAM API reference, ListGroupPolicies.
    """
    return _names(call, groups.get(call.tx, call.registry.account, name=group_name).id, marker, max_items)


def list_role_policies(
    call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    Names of the policies inside a role. Raises: EntityNotFound, InvalidMarker.

    Source: IAM API reference, ListRolePolicies.
    """
    return _names(call, roles.get(call.tx, call.registry.account, name=role_name).id, marker, max_items)


def _one(call: Call, owner_id: str, policy_name: str, *, kind: Kind) -> Output:
    text = inline_policies.get(call.tx, owner_id, policy_name, kind=kind)
    return {"PolicyName": policy_name, "PolicyDocument": shapes.encoded(text)}


def _names(call: Call, owner_id: str, marker: str | None, max_items: int | None) -> Output:
    shown, more = paging.cut(
        call,
        owner_id,
        marker=marker,
        max_items=max_items,
        items=inline_policies.names_of(call.tx, owner_id),
        key=str,
    )
    return {"PolicyNames": shown, **more}
