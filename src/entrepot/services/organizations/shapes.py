"""What answers of Organizations have in common, and pages of its lists."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from entrepot.call import Call
from entrepot.identity import organization as organizations
from entrepot.identity import organization_tree
from entrepot.identity.entity_tags import Tag
from entrepot.identity.faults import TokenInvalid
from entrepot.identity.organization import Organization
from entrepot.identity.organization_faults import OrganizationInput
from entrepot.identity.organization_policies import ControlPolicy
from entrepot.identity.organization_tree import Member, Unit

T = TypeVar("T")
Output = dict[str, Any]
Tags = Sequence[Mapping[str, str]]

# An account is there at once, so the id of the request for it says which: nobody's where it came to nothing.
NOBODY = "0" * 12
_USUAL = 20  # items of a page


def managed(call: Call) -> Organization:
    """The organization that the caller's account manages. Raises: NotInOrganization, NotManagement."""
    return organizations.managed_by(call.tx, call.registry.account)


def page(
    call: Call,
    *parameters: str,
    token: str | None,
    limit: int | None,
    read: Callable[[str, int], Sequence[T]],
    key: Callable[[T], str],
) -> tuple[list[T], Output]:
    """
    One page of a list, and the member of the answer that says whether there is more.

    *parameters* are all that decide what is in the list, but for the caller and the operation. *read* gives the
    items behind a key, so many at most; *key* that of an item. Raises: OrganizationInput.
    """
    ring, context = call.directory.ring, orjson.dumps([call.principal.id, call.action, *parameters])
    try:
        after = "" if token is None else ring.open("page", token, context=context).decode()
    except TokenInvalid:
        raise OrganizationInput(
            reason="INVALID_NEXT_TOKEN", why="You provided a NextToken that is not one of this list."
        ) from None
    most = limit or _USUAL
    found = list(read(after, most + 1))
    if len(found) <= most:
        return found, {}
    return found[:most], {"NextToken": ring.seal("page", key(found[most - 1]).encode(), context=context)}


def tags(listed: Tags) -> list[Tag]:
    """Tags as they came."""
    return [Tag(tag["Key"], tag["Value"]) for tag in listed]


def organization(call: Call, of: Organization) -> Output:
    """The organization; everybody in it sees the same."""
    manager = organization_tree.get_account(call.tx, of, of.management_account)
    return {
        "Organization": {
            "Id": of.id,
            "Arn": of.arn("organization"),
            "FeatureSet": "ALL",
            "MasterAccountArn": of.arn("account", of.management_account),
            "MasterAccountId": of.management_account,
            "MasterAccountEmail": manager.email,
            # Not what is enabled, which the root says: AWS's reference tells everybody not to look here.
            "AvailablePolicyTypes": [{"Type": organizations.SCP, "Status": "ENABLED"}],
        }
    }


def root(of: Organization) -> Output:
    """The root, with the kinds of policies that count."""
    return {
        "Id": of.root_id,
        "Arn": of.arn("root", of.root_id),
        "Name": "Root",
        "PolicyTypes": [{"Type": kind, "Status": "ENABLED"} for kind in of.policy_types],
    }


def account(of: Organization, member: Member) -> Output:
    """An account."""
    return {
        "Id": member.account,
        "Arn": of.arn("account", member.account),
        "Email": member.email,
        "Name": member.name,
        "Status": member.status,
        "State": member.status,
        "Paths": [member.path],
        "JoinedMethod": member.joined_by,
        "JoinedTimestamp": member.joined_at,
    }


def unit(of: Organization, found: Unit) -> Output:
    """A unit."""
    return {"Id": found.id, "Arn": of.arn("ou", found.id), "Name": found.name, "Path": found.path}


def summary(of: Organization, found: ControlPolicy) -> Output:
    """A policy without its document."""
    return {
        "Id": found.id,
        "Arn": found.arn(of),
        "Name": found.name,
        "Description": found.description,
        "Type": found.kind,
        "AwsManaged": found.of_aws,
    }


def policy(of: Organization, found: ControlPolicy) -> Output:
    """A policy with its document."""
    return {"PolicySummary": summary(of, found), "Content": found.document}


def succeeded(member: Member) -> Output:
    """That an account was made."""
    return {
        "Id": f"car-{member.account}",
        "AccountName": member.name,
        "State": "SUCCEEDED",
        "RequestedTimestamp": member.joined_at,
        "CompletedTimestamp": member.joined_at,
        "AccountId": member.account,
    }


def failed() -> Output:
    """That no account was made, because its address is another's."""
    return {"Id": f"car-{NOBODY}", "State": "FAILED", "FailureReason": "EMAIL_ALREADY_EXISTS"}
