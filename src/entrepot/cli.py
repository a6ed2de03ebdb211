"""
The command line: arguments, and what is printed.

    entrepot serve | env | account | user | key | session | provider | gc | verify | version
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from entrepot.database import Database, Transaction
from entrepot.database.migrating import SchemaRefused
from entrepot.errors import Fault
from entrepot.identity import accounts, attachments, credentials, managed, organization, providers, revocation, users
from entrepot.identity.credentials import NewKey, Vault
from entrepot.identity.principals import Principal, root_of
from entrepot.identity.rootkey import RootKeyRefused
from entrepot.runtime import Runtime
from entrepot.serving import endpoint, supervisor
from entrepot.serving.endpoint import ListenerRefused
from entrepot.serving.folder import FolderRefused, open_runtime
from entrepot.serving.greeting import greeting
from entrepot.serving.processes import confine
from entrepot.settings import KINDS, SettingRefused, Settings, load

T = TypeVar("T")

# What every command that works on a folder must know.
_PLACE = ("data", "keys", "storage")
# A wrong setting ends like a wrong argument does in click; 1 is what stands in the way, and found damage.
_WRONG, _REFUSED = 2, 1


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """A container registry that speaks the OCI Distribution API and Amazon ECR's API."""
    confine()


def _settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command a flag for each of these settings, and --config; it is called with the ``settings``."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def run(config: Path | None, **arguments: Any) -> None:
            flags = {name: arguments.pop(name) for name in names}
            with _plainly():
                command(settings=load(flags, config=config), **arguments)

        # click takes the help from the function and keeps the arguments of inner decorators on it.
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__dict__.update(command.__dict__)
        for field in reversed([field for field in fields(Settings) if field.name in names]):
            _flag(field.name, field.metadata["meaning"])(run)
        return click.option(
            "--config", type=click.Path(path_type=Path), help="Settings in TOML. Default: the file ENTREPOT_CONFIG."
        )(run)

    return decorate


def _flag(name: str, meaning: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    flag = "--" + name.replace("_", "-")
    if KINDS[name] is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=meaning)
    # All are text to click: what they must be is for `load` to say, in the same words wherever they stand.
    metavar = {Path: "PATH", int: "NUMBER", tuple: "LIST"}.get(KINDS[name], "TEXT")
    return click.option(flag, name, metavar=metavar, help=meaning)


@contextmanager
def _plainly() -> Iterator[None]:
    """Turn what may go wrong at the hands of an operator into one sentence and an exit code."""
    try:
        yield
    except SettingRefused as refusal:
        _fail(refusal, _WRONG)
    except (SchemaRefused, RootKeyRefused, ListenerRefused, FolderRefused, Fault) as refusal:
        _fail(refusal, _REFUSED)


def _fail(refusal: Exception, code: int) -> None:
    click.echo(f"entrepot: {refusal}", err=True)
    sys.exit(code)


@main.command()
@_settings(*KINDS)
def serve(settings: Settings) -> None:
    """Serve the registry. Every setting can also stand in ENTREPOT_<NAME> or in the TOML file."""
    supervisor.serve(settings, lambda serving, made: click.echo(greeting(serving, made) + "\n"))


@main.command()
@_settings("data")
def env(settings: Settings) -> None:
    """Print what a shell needs to use AWS clients here: eval "$(entrepot env --data DIR)"."""
    click.echo("\n".join(endpoint.environment(endpoint.read(settings.data))))


@main.command()
@click.option("--grace", metavar="SECONDS", type=click.IntRange(min=0), help="Instead of gc_grace. 0: nobody pushes.")
@_settings(*_PLACE, "gc_grace", "upload_lifetime")
def gc(settings: Settings, grace: int | None) -> None:
    """Remove what no image needs; the server may be at work."""
    from entrepot.registry import garbage  # noqa: PLC0415  # 0.1 s that a start need not wait for

    with _runtime(settings) as runtime:
        collected = garbage.collect(runtime, grace=settings.gc_grace if grace is None else grace)
    click.echo("removed: " + ", ".join(f"{kind} {count}" for kind, count in asdict(collected).items()))


