"""A call: who asks what of whom, and the transaction in which it is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from entrepot.answers import Scope
from entrepot.database import Transaction
from entrepot.identity.facts import Facts, Lazy
from entrepot.identity.policy.requests import Value
from entrepot.names import Registry

if TYPE_CHECKING:
    from entrepot.identity.directory import Directory
    from entrepot.identity.principals import Principal
    from entrepot.registry.reads import Reads
    from entrepot.runtime import Runtime

F = TypeVar("F", bound=Callable[..., object])


@dataclass(slots=True)
class Call:
    """One authorised request. *registry* is the caller's own: its account, in the region it addressed."""

    runtime: "Runtime"
    reads: "Reads"
    directory: "Directory"
    principal: "Principal"
    registry: Registry
    action: str
    request_id: str
    facts: Facts
    access_key_id: str | None = None  # with what the principal signed; a login is bound to it
    transaction: Transaction | None = None

    @property
    def tx(self) -> Transaction:
        """The transaction of this call. A handler that moves bytes has none and opens its own."""
        if self.transaction is None:
            raise RuntimeError(f"{self.action} runs outside a transaction")
        return self.transaction

    def within(self, transaction: Transaction) -> "Call":
        """The same call inside *transaction*; it has only one at a time."""
        self.transaction = transaction
        return self

    def addressed(self, registry_id: str | None) -> Registry:
        """The registry that an input's ``registryId`` means; the caller's own where it is left out."""
        return self.registry if registry_id is None else Registry(registry_id, self.registry.region)


def facts_of(scope: Scope, runtime: "Runtime", *, region: str, more: Mapping[str, Value | Lazy]) -> Facts:
    """A request as conditions see it. *more* has the keys of what is asked for."""
    headers = dict(reversed(scope["headers"]))  # of those that come twice the first counts
    return Facts(
        address=scope["client"][0],
        secure=scope["scheme"] == "https",
        region=region,
        agent=headers.get(b"user-agent", b"").decode("latin-1"),
        referer=headers.get(b"referer", b"").decode("latin-1"),
        endpoint=runtime.endpoint,
        more=more,
    )


def moves_bytes(handler: F) -> F:
    """Mark an operation that reads or writes blobs: it runs on a pool thread, outside a transaction."""
    handler.__dict__["moves_bytes"] = True
    return handler
