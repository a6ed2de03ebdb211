"""Shapes of roles, instance profiles and policies on the wire, and what their operations share."""

from collections.abc import Iterable
from urllib.parse import quote

from entrepot.call import Call
from entrepot.database import Transaction
from entrepot.identity import attachments, entity_tags, named, policies, roles
from entrepot.identity.attachments import Uses
from entrepot.identity.instance_profiles import InstanceProfile
from entrepot.identity.policies import Policy, Version
from entrepot.identity.roles import Role
from entrepot.services.iam import paging, shapes
from entrepot.services.iam.shapes import Output


def encoded(text: str) -> str:
    """A policy document as answers carry it. Source: IAM API reference, "GetRolePolicy": RFC 3986 encoding."""
    return quote(text, safe="")


def tags_of(tx: Transaction, owner_id: str) -> list[Output] | None:
    """Shapes Tag of an entity; None where it has none, because most answers leave the member out then."""
    return shapes.tags_out(entity_tags.tags_of(tx, owner_id)) or None


def page_of_tags(call: Call, owner_id: str, marker: str | None, max_items: int | None) -> Output:
    """The answer of an operation that lists the tags of an entity. Raises: InvalidMarker."""
    tags = entity_tags.tags_of(call.tx, owner_id)
    shown, more = paging.cut(
        call, owner_id, marker=marker, max_items=max_items, items=tags, key=lambda tag: tag.key.lower()
    )
    return {"Tags": shapes.tags_out(shown), **more}


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
        "PermissionsBoundary": shapes.boundary(role.boundary),
    }


def used(role: Role) -> Output:
    """Shape RoleLastUsed."""
    return {"LastUsedDate": role.last_used_at, "Region": role.last_used_region}


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


def policies_in(tx: Transaction, account: str, scope: str) -> list[Policy]:
    """The account's own policies, then AWS's; *scope* is ``Local``, ``AWS`` or ``All``."""
    own = policies.every(tx, account) if scope != "AWS" else []
    return own + (policies.every_of_aws() if scope != "Local" else [])


def attached(tx: Transaction, owner_id: str, path_prefix: str = "/") -> list[Output]:
    """Shapes AttachedPolicy of an entity."""
    return [
        {"PolicyName": policy.name, "PolicyArn": policy.arn}
        for policy in attachments.policies_of(tx, owner_id)
        if policy.path.startswith(path_prefix)
    ]
