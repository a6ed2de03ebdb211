"""Instance profiles, and the role in each of them."""

from collections.abc import Mapping, Sequence

from entrepot.call import Call
from entrepot.database import Transaction
from entrepot.identity import entity_tags, instance_profiles, roles
from entrepot.identity.instance_profiles import InstanceProfile
from entrepot.services.iam import paging, shapes
from entrepot.services.iam.shapes import Output


def create_instance_profile(
    call: Call, *, instance_profile_name: str, path: str = "/", tags: Sequence[Mapping[str, str]] = ()
) -> Output:
    """
    A new instance profile, with no role. Raises: ProfileExists, QuotaExceeded, and what tags raise.

    Source: IAM API reference, CreateInstanceProfile.
    """
    made = instance_profiles.create(call.tx, call.registry.account, name=instance_profile_name, path=path)
    entity_tags.tag(call.tx, made.id, shapes.tags_in(tags))
    return {"InstanceProfile": _whole(call.tx, made)}


def get_instance_profile(call: Call, *, instance_profile_name: str) -> Output:
    """
    One instance profile. Raises: ProfileNotFound.

    Source: IAM API reference, GetInstanceProfile.
    """
    found = instance_profiles.get(call.tx, call.registry.account, name=instance_profile_name)
    return {"InstanceProfile": _whole(call.tx, found)}


def list_instance_profiles(
    call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The account's instance profiles. Raises: InvalidMarker.

    Source: IAM API reference, ListInstanceProfiles, which leaves out tags.
    """
    found, more = paging.page(
        call,
        path_prefix,
        marker=marker,
        max_items=max_items,
        read=lambda after, limit: instance_profiles.page(
            call.tx, call.registry.account, prefix=path_prefix, after=after, limit=limit
        ),
        key=lambda profile: profile.name,
    )
    return {"InstanceProfiles": shapes.profiles(call.tx, found), **more}


def list_instance_profiles_for_role(
    call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The instance profiles that a role is in. Raises: EntityNotFound, InvalidMarker.

    Source: IAM API reference, ListInstanceProfilesForRole.
    """
    role = roles.get(call.tx, call.registry.account, name=role_name)
    found, more = paging.page(
        call,
        role.id,
        marker=marker,
        max_items=max_items,
        read=lambda after, limit: instance_profiles.page_of_role(call.tx, role.id, after=after, limit=limit),
        key=lambda profile: profile.name,
    )
    return {"InstanceProfiles": shapes.profiles(call.tx, found), **more}


def delete_instance_profile(call: Call, *, instance_profile_name: str) -> Output:
    """
    Delete an instance profile that holds no role. Raises: ProfileNotFound, InUse.

    Source: IAM API reference, DeleteInstanceProfile.
    """
    found = instance_profiles.get(call.tx, call.registry.account, name=instance_profile_name)
    instance_profiles.remove(call.tx, found)
    return {}


def add_role_to_instance_profile(call: Call, *, instance_profile_name: str, role_name: str) -> Output:
    """
    Put a role into an instance profile. Raises: ProfileNotFound, EntityNotFound, ProtectedRole, QuotaExceeded.

    Source: IAM API reference, AddRoleToInstanceProfile.
    """
    profile = instance_profiles.get(call.tx, call.registry.account, name=instance_profile_name)
    instance_profiles.add_role(call.tx, profile, roles.modifiable(call.tx, profile.account, name=role_name))
    return {}


def remove_role_from_instance_profile(call: Call, *, instance_profile_name: str, role_name: str) -> Output:
    """
    Take a role out of an instance profile. Raises: ProfileNotFound, EntityNotFound.

    Source: IAM API reference, RemoveRoleFromInstanceProfile.
    """
    profile = instance_profiles.get(call.tx, call.registry.account, name=instance_profile_name)
    instance_profiles.remove_role(call.tx, profile, roles.get(call.tx, profile.account, name=role_name))
    return {}


def tag_instance_profile(call: Call, *, instance_profile_name: str, tags: Sequence[Mapping[str, str]]) -> Output:
    """
    Put tags on an instance profile. Raises: ProfileNotFound, and what tags raise.

    Source: IAM API reference, TagInstanceProfile.
    """
    found = instance_profiles.get(call.tx, call.registry.account, name=instance_profile_name)
    entity_tags.tag(call.tx, found.id, shapes.tags_in(tags))
    return {}


def untag_instance_profile(call: Call, *, instance_profile_name: str, tag_keys: Sequence[str]) -> Output:
    """
    Take tags off an instance profile. Raises: ProfileNotFound.

    Source: IAM API reference, UntagInstanceProfile.
    """
    found = instance_profiles.get(call.tx, call.registry.account, name=instance_profile_name)
    entity_tags.untag(call.tx, found.id, tag_keys)
    return {}


def list_instance_profile_tags(
    call: Call, *, instance_profile_name: str, marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The tags of an instance profile. Raises: ProfileNotFound, InvalidMarker.

    Source: IAM API reference, ListInstanceProfileTags.
    """
    found = instance_profiles.get(call.tx, call.registry.account, name=instance_profile_name)
    return shapes.page_of_tags(call, found.id, marker, max_items)


def _whole(tx: Transaction, profile: InstanceProfile) -> Output:
    return {**shapes.profile(tx, profile), "Tags": shapes.tags_of(tx, profile.id) or []}
