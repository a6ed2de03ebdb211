"""Managed policies that users, groups and roles have; who has a policy."""

from typing import Any

from entrepot.call import Call
from entrepot.identity import attachments, groups, policies, roles, users
from entrepot.services.iam import paging, shapes
from entrepot.services.iam.shapes import Output

# Names of shapes' members, by kind of entity.
_LISTS = {"Group": "PolicyGroups", "User": "PolicyUsers", "Role": "PolicyRoles"}


def attach_user_policy(call: Call, *, user_name: str, policy_arn: str) -> Output:
    """
    Let a user have a policy. Raises: EntityNotFound, ArnInvalid, PolicyUnattachable, ServicePolicy, QuotaExceeded.

    Source: IAM API reference, AttachUserPolicy.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    attachments.attach(call.tx, user.id, policy_arn, kind="User", account=user.account)
    return {}


def attach_group_policy(call: Call, *, group_name: str, policy_arn: str) -> Output:
    """
    Let a group have a policy. Raises: EntityNotFound, ArnInvalid, PolicyUnattachable, ServicePolicy, QuotaExceeded.

    Source: IAM API reference, AttachGroupPolicy.
    """
    group = groups.get(call.tx, call.registry.account, name=group_name)
    attachments.attach(call.tx, group.id, policy_arn, kind="Group", account=group.account)
    return {}


def attach_role_policy(call: Call, *, role_name: str, policy_arn: str) -> Output:
    """
    Let a role have a policy.

    Raises: EntityNotFound, ProtectedRole, ArnInvalid, PolicyUnattachable, ServicePolicy, QuotaExceeded.
    Source: IAM API reference, AttachRolePolicy.
    """
    role = roles.modifiable(call.tx, call.registry.account, name=role_name)
    attachments.attach(call.tx, role.id, policy_arn, kind="Role", account=role.account)
    return {}


def detach_user_policy(call: Call, *, user_name: str, policy_arn: str) -> Output:
    """
    Take a policy away from a user. Raises: EntityNotFound, PolicyNotFound.

    Source: IAM API reference, DetachUserPolicy.
    """
    attachments.detach(call.tx, users.get(call.tx, call.registry.account, name=user_name).id, policy_arn)
    return {}


def detach_group_policy(call: Call, *, group_name: str, policy_arn: str) -> Output:
    """
    Take a policy away from a group. Raises: EntityNotFound, PolicyNotFound.

    Source: IAM API reference, DetachGroupPolicy.
    """
    attachments.detach(call.tx, groups.get(call.tx, call.registry.account, name=group_name).id, policy_arn)
    return {}


def detach_role_policy(call: Call, *, role_name: str, policy_arn: str) -> Output:
    """
    Take a policy away from a role. Raises: EntityNotFound, ProtectedRole, PolicyNotFound.

    Source: IAM API reference, DetachRolePolicy.
    """
    attachments.detach(call.tx, roles.modifiable(call.tx, call.registry.account, name=role_name).id, policy_arn)
    return {}


def list_attached_user_policies(
    call: Call, *, user_name: str, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The managed policies that a user itself has. Raises: EntityNotFound, InvalidMarker.

    Source: IAM API reference, ListAttachedUserPolicies.
    """
    user = users.get(call.tx, call.registry.account, name=user_name)
    return _attached(call, user.id, path_prefix, marker=marker, max_items=max_items)


def list_attached_group_policies(
    call: Call, *, group_name: str, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The managed policies that a group has. Raises: EntityNotFound, InvalidMarker.

    Source: IAM API reference, ListAttachedGroupPolicies.
    """
    group = groups.get(call.tx, call.registry.account, name=group_name)
    return _attached(call, group.id, path_prefix, marker=marker, max_items=max_items)


def list_attached_role_policies(
    call: Call, *, role_name: str, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The managed policies that a role has. Raises: EntityNotFound, InvalidMarker.

    Source: IAM API reference, ListAttachedRolePolicies.
    """
    role = roles.get(call.tx, call.registry.account, name=role_name)
    return _attached(call, role.id, path_prefix, marker=marker, max_items=max_items)


def list_entities_for_policy(
    call: Call,
    *,
    policy_arn: str,
    entity_filter: str | None = None,
    path_prefix: str = "/",
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Output:
    """
    Who has a policy, attached or as their boundary. Raises: ArnInvalid, PolicyNotFound, InvalidMarker.

    Source: IAM API reference, ListEntitiesForPolicy.
    """
    found = policies.get(call.tx, call.registry.account, arn=policy_arn)
    entities, more = paging.page(
        call,
        found.arn,
        entity_filter,
        path_prefix,
        policy_usage_filter,
        marker=marker,
        max_items=max_items,
        read=lambda after, limit: attachments.entities(
            call.tx,
            call.registry.account,
            found.arn,
            kind=entity_filter if entity_filter in _LISTS else None,  # the others are kinds of policy
            prefix=path_prefix,
            attached=policy_usage_filter != "PermissionsBoundary",
            bounding=policy_usage_filter != "PermissionsPolicy",
            after=after,
            limit=limit,
        ),
        key=lambda entity: entity.place,
    )
    answer: dict[str, Any] = {members: [] for members in _LISTS.values()}
    for entity in entities:
        answer[_LISTS[entity.kind]].append({f"{entity.kind}Name": entity.name, f"{entity.kind}Id": entity.id})
    return {**answer, **more}


def _attached(call: Call, owner_id: str, path_prefix: str, *, marker: str | None, max_items: int | None) -> Output:
    shown, more = paging.cut(
        call,
        owner_id,
        path_prefix,
        marker=marker,
        max_items=max_items,
        items=shapes.attached(call.tx, owner_id, path_prefix),
        key=lambda policy: str(policy["PolicyArn"]),
    )
    return {"AttachedPolicies": shown, **more}
