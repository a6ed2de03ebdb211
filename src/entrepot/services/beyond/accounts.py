"""Accounts of the deployment, in an organization or not."""

from typing import Any

from entrepot.call import Call
from entrepot.identity import accounts, credentials, organization
from entrepot.identity.accounts import Account
from entrepot.identity.credentials import Vault
from entrepot.identity.faults import InvalidMarker, TokenInvalid
from entrepot.identity.principals import root_of
from entrepot.services import pages

_USUAL = 100


def create_account(
    call: Call, *, account_id: str | None = None, account_name: str | None = None, join_organization: bool = False
) -> dict[str, Any]:
    """
    A new account with an access key of its root user, whose secret is told this once.

    Raises: NameRefused, EntityAlreadyExists, NotInOrganization, NotManagement.
    """
    made = accounts.create(call.tx, account=account_id, name=account_name)
    if join_organization:
        to = organization.managed_by(call.tx, call.registry.account)
        organization.join(call.tx, to, made.id, email=f"root@{made.id}.invalid", by="INVITED")
    key = credentials.create(call.tx, root_of(made.id), vault=Vault(call.runtime.root_key))
    return {"Account": _account(made), "AccessKey": {"AccessKeyId": key.id, "SecretAccessKey": key.secret}}


def list_accounts(call: Call, *, marker: str | None = None, max_items: int | None = None) -> dict[str, Any]:
    """Every account of the deployment, by id. Raises: InvalidMarker."""

    def read(after: str, limit: int) -> list[Account]:
        return accounts.page(call.tx, after=after, limit=limit)

    try:
        shown, following = pages.page(
            call, marker=marker, limit=max_items or _USUAL, read=read, key=lambda each: each.id
        )
    except TokenInvalid:
        raise InvalidMarker from None
    return {"Accounts": [_account(each) for each in shown], "IsTruncated": following is not None, "Marker": following}


def _account(account: Account) -> dict[str, Any]:
    return {"Id": account.id, "Name": account.name, "CreateDate": account.created_at}
