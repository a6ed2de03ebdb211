"""What goes over the wire, one small function for each shape that several operations share."""

from collections.abc import Iterable, Mapping
from typing import Any

from entrepot.identity.entity_tags import Tag
from entrepot.identity.groups import Group
from entrepot.identity.users import User

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


def user_in_full(each: User, tags: Iterable[Tag]) -> Output:
    """Shape User as GetUser has it; members without a value are left out."""
    listed = tags_out(tags)
    return {**user(each), "PermissionsBoundary": boundary(each.boundary), "Tags": listed or None}


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