@main.command()
@_settings(*_PLACE)
def verify(settings: Settings) -> None:
    """Read everything again and report damage; the server may be at work. Exit code 1: there is some."""
    from rich.console import Console  # noqa: PLC0415  # the same
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn  # noqa: PLC0415  # the same

    from entrepot.registry import verification  # noqa: PLC0415  # 0.1 s that a start need not wait for

    columns = BarColumn(), DownloadColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=Console(stderr=True))
    with _runtime(settings) as runtime, bar as progress:
        task = progress.add_task("verify")
        report = verification.verify(runtime, lambda done, total: progress.update(task, completed=done, total=total))
    for sentence in report.damage:
        click.echo(sentence)
    click.echo(
        f"{report.blobs} blobs and {report.manifests} manifests, {report.size} bytes read: "
        + (f"{len(report.damage)} damaged" if report.damage else "no damage")
    )
    if report.damage:
        sys.exit(_REFUSED)


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"entrepot {installed('entrepot')}")


@main.group()
def account() -> None:
    """Make and list accounts."""


@account.command("create")
@click.option("--id", "account_id", metavar="DIGITS", help="Twelve digits. Default: random ones.")
@click.option("--name", help="Default: its id.")
@click.option("--join", is_flag=True, help="Put it into the organization, whose policies limit it from then on.")
@_settings(*_PLACE, "account")
def create_account(settings: Settings, account_id: str | None, name: str | None, *, join: bool) -> None:
    """Make an account, with an access key of its root user."""
    with _runtime(settings) as runtime:
        vault = Vault(runtime.root_key)

        def work(tx: Transaction) -> tuple[accounts.Account, NewKey]:
            made = accounts.create(tx, account=account_id, name=name)
            if join:
                to = organization.of(tx, settings.account)
                organization.join(tx, to, made.id, email=f"root@{made.id}.invalid", by="INVITED")
            return made, credentials.create(tx, root_of(made.id), vault=vault)

        made, key = runtime.database.write(work)
    click.echo(f"account            {made.id}")
    _show(key)


@account.command("list")
@_settings(*_PLACE)
def list_accounts(settings: Settings) -> None:
    """List accounts: id, name."""
    with _runtime(settings) as runtime:
        for each in _pages(runtime.database, lambda tx, last: accounts.page(tx, after=last.id if last else "")):
            click.echo(f"{each.id}  {each.name}")


@main.group()
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
@_settings(*_PLACE, "account")
def create_user(settings: Settings, name: str, path: str, policies: tuple[str, ...]) -> None:
    """Make a user. It may do what its policies allow, with an access key: entrepot key create --user NAME."""

    def work(tx: Transaction) -> users.User:
        made = users.create(tx, settings.account, name=name, path=path)
        for given in policies:
            arn = _policy_arn(given, settings.account)
            attachments.attach(tx, made.id, arn, kind="User", account=settings.account)
        return made

    with _runtime(settings) as runtime:
        made = runtime.database.write(work)
    click.echo(made.arn)


@user.command("delete")
@click.argument("name")
@_settings(*_PLACE, "account")
def delete_user(settings: Settings, name: str) -> None:
    """Delete a user and its access keys: logins made with them end at once."""
    with _runtime(settings) as runtime:
        runtime.database.write(lambda tx: users.expel(tx, users.get(tx, settings.account, name=name)))


@user.command("list")
@_settings(*_PLACE, "account")
def list_users(settings: Settings) -> None:
    """List the users of an account: name, ARN."""
    with _runtime(settings) as runtime:
        for each in _pages(
            runtime.database,
            lambda tx, last: users.page(tx, settings.account, after=last.name if last else ""),
        ):
            click.echo(f"{each.name}  {each.arn}")


@main.group()
def key() -> None:
    """Make, list, switch and delete access keys."""


_owner_option = click.option("--user", "name", help="The user that it belongs to. Default: the root user.")
_key_argument = click.argument("key_id", metavar="ID")


