"""
What a call is about: the actions that it needs, and the resource of each. Pure.

A request names a user without its path, and some requests name nobody and mean the caller. Both are found out
where there is a database: ``identity.entities.located`` makes the ARNs of this module those that policies name.
"""

from collections.abc import Callable, Mapping
from typing import Any

from entrepot.identity.entities import BECOMES, CALLER
from entrepot.names import Registry

# The first of these arguments that a call has is what it is about. AddUserToGroup is about the group, and
# AttachUserPolicy about the user, whatever else they name.
_BY_NAME = (
    ("group_name", "group"),
    ("instance_profile_name", "instance-profile"),
    ("user_name", "user"),
    ("role_name", "role"),
)
_BY_ARN = ("policy_arn", "open_id_connect_provider_arn", "policy_source_arn")
# What these make has the path that they are given.
_MAKES = {
    "CreateUser": "user",
    "CreateGroup": "group",
    "CreateRole": "role",
    "CreateInstanceProfile": "instance-profile",
    "CreatePolicy": "policy",
}
# Where these name no user, they mean the caller.
_OF_CALLER = frozenset(
    {
        "GetUser",
        "CreateAccessKey",
        "ListAccessKeys",
        "UpdateAccessKey",
        "DeleteAccessKey",
        "CreateLoginProfile",
        "GetLoginProfile",
        "DeleteLoginProfile",
        "ListMFADevices",
        "ListSigningCertificates",
        "ListSSHPublicKeys",
        "ListServiceSpecificCredentials",
    }
)
# What lists are about: everything under a path.
_LISTS = {
    "ListUsers": "user",
    "ListGroups": "group",
    "ListRoles": "role",
    "ListPolicies": "policy",
    "ListInstanceProfiles": "instance-profile",
}
# These also tag what they make, when they are given tags.
_TAGS = {
    "CreateUser": "TagUser",
    "CreateRole": "TagRole",
    "CreatePolicy": "TagPolicy",
    "CreateInstanceProfile": "TagInstanceProfile",
    "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
}
# What these are about is part of an argument. The id of a task has the path and the name of the role that it deletes.
_SPELT: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "CreateServiceLinkedRole": lambda params: f"role/aws-service-role/{params['aws_service_name']}/*",
    "CreateOpenIDConnectProvider": lambda params: f"oidc-provider/{params['url'].removeprefix('https://')}",
    "GetAccessKeyLastUsed": lambda params: f"access-key/{params['access_key_id']}",
    "GetServiceLinkedRoleDeletionStatus": lambda params: (
        f"role{params['deletion_task_id'].removeprefix('task').rpartition('/')[0]}"
    ),
}
# Whoever renames something must be allowed it under the old name and under the new one.
_RENAMES = {"UpdateUser": ("user", "new_user_name"), "UpdateGroup": ("group", "new_group_name")}


def of(operation: str, params: Mapping[str, Any], registry: Registry) -> list[tuple[str, str]]:
    """
    Every (action, resource) that the caller must be allowed. *registry* is the caller's own.

    Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS IAM".
    """
    if operation == "ChangePassword":
        return []  # the account's rules may allow it to everybody, so its handler asks
    resource = _resource(operation, params, f"arn:aws:iam::{registry.account}:")
    needed = [(f"iam:{operation}", resource)]
    if operation in _TAGS and params.get("tags"):
        needed.append((f"iam:{_TAGS[operation]}", resource))
    if operation == "AddRoleToInstanceProfile":
        needed.append(("iam:PassRole", f"arn:aws:iam::{registry.account}:role/{params['role_name']}"))
    if operation in _RENAMES:
        needed += _renamed(operation, params, resource)
    return needed


def _resource(operation: str, params: Mapping[str, Any], account: str) -> str:
    if operation in _MAKES:
        name = params["policy_name"] if operation == "CreatePolicy" else _named(params)[1]
        return f"{account}{_MAKES[operation]}{params.get('path', '/')}{name}"
    if operation in _LISTS:
        return f"{account}{_LISTS[operation]}{params.get('path_prefix', '/')}"
    if operation in _SPELT:
        return f"{account}{_SPELT[operation](params)}"
    kind, name = _named(params)
    if name is not None:
        return f"{account}{kind}/{name}"
    if operation in _OF_CALLER and not params.get("all_users"):
        return f"{account}{CALLER}"
    return next((str(params[each]) for each in _BY_ARN if each in params), "*")


def _named(params: Mapping[str, Any]) -> tuple[str, str | None]:
    return next(((kind, params[argument]) for argument, kind in _BY_NAME if argument in params), ("", None))


def _renamed(operation: str, params: Mapping[str, Any], resource: str) -> list[tuple[str, str]]:
    """What a rename needs beside the right on the old name."""
    kind, argument = _RENAMES[operation]
    new_name = params.get(argument)
    if "new_path" in params:
        account, _, name = resource.partition(f":{kind}/")
        return [(f"iam:{operation}", f"{account}:{kind}{params['new_path']}{new_name or name}")]
    return [(f"iam:{operation}", f"{resource}{BECOMES}{new_name}")] if new_name else []
