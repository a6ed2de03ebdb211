"""Control policies, and what they are attached to."""

from collections.abc import Sequence

from entrepot.call import Call
from entrepot.identity import organization_policies, organization_tree
from entrepot.identity.organization_policies import ControlPolicy
from entrepot.services.organizations import shapes
from entrepot.services.organizations.shapes import Output, Tags


def create_policy(call: Call, *, content: str, description: str, name: str, type: str, tags: Tags = ()) -> Output:
    """
    A policy that is attached nowhere yet. Source: AWS Organizations API reference, CreatePolicy.

    Raises: NotInOrganization, NotManagement, TypeNotAvailable, OrganizationInput, PolicyMalformed, DuplicatePolicy,
    Constraint.
    """
    of = shapes.managed(call)
    made = organization_policies.create(
        call.tx, kind=type, name=name, description=description, document=content, tags=shapes.tags(tags)
    )
    return {"Policy": shapes.policy(of, made)}


def describe_policy(call: Call, *, policy_id: str) -> Output:
    """
    A policy with its document. Source: AWS Organizations API reference, DescribePolicy.

    Raises: NotInOrganization, NotManagement, PolicyMissing.
    """
    return {"Policy": shapes.policy(shapes.managed(call), organization_policies.get(call.tx, policy_id))}


def update_policy(
    call: Call,
    *,
    policy_id: str,
    name: str | None = None,
    description: str | None = None,
    content: str | None = None,
) -> Output:
    """
    Change a policy where it stands. Source: AWS Organizations API reference, UpdatePolicy.

    Raises: NotInOrganization, NotManagement, PolicyMissing, Constraint, OrganizationInput, PolicyMalformed,
    DuplicatePolicy.
    """
    of = shapes.managed(call)
    changed = organization_policies.change(call.tx, policy_id, name=name, description=description, document=content)
    return {"Policy": shapes.policy(of, changed)}


def delete_policy(call: Call, *, policy_id: str) -> None:
    """
    Delete a policy that is attached nowhere. Source: AWS Organizations API reference, DeletePolicy.

    Raises: NotInOrganization, NotManagement, PolicyMissing, PolicyAttached, Constraint.
    """
    shapes.managed(call)
    organization_policies.remove(call.tx, policy_id)


def list_policies(call: Call, *, filter: str, next_token: str | None = None, max_results: int | None = None) -> Output:
    """
    Every policy of a kind. Source: AWS Organizations API reference, ListPolicies.

    Raises: NotInOrganization, NotManagement, TypeNotAvailable, OrganizationInput.
    """
    of = shapes.managed(call)

    def read(after: str, limit: int) -> Sequence[ControlPolicy]:
        return organization_policies.page(call.tx, filter, after=after, limit=limit)

    found, more = shapes.page(call, filter, token=next_token, limit=max_results, read=read, key=lambda each: each.id)
    return {"Policies": [shapes.summary(of, each) for each in found], **more}


def attach_policy(call: Call, *, policy_id: str, target_id: str) -> None:
    """
    Attach a policy to the root, a unit or an account. Source: AWS Organizations API reference, AttachPolicy.

    Raises: NotInOrganization, NotManagement, PolicyMissing, TargetNotFound, TypeNotEnabled, DuplicateAttachment,
    Constraint.
    """
    organization_policies.attach(call.tx, shapes.managed(call), policy_id, target=target_id)


def detach_policy(call: Call, *, policy_id: str, target_id: str) -> None:
    """
    Detach a policy. Source: AWS Organizations API reference, DetachPolicy.

    Raises: NotInOrganization, NotManagement, PolicyMissing, TargetNotFound, TypeNotEnabled, PolicyNotAttached,
    Constraint.
    """
    organization_policies.detach(call.tx, shapes.managed(call), policy_id, target=target_id)


def list_policies_for_target(
    call: Call, *, target_id: str, filter: str, next_token: str | None = None, max_results: int | None = None
) -> Output:
    """
    The policies of a kind right at a target: at most five. Source: AWS Organizations API, ListPoliciesForTarget.

    Raises: NotInOrganization, NotManagement, TargetNotFound.
    """
    of = shapes.managed(call)
    organization_tree.describe(call.tx, of, target_id)
    found = organization_policies.of_target(call.tx, target_id, kind=filter)
    return {"Policies": [shapes.summary(of, each) for each in found]}


def list_targets_for_policy(
    call: Call, *, policy_id: str, next_token: str | None = None, max_results: int | None = None
) -> Output:
    """
    What a policy is attached to. Source: AWS Organizations API reference, ListTargetsForPolicy.

    Raises: NotInOrganization, NotManagement, PolicyMissing, OrganizationInput.
    """
    of = shapes.managed(call)

    def read(after: str, limit: int) -> Sequence[str]:
        return organization_policies.targets_page(call.tx, policy_id, after=after, limit=limit)

    found, more = shapes.page(call, policy_id, token=next_token, limit=max_results, read=read, key=str)
    told = ((each, *organization_tree.describe(call.tx, of, each)) for each in found)
    return {
        "Targets": [{"TargetId": each, "Arn": arn, "Name": name, "Type": kind} for each, kind, arn, name in told],
        **more,
    }
