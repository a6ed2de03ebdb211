"""``entrepot quota``."""

import re

import click

from entrepot.cli.arguments import PLACE, takes
from entrepot.cli.folders import opened, pages
from entrepot.identity import accounts
from entrepot.registry import quotas
from entrepot.registry.quotas import Standing
from entrepot.settings import Settings

_SIZE = re.compile(r"(\d{1,15})([KMGT]?)", re.ASCII)
_POWERS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_MOST = 1 << 62


class _Size(click.ParamType[int | str]):
    """Bytes, as a number with K, M, G or T behind it; None: ``default``."""

    name = "size"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Raises: UsageError."""
        match = _SIZE.fullmatch(value)
        if match is None and value != "default":
            self.fail(f"{value!r} is neither a number of bytes, as in 500G, nor 'default'", param, ctx)
        return value if match is None else min(int(match[1]) << _POWERS[match[2]], _MOST)


@click.command()
@click.argument("account", required=False)
@click.argument("size", required=False, type=_Size())
@takes(*PLACE, "bytes_per_account")
def quota(settings: Settings, account: str | None, size: int | str | None) -> None:
    """
    Show how many bytes of layers each ACCOUNT stores and may store, or say the latter.

    SIZE is a number, with K, M, G or T (of 1024) behind it; 0: no quota; default: that of the deployment. The server
    may be at work.
    """
    with opened(settings) as runtime:
        database = runtime.database
        if account is None:
            shown = pages(database, lambda tx, last: quotas.page(tx, after=last.account if last else ""))
        else:
            with database.reading() as tx:
                accounts.get(tx, account)
            if size is not None:
                own = size if isinstance(size, int) else None
                database.write(lambda tx: quotas.set_own(tx, account, own))
            with database.reading() as tx:
                shown = iter([quotas.standing(tx, account)])
        for each in shown:
            click.echo(f"{each.account}  {each.stored} of {_told(each, settings.bytes_per_account)}")


def _told(standing: Standing, default: int) -> str:
    if standing.own is None:
        return f"{default or 'any number'} (default)"
    return str(standing.own or "any number")
