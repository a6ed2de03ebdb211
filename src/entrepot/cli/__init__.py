"""
The command line: arguments, and what is printed.

    entrepot serve | worker | env | account | quota | user | key | session | provider | gc | verify | reencrypt
             | migrate | backup | restore | version
"""

import gc
import importlib
from collections.abc import Mapping

import click

from entrepot.serving.processes import confine

# Where each command is, so that a start loads no other one's.
_MODULES: Mapping[str, str] = {
    "serve": "serving",
    "worker": "serving",
    "env": "serving",
    "account": "accounts",
    "quota": "quotas",
    "user": "users",
    "key": "root_keys",
    "session": "users",
    "provider": "accounts",
    "gc": "upkeep",
    "verify": "upkeep",
    "migrate": "moving",
    "reencrypt": "reencryption",
    "backup": "backups",
    "restore": "backups",
    "version": "serving",
}


class _Commands(click.Group):
    """Commands that are loaded when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        # What is loaded stays: to look for garbage in it, meanwhile and at the end, takes a fifth of a second.
        gc.disable()
        try:
            module = importlib.import_module(f"entrepot.cli.{_MODULES[cmd_name]}")
        finally:
            gc.freeze()
            gc.enable()
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """A container registry that speaks the OCI Distribution API and Amazon ECR's API."""
    confine()
