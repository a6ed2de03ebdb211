"""Tags of the organization's things."""

from collections.abc import Sequence

from entrepot.call import Call
from entrepot.identity import entity_tags, organization_policies, organization_tree
from entrepot.identity.organization_faults import PolicyMissing
from entrepot.services.organizations import shapes
from entrepot.services.organizations.shapes import Output, Tags


def list_tags_for_resource(call: Call, *, resource_id: str, next_token: str | None = None) -> Output:
    """
    The tags of the root, a unit, an account or a policy: fifty at most.

    Raises: NotInOrganization, NotManagement, TargetNotFound.
    Source: AWS Organizations API reference, ListTagsForResource.
    """
    _check_taggable(call, resource_id)
    found = entity_tags.tags_of(call.tx, resource_id)
    return {"Tags": [{"Key": tag.key, "Value": tag.value} for tag in found]}


def tag_resource(call: Call, *, resource_id: str, tags: Tags) -> None:
    """
    Tag the root, a unit, an account or a policy.

    Raises: NotInOrganization, NotManagement, TargetNotFound, DuplicateTagKeys, ReservedTagKey, TooManyTags.
    Source: AWS Organizations API reference, TagResource.
    """
    _check_taggable(call, resource_id)
    entity_tags.tag(call.tx, resource_id, shapes.tags(tags))


def untag_resource(call: Call, *, resource_id: str, tag_keys: Sequence[str]) -> None:
    """
    Take tags away. Source: AWS Organizations API reference, UntagResource.

    Raises: NotInOrganization, NotManagement, TargetNotFound.
    """
    _check_taggable(call, resource_id)
    entity_tags.untag(call.tx, resource_id, tag_keys)


def _check_taggable(call: Call, resource: str) -> None:
    of = shapes.managed(call)
    try:
        organization_policies.get(call.tx, resource)
    except PolicyMissing:
        organization_tree.describe(call.tx, of, resource)
