"""What goes over the wire: one small function for each shape that several operations share."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from entrepot.call import Call
from entrepot.database import Transaction
from entrepot.identity import attachments, entity_tags, named, roles
from entrepot.identity.attachments import Uses
from entrepot.identity.entity_tags import Tag
from entrepot.identity.groups import Group
from entrepot.identity.instance_profiles import InstanceProfile
from entrepot.identity.policies import Policy, Version
from entrepot.identity.roles import Role
from entrepot.identity.users import User
from entrepot.services.iam import paging

Output = dict[str, Any]


def user(user: User) -> Output:
    """Shape User as lists have it: without its tags and its boundary."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.created_at,
    }


def user_in_full(tx: Transaction, each: User) -> Output:
    """Shape User as GetUser has it; members without a value are left out."""
    return {**user(each), "PermissionsBoundary": boundary(each.boundary), "Tags": tags_of(tx, each.id)}


def boundary(arn: str | None) -> Output | None:
    """Shape AttachedPermissionsBoundary, of an entity that has one."""
    return (
        None if arn is None else {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}
    )


def group(group: Group) -> Output:
    """Shape Group."""
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": group.created_at,
    }


def tags_out(tags: Iterable[Tag]) -> list[Output]:
    """Shapes Tag of an answer."""
    return [{"Key": tag.key, "Value": tag.value} for tag in tags]


def tags_in(tags: Iterable[Mapping[str, str]]) -> list[Tag]:
    """The tags that a request names."""
    return [Tag(tag["Key"], tag["Value"]) for tag in tags]


def encoded(text: str) -> str:
    """A policy document as answers carry it. Source: IAM API reference, "GetRolePolicy": RFC 3986 encoding."""
    return quote(text, safe="")


def tags_of(tx: Transaction, owner_id: str) -> list[Output] | None:
    """Shapes Tag of an entity; None where it has none, because most answers leave the member out then."""
    return tags_out(entity_tags.tags_of(tx, owner_id)) or None


def page_of_tags(call: Call, owner_id: str, marker: str | None, max_items: int | None) -> Output:
    """The answer of an operation that lists the tags of an entity. Raises: InvalidMarker."""
    tags = entity_tags.tags_of(call.tx, owner_id)
    shown, more = paging.cut(
        call, owner_id, marker=marker, max_items=max_items, items=tags, key=lambda tag: tag.key.lower()
    )
    return {"Tags": tags_out(shown), **more}


def role(tx: Transaction, role: Role) -> Output:
    """Shape Role, but for what only some answers have: tags and last use."""
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": encoded(named.shown(tx, role.trust)),
        "Description": role.description or None,
        "MaxSessionDuration": role.max_session,
        "PermissionsBoundary": boundary(role.boundary),
    }


def role_in_full(tx: Transaction, each: Role) -> Output:
    """Shape Role as GetRole has it."""
    used = {"LastUsedDate": each.last_used_at, "Region": each.last_used_region}
    return {**role(tx, each), "Tags": tags_of(tx, each.id), "RoleLastUsed": used}


def profiles(tx: Transaction, found: Iterable[InstanceProfile]) -> list[Output]:
    """Shapes InstanceProfile, each with its role, but for tags."""
    return [profile(tx, each) for each in found]


def profile(tx: Transaction, profile: InstanceProfile) -> Output:
    """Shape InstanceProfile, with its role, but for tags."""
    found = None if profile.role_id is None else roles.find_by_id(tx, profile.role_id)
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created_at,
        "Roles": [] if found is None else [role(tx, found)],
    }


def policy(policy: Policy, uses: Uses) -> Output:
    """Shape Policy, but for its tags."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default_version}",
        "AttachmentCount": uses.attachments,
        "PermissionsBoundaryUsageCount": uses.boundaries,
        "IsAttachable": True,
        "Description": policy.description or None,
        "CreateDate": policy.created_at,
        "UpdateDate": policy.updated_at,
    }


def version(version: Version) -> Output:
    """Shape PolicyVersion, but for its document."""
    return {
        "VersionId": f"v{version.number}",
        "IsDefaultVersion": version.is_default,
        "CreateDate": version.created_at,
    }


def attached(tx: Transaction, owner_id: str, path_prefix: str = "/") -> list[Output]:
    """Shapes AttachedPolicy of an entity."""
    return [
        {"PolicyName": policy.name, "PolicyArn": policy.arn}
        for policy in attachments.policies_of(tx, owner_id)
        if policy.path.startswith(path_prefix)
    ]
