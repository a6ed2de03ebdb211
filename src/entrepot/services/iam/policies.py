"""Managed policies and their versions."""

from collections.abc import Mapping, Sequence

from entrepot.call import Call
from entrepot.identity import attachments, entity_tags, policies
from entrepot.identity.attachments import UNUSED, Uses
from entrepot.services.iam import paging, shapes
from entrepot.services.iam.shapes import Output


def create_policy(
    call: Call,
    *,
    policy_name: str,
    policy_document: str,
    path: str = "/",
    description: str = "",
    tags: Sequence[Mapping[str, str]] = (),
) -> Output:
    """
    A new policy, whose first version is in force. Raises: Malformed, PolicyExists, QuotaExceeded, and what tags raise.

    Source: IAM API reference, CreatePolicy.
    """
    made = policies.create(
        call.tx,
        call.registry.account,
        name=policy_name,
        document=policy_document,
        path=path,
        description=description,
    )
    entity_tags.tag(call.tx, made.id, shapes.tags_in(tags))
    return {"Policy": {**shapes.policy(made, UNUSED), "Tags": shapes.tags_of(call.tx, made.id)}}


def get_policy(call: Call, *, policy_arn: str) -> Output:
    """
    One policy, without its document. Raises: ArnInvalid, PolicyNotFound.

    Source: IAM API reference, GetPolicy.
    """
    found = policies.get(call.tx, call.registry.account, arn=policy_arn)
    uses = attachments.uses_of(call.tx, call.registry.account, found.arn)
    return {"Policy": {**shapes.policy(found, uses), "Tags": shapes.tags_of(call.tx, found.id) or []}}


def list_policies(
    call: Call,
    *,
    scope: str = "All",
    only_attached: bool = False,
    path_prefix: str = "/",
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Output:
    """
    The account's policies and AWS's, without descriptions and tags. Raises: InvalidMarker.

    Source: IAM API reference, ListPolicies, which says what it leaves out.
    """
    uses = attachments.uses(call.tx, call.registry.account)
    own = policies.every(call.tx, call.registry.account) if scope != "AWS" else []
    found = [
        policy
        for policy in own + (policies.every_of_aws() if scope != "Local" else [])
        if policy.path.startswith(path_prefix)
        and _is_wanted(uses.get(policy.arn, UNUSED), only_attached=only_attached, usage=policy_usage_filter)
    ]
    shown, more = paging.cut(
        call,
        scope,
        only_attached,
        path_prefix,
        policy_usage_filter,
        marker=marker,
        max_items=max_items,
        items=found,
        key=lambda policy: policy.arn,
    )
    listed = [{**shapes.policy(policy, uses.get(policy.arn, UNUSED)), "Description": None} for policy in shown]
    return {"Policies": listed, **more}


def delete_policy(call: Call, *, policy_arn: str) -> Output:
    """
    Delete a policy that nobody has. Raises: ArnInvalid, PolicyNotFound, ForeignPolicy, InUse.

    Source: IAM API reference, DeletePolicy.
    """
    policies.remove(call.tx, policies.modifiable(call.tx, call.registry.account, arn=policy_arn))
    return {}


def create_policy_version(call: Call, *, policy_arn: str, policy_document: str, set_as_default: bool = False) -> Output:
    """
    A new version of a policy.

    Raises: ArnInvalid, PolicyNotFound, ForeignPolicy, Malformed, QuotaExceeded, TooManyVersions.
    Source: IAM API reference, CreatePolicyVersion; its answer does not repeat the document.
    """
    found = policies.modifiable(call.tx, call.registry.account, arn=policy_arn)
    made = policies.add_version(call.tx, found, policy_document, is_default=set_as_default)
    return {"PolicyVersion": shapes.version(made)}


def get_policy_version(call: Call, *, policy_arn: str, version_id: str) -> Output:
    """
    One version of a policy, with its document. Raises: ArnInvalid, PolicyNotFound, PolicyVersionNotFound.

    Source: IAM API reference, GetPolicyVersion.
    """
    found = policies.get(call.tx, call.registry.account, arn=policy_arn)
    version = policies.version(call.tx, found, version_id)
    return {"PolicyVersion": {**shapes.version(version), "Document": shapes.encoded(version.document)}}


def list_policy_versions(
    call: Call, *, policy_arn: str, marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The versions of a policy, the newest first, without shapes. Raises: ArnInvalid, PolicyNotFound, InvalidMarker.

    Source: IAM API reference, ListPolicyVersions.
    """
    found = policies.get(call.tx, call.registry.account, arn=policy_arn)
    shown, more = paging.cut(
        call,
        found.arn,
        marker=marker,
        max_items=max_items,
        items=policies.versions(call.tx, found),
        key=lambda version: str(version.number),
    )
    return {"Versions": [shapes.version(version) for version in shown], **more}


def delete_policy_version(call: Call, *, policy_arn: str, version_id: str) -> Output:
    """
    Delete a version that is not in force.

    Raises: ArnInvalid, PolicyNotFound, ForeignPolicy, PolicyVersionNotFound, InUse.
    Source: IAM API reference, DeletePolicyVersion.
    """
    found = policies.modifiable(call.tx, call.registry.account, arn=policy_arn)
    policies.remove_version(call.tx, found, version_id)
    return {}


def set_default_policy_version(call: Call, *, policy_arn: str, version_id: str) -> Output:
    """
    Put another version in force. Raises: ArnInvalid, PolicyNotFound, ForeignPolicy, PolicyVersionNotFound.

    Source: IAM API reference, SetDefaultPolicyVersion.
    """
    policies.set_default(call.tx, policies.modifiable(call.tx, call.registry.account, arn=policy_arn), version_id)
    return {}


def tag_policy(call: Call, *, policy_arn: str, tags: Sequence[Mapping[str, str]]) -> Output:
    """
    Put tags on a policy. Raises: ArnInvalid, PolicyNotFound, ForeignPolicy, and what tags raise.

    Source: IAM API reference, TagPolicy.
    """
    found = policies.modifiable(call.tx, call.registry.account, arn=policy_arn)
    entity_tags.tag(call.tx, found.id, shapes.tags_in(tags))
    return {}


def untag_policy(call: Call, *, policy_arn: str, tag_keys: Sequence[str]) -> Output:
    """
    Take tags off a policy. Raises: ArnInvalid, PolicyNotFound, ForeignPolicy.

    Source: IAM API reference, UntagPolicy.
    """
    entity_tags.untag(call.tx, policies.modifiable(call.tx, call.registry.account, arn=policy_arn).id, tag_keys)
    return {}


def list_policy_tags(call: Call, *, policy_arn: str, marker: str | None = None, max_items: int | None = None) -> Output:
    """
    The tags of a policy. Raises: ArnInvalid, PolicyNotFound, InvalidMarker.

    Source: IAM API reference, ListPolicyTags.
    """
    found = policies.get(call.tx, call.registry.account, arn=policy_arn)
    return shapes.page_of_tags(call, found.id, marker, max_items)


def _is_wanted(uses: Uses, *, only_attached: bool, usage: str | None) -> bool:
    if usage is not None:
        return bool(uses.attachments if usage == "PermissionsPolicy" else uses.boundaries)
    return not only_attached or any(uses)
