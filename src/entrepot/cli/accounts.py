"""
``entrepot account`` and ``provider``. AWS has no operation for what they do, so they work on the folder: an account of
any id, with its first key, in an organization only if that is wanted; all accounts of a deployment; keys in a file.
"""

from typing import TextIO

import click

from entrepot.cli.arguments import PLACE, takes
from entrepot.cli.folders import opened, pages, show
from entrepot.database import Transaction
from entrepot.identity import accounts, credentials, organization, providers
from entrepot.identity.credentials import Vault
from entrepot.identity.new_keys import NewKey
from entrepot.identity.principals import root_of
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
    with opened(settings) as runtime:
        vault = Vault(runtime.root_key)

        def work(tx: Transaction) -> tuple[accounts.Account, NewKey]:
            made = accounts.create(tx, account=account_id, name=name)
            if join:
                to = organization.of(tx, settings.account)
                organization.join(tx, to, made.id, email=f"root@{made.id}.invalid", by="INVITED")
            return made, credentials.create(tx, root_of(made.id), vault=vault)

        made, key = runtime.database.write(work)
    click.echo(f"account            {made.id}")
    show(key)


@account.command("list")
@takes(*PLACE)
def list_accounts(settings: Settings) -> None:
    """List accounts: id, name."""
    with opened(settings) as runtime:
        for each in pages(runtime.database, lambda tx, last: accounts.page(tx, after=last.id if last else "")):
            click.echo(f"{each.id}  {each.name}")


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
    with opened(settings) as runtime:
        runtime.database.write(lambda tx: providers.set_jwks(tx, providers.get(tx, settings.account, arn), text))
