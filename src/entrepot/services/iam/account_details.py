"""Everybody and every policy of an account, with all that hangs on them."""

from collections.abc import Sequence

from entrepot.call import Call, moves_bytes
from entrepot.identity import (
    attachments,
    everything,
    groups,
    inline_policies,
    instance_profiles,
    policies,
    roles,
    users,
)
from entrepot.identity.attachments import UNUSED, Uses
from entrepot.services.iam import paging, shapes
from entrepot.services.iam.shapes import Output

_MEMBERS = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
    everything.AWS_POLICY: "Policies",
}
# No role is in more, because there are no more in an account.
_MOST_PROFILES = 1000


@moves_bytes
def get_account_authorization_details(
    call: Call, *, filter: Sequence[str] = (), max_items: int | None = None, marker: str | None = None
) -> Output:
    """
    Users, groups, roles and policies, each with its shapes. Raises: InvalidMarker.

    A page of a thousand takes long, so it is read on a thread of its own, as layers are.

    Source: IAM API reference, GetAccountAuthorizationDetails.
    """
    with call.runtime.database.reading() as tx:
        return _details(call.within(tx), filter, marker=marker, max_items=max_items)


def _details(call: Call, filter: Sequence[str], *, marker: str | None, max_items: int | None) -> Output:
    kinds = frozenset(filter) or frozenset(_MEMBERS)
    account = call.registry.account
    items, more = paging.page(
        call,
        sorted(kinds),
        marker=marker,
        max_items=max_items,
        read=lambda after, limit: everything.page(call.tx, account, kinds=kinds, after=after, limit=limit),
        key=lambda item: item.place,
    )
    uses = attachments.uses(call.tx, account)
    answer: Output = {member: [] for member in _MEMBERS.values()}
    for item in items:
        if item.kind == "User":
            detail = _user(call, item.name)
        elif item.kind == "Group":
            detail = _group(call, item.name)
        elif item.kind == "Role":
            detail = _role(call, item.name)
        else:
            detail = _policy(call, item, uses)
        answer[_MEMBERS[item.kind]].append(detail)
    return {**answer, **more}


def _user(call: Call, name: str) -> Output:
    """Shape UserDetail."""
    user = users.get(call.tx, call.registry.account, name=name)
    return {
        **shapes.user_in_full(call.tx, user),
        "UserPolicyList": _inline(call, user.id),
        "GroupList": [group.name for group in groups.of_user(call.tx, user.id)],
        "AttachedManagedPolicies": shapes.attached(call.tx, user.id),
    }


def _group(call: Call, name: str) -> Output:
    """Shape GroupDetail."""
    group = groups.get(call.tx, call.registry.account, name=name)
    return {
        **shapes.group(group),
        "GroupPolicyList": _inline(call, group.id),
        "AttachedManagedPolicies": shapes.attached(call.tx, group.id),
    }


def _role(call: Call, name: str) -> Output:
    """Shape RoleDetail."""
    role = roles.get(call.tx, call.registry.account, name=name)
    profiles = instance_profiles.page_of_role(call.tx, role.id, after="", limit=_MOST_PROFILES)
    return {
        **shapes.role_in_full(call.tx, role),
        "Description": None,
        "MaxSessionDuration": None,
        "InstanceProfileList": shapes.profiles(call.tx, profiles),
        "RolePolicyList": _inline(call, role.id),
        "AttachedManagedPolicies": shapes.attached(call.tx, role.id),
    }


def _policy(call: Call, item: everything.Item, uses: dict[str, Uses]) -> Output:
    """Shape ManagedPolicyDetail."""
    if item.kind == everything.AWS_POLICY:
        policy = policies.get(call.tx, call.registry.account, arn=item.id)
    else:
        policy = policies.get_named(call.tx, call.registry.account, name=item.name)
    versions = [
        {**shapes.version(version), "Document": shapes.encoded(version.document)}
        for version in policies.versions(call.tx, policy)
    ]
    return {**shapes.policy(policy, uses.get(policy.arn, UNUSED)), "PolicyVersionList": versions}


def _inline(call: Call, owner_id: str) -> list[Output]:
    """Shapes PolicyDetail."""
    return [
        {"PolicyName": name, "PolicyDocument": shapes.encoded(text)}
        for name, text in inline_policies.every(call.tx, owner_id)
    ]