@key.command("create")
@_owner_option
@_settings(*_PLACE, "account")
def create_key(settings: Settings, name: str | None) -> None:
    """Make an access key and print its secret, this once."""
    with _runtime(settings) as runtime:
        vault = Vault(runtime.root_key)
        made = runtime.database.write(
            lambda tx: credentials.create(tx, _owner(tx, settings.account, name=name), vault=vault)
        )
    _show(made)


@key.command("list")
@_owner_option
@_settings(*_PLACE, "account")
def list_keys(settings: Settings, name: str | None) -> None:
    """List access keys: id, whether active."""
    with _runtime(settings) as runtime, runtime.database.reading() as tx:
        for each in credentials.page(tx, _owner(tx, settings.account, name=name)):
            click.echo(f"{each.id}  {'active' if each.active else 'inactive'}")


@key.command("activate")
@_key_argument
@_settings(*_PLACE)
def activate_key(settings: Settings, key_id: str) -> None:
    """Let an access key work again."""
    with _runtime(settings) as runtime:
        runtime.database.write(lambda tx: credentials.switch(tx, key_id, active=True))


@key.command("deactivate")
@_key_argument
@_settings(*_PLACE)
def deactivate_key(settings: Settings, key_id: str) -> None:
    """Stop an access key, and the logins made with it, until it is activated again."""
    with _runtime(settings) as runtime:
        runtime.database.write(lambda tx: credentials.switch(tx, key_id, active=False))


@key.command("delete")
@_key_argument
@_settings(*_PLACE)
def delete_key(settings: Settings, key_id: str) -> None:
    """Delete an access key: logins made with it end at once."""
    with _runtime(settings) as runtime:
        runtime.database.write(lambda tx: credentials.remove(tx, key_id))


@main.group()
def session() -> None:
    """End sessions: temporary credentials, and the logins made with them."""


@session.command("revoke")
@click.option("--user", "user_name", metavar="NAME", help="End the sessions of this user.")
@click.option("--role", "role_name", metavar="NAME", help="End the sessions of this role.")
@_settings(*_PLACE, "account")
def revoke_sessions(settings: Settings, user_name: str | None, role_name: str | None) -> None:
    """End every session of a user or a role that was issued until now. New ones can be had at once."""
    if (user_name is None) == (role_name is None):
        raise click.UsageError("Give either --user or --role.")

    def work(tx: Transaction) -> None:
        if user_name is not None:
            revocation.revoke_of_user(tx, settings.account, name=user_name)
        if role_name is not None:
            revocation.revoke_of_role(tx, settings.account, name=role_name)

    with _runtime(settings) as runtime:
        runtime.database.write(work)


@main.group()
def provider() -> None:
    """Identity providers, whose tokens may stand for a role."""


@provider.command("keys")
@click.argument("url")
@click.argument("file", required=False, type=click.File(encoding="utf-8", errors="replace"))
@_settings(*_PLACE, "account")
def give_keys(settings: Settings, url: str, file: TextIO | None) -> None:
    """Give the keys (a JWK set; - is standard input) of the provider at URL. Without FILE: let them be fetched."""
    arn = f"arn:aws:iam::{settings.account}:oidc-provider/{url.removeprefix('https://')}"
    text = file.read() if file else None
    with _runtime(settings) as runtime:
        runtime.database.write(lambda tx: providers.set_jwks(tx, providers.get(tx, settings.account, arn), text))


@contextmanager
def _runtime(settings: Settings) -> Iterator[Runtime]:
    runtime = open_runtime(settings)
    try:
        yield runtime
    finally:
        runtime.database.close()


def _pages(database: Database, page: Callable[[Transaction, T | None], list[T]]) -> Iterator[T]:
    """Everything, a page to a transaction."""
    last: T | None = None
    while True:
        with database.reading() as tx:
            found = page(tx, last)
        if not found:
            return
        yield from found
        last = found[-1]


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


def _show(made: NewKey) -> None:
    click.echo(f"access key id      {made.id}\nsecret access key  {made.secret}")
