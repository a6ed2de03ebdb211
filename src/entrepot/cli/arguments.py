"""What commands have in common: settings as flags, and refusals in one sentence."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from entrepot.errors import Fault, Refused
from entrepot.settings import KINDS, SettingRefused, Settings, load

# What every command that works on a folder must know.
PLACE = ("data", "keys", "root_key_file", "allow_env_root_key", "database", "storage")
# A wrong setting ends like a wrong argument does in click; 1 is what stands in the way, and found damage.
_WRONG, REFUSED = 2, 1


def takes(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
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
    except (Refused, Fault) as refusal:
        click.echo(f"entrepot: {refusal}", err=True)
        sys.exit(_WRONG if isinstance(refusal, SettingRefused) else REFUSED)
