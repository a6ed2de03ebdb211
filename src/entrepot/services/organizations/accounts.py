"""Accounts of the organization."""

from collections.abc import Sequence

from entrepot.call import Call
from entrepot.identity import organization_tree
from entrepot.identity.organization_faults import AccountNotFound, StatusNotFound
from entrepot.identity.organization_tree import Member
from entrepot.services.organizations import shapes
from entrepot.services.organizations.shapes import Output, Tags


def create_account(
    call: Call,
    *,
    email: str,
    account_name: str,
    role_name: str = organization_tree.ACCESS_ROLE,
    iam_user_access_to_billing: str | None = None,
    tags: Tags = (),
) -> Output:
    """
    A new account under the root; it is there at once.

    Raises: NotInOrganization, NotManagement, OrganizationInput.
    Source: AWS Organizations API reference, CreateAccount.
    """
    of = shapes.managed(call)
    if organization_tree.has_email(call.tx, email):
        return {"CreateAccountStatus": {**shapes.failed(), "AccountName": account_name}}
    made = organization_tree.create_account(
        call.tx, of, name=account_name, email=email, role=role_name, tags=shapes.tags(tags)
    )
    return {"CreateAccountStatus": shapes.succeeded(made)}


def describe_create_account_status(call: Call, *, create_account_request_id: str) -> Output:
    """
    What became of a request for an account. Source: AWS Organizations API reference, DescribeCreateAccountStatus.

    Raises: NotInOrganization, NotManagement, StatusNotFound.
    """
    of, account = shapes.managed(call), create_account_request_id.removeprefix("car-")
    if account == shapes.NOBODY:
        return {"CreateAccountStatus": shapes.failed()}
    try:
        member = organization_tree.get_account(call.tx, of, account)
    except AccountNotFound:
        raise StatusNotFound from None
    if member.joined_by != "CREATED":
        raise StatusNotFound
    return {"CreateAccountStatus": shapes.succeeded(member)}


def list_create_account_status(
    call: Call, *, states: Sequence[str] = (), next_token: str | None = None, max_results: int | None = None
) -> Output:
    """
    The requests for accounts that came to something: all did, or were refused at once.

    Raises: NotInOrganization, NotManagement, OrganizationInput.
    Source: AWS Organizations API reference, ListCreateAccountStatus.
    """
    of = shapes.managed(call)
    if states and "SUCCEEDED" not in states:
        return {"CreateAccountStatuses": []}

    def read(after: str, limit: int) -> Sequence[Member]:
        return organization_tree.created_page(call.tx, of, after=after, limit=limit)

    found, more = shapes.page(call, token=next_token, limit=max_results, read=read, key=lambda each: each.account)
    return {"CreateAccountStatuses": [shapes.succeeded(each) for each in found], **more}


def list_accounts(call: Call, *, next_token: str | None = None, max_results: int | None = None) -> Output:
    """
    Every account of the organization. Source: AWS Organizations API reference, ListAccounts.

    Raises: NotInOrganization, NotManagement, OrganizationInput.
    """
    of = shapes.managed(call)

    def read(after: str, limit: int) -> Sequence[Member]:
        return organization_tree.accounts_page(call.tx, of, None, after=after, limit=limit)

    found, more = shapes.page(call, token=next_token, limit=max_results, read=read, key=lambda each: each.account)
    return {"Accounts": [shapes.account(of, each) for each in found], **more}


def list_accounts_for_parent(
    call: Call, *, parent_id: str, next_token: str | None = None, max_results: int | None = None
) -> Output:
    """
    The accounts right in the root or a unit. Source: AWS Organizations API reference, ListAccountsForParent.

    Raises: NotInOrganization, NotManagement, ParentNotFound, OrganizationInput.
    """
    of = shapes.managed(call)

    def read(after: str, limit: int) -> Sequence[Member]:
        return organization_tree.accounts_page(call.tx, of, parent_id, after=after, limit=limit)

    found, more = shapes.page(
        call, parent_id, token=next_token, limit=max_results, read=read, key=lambda each: each.account
    )
    return {"Accounts": [shapes.account(of, each) for each in found], **more}


def describe_account(call: Call, *, account_id: str) -> Output:
    """
    One account of the organization. Source: AWS Organizations API reference, DescribeAccount.

    Raises: NotInOrganization, NotManagement, AccountNotFound.
    """
    of = shapes.managed(call)
    return {"Account": shapes.account(of, organization_tree.get_account(call.tx, of, account_id))}


def move_account(call: Call, *, account_id: str, source_parent_id: str, destination_parent_id: str) -> None:
    """
    Put an account into another unit, or into the root. Source: AWS Organizations API reference, MoveAccount.

    Raises: NotInOrganization, NotManagement, AccountNotFound, SourceParentNotFound, DestinationParentNotFound,
    DuplicateAccount.
    """
    organization_tree.move_account(
        call.tx, shapes.managed(call), account_id, source=source_parent_id, destination=destination_parent_id
    )


def remove_account_from_organization(call: Call, *, account_id: str) -> None:
    """
    Let an account go its own way; nothing limits it any more.

    Raises: NotInOrganization, NotManagement, AccountNotFound, ManagementStays.
    Source: AWS Organizations API reference, RemoveAccountFromOrganization.
    """
    organization_tree.remove_account(call.tx, shapes.managed(call), account_id)
