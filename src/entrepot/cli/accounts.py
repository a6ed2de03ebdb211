"""``entrepot account`` and ``provider``."""

from typing import TextIO

import click

from entrepot.cli.api import api_of
from entrepot.cli.arguments import PLACE, takes
from entrepot.cli.folders import show
from entrepot.settings import Settings


@click.group()
def account() -> None:
    """Make and list accounts."""


@account.command("create")
@click.option("--id", "account_id", metavar="DIGITS", help="Twelve digits. Default: random ones.")
@click.option("--name", help="Default: its id.")
@click.option("--join", is_flag=True, help="Put it into the organization, whose policies limit it from then on.")
@takes(*PLACE, "account")
def create_account(settings: Settings, account_id: str | None, name: str | None, *, join: bool) -> None:
    """Make an account, with an access key of its root user."""
    with api_of(settings, must_exist=False) as api:
        made = api("entrepot", "CreateAccount", AccountId=account_id, AccountName=name, JoinOrganization=join)
    click.echo(f"account            {made['Account']['Id']}")
    show(made["AccessKey"])


@account.command("list")
@takes(*PLACE)
def list_accounts(settings: Settings) -> None:
    """List accounts: id, name."""
    with api_of(settings, must_exist=False) as api:
        for each in api.every("entrepot", "ListAccounts", "Accounts", MaxItems=1000):
            click.echo(f"{each['Id']}  {each['Name']}")


@click.group()
def provider() -> None:
    """Identity providers, whose tokens may stand for a role."""


@provider.command("keys")
@click.argument("url")
@click.argument("file", required=False, type=click.File(encoding="utf-8", errors="replace"))
@takes(*PLACE, "account")
def give_keys(settings: Settings, url: str, file: TextIO | None) -> None:
    """Give the keys (a JWK set; - is standard input) of the provider at URL. Without FILE: let them be fetched."""
    arn = f"arn:aws:iam::{settings.account}:oidc-provider/{url.removeprefix('https://')}"
    text = file.read() if file else None
    with api_of(settings) as api:
        api("entrepot", "SetProviderKeys", OpenIDConnectProviderArn=arn, KeySet=text)
