"""``entrepot user``, ``session``, and ``key`` for access keys."""

import contextlib

import click

from entrepot.cli.api import Api, api_of
from entrepot.cli.arguments import PLACE, takes
from entrepot.cli.folders import opened, show
from entrepot.errors import Fault
from entrepot.identity import key_usage, managed, users
from entrepot.identity.faults import KeyNotFound, LoginProfileNotFound
from entrepot.settings import Settings


@click.group()
def user() -> None:
    """Make, list and delete users of an account."""


@user.command("create")
@click.argument("name")
@click.option("--path", default="/", show_default=True, help="Path of its ARN.")
@click.option(
    "--policy",
    "policies",
    metavar="NAME",
    multiple=True,
    help="A policy to attach, AWS's or of the account, by its name or ARN. May be repeated.",
)
@takes(*PLACE, "account")
def create_user(settings: Settings, name: str, path: str, policies: tuple[str, ...]) -> None:
    """Make a user. It may do what its policies allow, with an access key: entrepot key create --user NAME."""
    with api_of(settings) as api:
        made = api("iam", "CreateUser", UserName=name, Path=path)["User"]
        try:
            for given in policies:
                api("iam", "AttachUserPolicy", UserName=name, PolicyArn=_policy_arn(given, settings.account))
        except Fault:
            _delete(api, name)
            raise
    click.echo(made["Arn"])


@user.command("delete")
@click.argument("name")
@takes(*PLACE, "account")
def delete_user(settings: Settings, name: str) -> None:
    """Delete a user and its access keys: logins made with them end at once."""
    with api_of(settings) as api:
        _delete(api, name)


@user.command("list")
@takes(*PLACE, "account")
def list_users(settings: Settings) -> None:
    """List the users of an account: name, ARN."""
    with api_of(settings) as api:
        for each in api.every("iam", "ListUsers", "Users", MaxItems=1000):
            click.echo(f"{each['UserName']}  {each['Arn']}")


@click.group()
def key() -> None:
    """Make, list, switch and delete access keys; rotate the root key."""


_owner_option = click.option("--user", "name", help="The user that it belongs to. Default: the root user.")
_key_argument = click.argument("key_id", metavar="ID")


@key.command("create")
@_owner_option
@takes(*PLACE, "account")
def create_key(settings: Settings, name: str | None) -> None:
    """Make an access key and print its secret, this once."""
    with api_of(settings) as api:
        made = api("iam", "CreateAccessKey", UserName=name)["AccessKey"]
    show(made)


@key.command("list")
@_owner_option
@takes(*PLACE, "account")
def list_keys(settings: Settings, name: str | None) -> None:
    """List access keys: id, whether active."""
    with api_of(settings) as api:
        for each in api.every("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=name):
            click.echo(f"{each['AccessKeyId']}  {each['Status'].lower()}")


@key.command("activate")
@_key_argument
@takes(*PLACE)
def activate_key(settings: Settings, key_id: str) -> None:
    """Let an access key work again."""
    _with_key(settings, key_id, "UpdateAccessKey", Status="Active")


@key.command("deactivate")
@_key_argument
@takes(*PLACE)
def deactivate_key(settings: Settings, key_id: str) -> None:
    """Stop an access key, and the logins made with it, until it is activated again."""
    _with_key(settings, key_id, "UpdateAccessKey", Status="Inactive")


@key.command("delete")
@_key_argument
@takes(*PLACE)
def delete_key(settings: Settings, key_id: str) -> None:
    """Delete an access key: logins made with it end at once."""
    _with_key(settings, key_id, "DeleteAccessKey")


@click.group()
def session() -> None:
    """End sessions: temporary credentials, and the logins made with them."""


@session.command("revoke")
@click.option("--user", "user_name", metavar="NAME", help="End the sessions of this user.")
@click.option("--role", "role_name", metavar="NAME", help="End the sessions of this role.")
@takes(*PLACE, "account")
def revoke_sessions(settings: Settings, user_name: str | None, role_name: str | None) -> None:
    """End every session of a user or a role that was issued until now. New ones can be had at once."""
    if (user_name is None) == (role_name is None):
        raise click.UsageError("Give either --user or --role.")
    with api_of(settings) as api:
        api("entrepot", "RevokeSessions", UserName=user_name, RoleName=role_name)


def _delete(api: Api, name: str) -> None:
    """Delete a user, and first what AWS wants to be gone before; its keys above all, by which it acts."""
    for key in api.every("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=name):
        api("iam", "DeleteAccessKey", UserName=name, AccessKeyId=key["AccessKeyId"])
    for group in api.every("iam", "ListGroupsForUser", "Groups", UserName=name):
        api("iam", "RemoveUserFromGroup", UserName=name, GroupName=group["GroupName"])
    for policy in api.every("iam", "ListAttachedUserPolicies", "AttachedPolicies", UserName=name):
        api("iam", "DetachUserPolicy", UserName=name, PolicyArn=policy["PolicyArn"])
    for inline in api.every("iam", "ListUserPolicies", "PolicyNames", UserName=name):
        api("iam", "DeleteUserPolicy", UserName=name, PolicyName=inline)
    with contextlib.suppress(LoginProfileNotFound):
        api("iam", "DeleteLoginProfile", UserName=name)
    api("iam", "DeleteUser", UserName=name)


def _with_key(settings: Settings, key_id: str, operation: str, **members: str) -> None:
    """Call *operation* for whoever has the key. No operation says who that is in whatever account: the folder does."""
    with opened(settings) as runtime:
        with runtime.database.reading() as tx:
            key = key_usage.find(tx, key_id)
            owner = users.find_by_id(tx, key.user_id) if key and key.user_id else None
        if key is None:
            raise KeyNotFound(id=key_id)
        Api(runtime, key.account)(
            "iam", operation, UserName=owner.name if owner else None, AccessKeyId=key_id, **members
        )


def _policy_arn(given: str, account_id: str) -> str:
    """AWS's policies come first, so that nobody in the account can give their names another meaning."""
    if given.startswith("arn:"):
        return given
    aws = f"arn:aws:iam::aws:policy/{given}"
    return aws if managed.find(aws) else f"arn:aws:iam::{account_id}:policy/{given}"
