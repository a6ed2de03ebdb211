"""
The API for commands: operations by their names, over the data folder, whether a server is at work on it or not.

They are called as the root user of the account that the command is about, and judged like any request of its: only
what limits accounts, the policies of an organization, limits it. Nothing comes over a network, so there is no address.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from entrepot.aws.engine import Asking, Engine
from entrepot.cli.folders import opened
from entrepot.identity import accounts
from entrepot.identity.facts import Facts
from entrepot.identity.principals import root_of
from entrepot.knowledge import knowledge_of
from entrepot.names import Registry
from entrepot.runtime import Runtime
from entrepot.services import beyond, iam
from entrepot.settings import Settings

# Those that commands use: to read the model of another costs a start of each some hundredths of a second.
_SERVICES = (beyond.service, iam.service)


class Api:
    """``api("iam", "CreateUser", UserName="ann")``: the output's members, or the Fault that refuses."""

    def __init__(self, runtime: Runtime, account: str) -> None:
        """*account* need not be there: the first thing to be done may be to make it."""
        directory, reads = knowledge_of(runtime)
        self._engine = Engine(_SERVICES, runtime, directory=directory, reads=reads)
        self._asking = Asking(root_of(account), Registry(account, runtime.settings.region))
        self._facts = Facts(secure=True, region=runtime.settings.region, agent="entrepot")

    def __call__(self, service: str, operation: str, **members: Any) -> dict[str, Any]:
        """Call an operation with these input members, those that are None left out."""
        return asyncio.run(self._engine.call(self._asking, service, operation, facts=self._facts, members=members))

    def every(self, service: str, operation: str, member: str, **members: Any) -> list[Any]:
        """Everything in a list of IAM's or of ours, of however many pages."""
        found: list[Any] = []
        page: dict[str, Any] = {"IsTruncated": True}
        while page["IsTruncated"]:
            page = self(service, operation, **members, Marker=page.get("Marker"))
            found += page[member]
        return found


@contextmanager
def api_of(settings: Settings, *, must_exist: bool = True) -> Iterator[Api]:
    """
    The API for the account that the settings name.

    Raises: EntityNotFound, where it is to be there and is not; and what ``opened`` does.
    """
    with opened(settings) as runtime:
        if must_exist:
            with runtime.database.reading() as tx:
                accounts.get(tx, settings.account)
        yield Api(runtime, settings.account)
