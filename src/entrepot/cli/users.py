"""``entrepot user``, ``session``, and ``key`` for access keys."""

import click

from entrepot.cli.arguments import PLACE, takes
from entrepot.cli.folders import opened, pages, show
from entrepot.database import Transaction
from entrepot.identity import accounts, attachments, credentials, managed, revocation, users
from entrepot.identity.credentials import Vault
from entrepot.identity.principals import Principal, root_of
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

    def work(tx: Transaction) -> users.User:
        made = users.create(tx, settings.account, name=name, path=path)
        for given in policies:
            arn = _policy_arn(given, settings.account)
            attachments.attach(tx, made.id, arn, kind="User", account=settings.account)
        return made

    with opened(settings) as runtime:
        made = runtime.database.write(work)
    click.echo(made.arn)


@user.command("delete")
@click.argument("name")
@takes(*PLACE, "account")
def delete_user(settings: Settings, name: str) -> None:
    """Delete a user and its access keys: logins made with them end at once."""
    with opened(settings) as runtime:
        runtime.database.write(lambda tx: users.expel(tx, users.get(tx, settings.account, name=name)))


@user.command("list")
@takes(*PLACE, "account")
def list_users(settings: Settings) -> None:
    """List the users of an account: name, ARN."""
    with opened(settings) as runtime:
        for each in pages(
            runtime.database,
            lambda tx, last: users.page(tx, settings.account, after=last.name if last else ""),
        ):
            click.echo(f"{each.name}  {each.arn}")


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
    with opened(settings) as runtime:
        vault = Vault(runtime.root_key)
        made = runtime.database.write(
            lambda tx: credentials.create(tx, _owner(tx, settings.account, name=name), vault=vault)
        )
    show(made)


@key.command("list")
@_owner_option
@takes(*PLACE, "account")
def list_keys(settings: Settings, name: str | None) -> None:
    """List access keys: id, whether active."""
    with opened(settings) as runtime, runtime.database.reading() as tx:
        for each in credentials.page(tx, _owner(tx, settings.account, name=name)):
            click.echo(f"{each.id}  {'active' if each.active else 'inactive'}")


@key.command("activate")
@_key_argument
@takes(*PLACE)
def activate_key(settings: Settings, key_id: str) -> None:
    """Let an access key work again."""
    with opened(settings) as runtime:
        runtime.database.write(lambda tx: credentials.switch(tx, key_id, active=True))


@key.command("deactivate")
@_key_argument
@takes(*PLACE)
def deactivate_key(settings: Settings, key_id: str) -> None:
    """Stop an access key, and the logins made with it, until it is activated again."""
    with opened(settings) as runtime:
        runtime.database.write(lambda tx: credentials.switch(tx, key_id, active=False))


@key.command("delete")
@_key_argument
@takes(*PLACE)
def delete_key(settings: Settings, key_id: str) -> None:
    """Delete an access key: logins made with it end at once."""
    with opened(settings) as runtime:
        runtime.database.write(lambda tx: credentials.remove(tx, key_id))


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

    def work(tx: Transaction) -> None:
        if user_name is not None:
            revocation.revoke_of_user(tx, settings.account, name=user_name)
        if role_name is not None:
            revocation.revoke_of_role(tx, settings.account, name=role_name)

    with opened(settings) as runtime:
        runtime.database.write(work)


def _owner(tx: Transaction, account_id: str, *, name: str | None) -> Principal:
    if name is not None:
        return users.get(tx, account_id, name=name).principal
    return root_of(accounts.get(tx, account_id).id)


def _policy_arn(given: str, account_id: str) -> str:
    """AWS's policies come first, so that nobody in the account can give their names another meaning."""
    if given.startswith("arn:"):
        return given
    aws = f"arn:aws:iam::aws:policy/{given}"
    return aws if managed.find(aws) else f"arn:aws:iam::{account_id}:policy/{given}"
