"""
Calls of operations, however they came: understood, decided, run. What a wire needs beside is the gateway's.

Handlers that read run on pool threads, those that write on the writer's.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from entrepot import clock
from entrepot.aws import validation
from entrepot.aws.faults import NotForSessions, UnknownOperation
from entrepot.aws.protocols import plain
from entrepot.aws.service import Handler, Route, Service
from entrepot.call import Call
from entrepot.errors import AccessDenied
from entrepot.identity import messages
from entrepot.identity.entities import BECOMES
from entrepot.identity.facts import Facts, Lazy
from entrepot.identity.policy.requests import Value
from entrepot.identity.principals import Principal
from entrepot.identity.sessions import confines
from entrepot.keys.names import BEHIND
from entrepot.names import Registry
from entrepot.signatures.faults import UnrecognizedClient

if TYPE_CHECKING:
    from entrepot.identity.directory import Directory
    from entrepot.registry.reads import Reads
    from entrepot.runtime import Runtime


class Asking(NamedTuple):
    """Who asks: by which access key, if by one, and in which registry."""

    principal: Principal
    registry: Registry
    access_key_id: str | None = None


class Understood(NamedTuple):
    """The arguments of a handler, the (action, resource) pairs that the call needs, and what conditions may ask."""

    arguments: dict[str, Any]
    rights: tuple[tuple[str, str], ...]
    conditions: Mapping[str, Value | Lazy]


class Engine:
    """The operations of one process."""

    def __init__(
        self, services: Sequence[Service], runtime: "Runtime", *, directory: "Directory", reads: "Reads"
    ) -> None:
        """Handlers that do not write run in the pool of the event loop."""
        self._services = services
        self._runtime = runtime
        self._directory = directory
        self._reads = reads

    async def call(
        self, asking: Asking, service: str, operation: str, *, facts: Facts, members: Mapping[str, Any]
    ) -> dict[str, Any]:
        """
        Call an operation by its name, in process: it is judged like a request, and answers with the output's members.

        *members* are Python values under their wire names; *facts* are all that there is but for the operation's own.
        Raises: Fault, as the operation or its judgement does; TypeError, for a member that it has not.
        """
        route = self._route(service, operation)
        check_session(asking.principal, route)
        understood = self.understand(route, plain.parse(route.operation, members), asking.registry)
        facts = replace(facts, more=understood.conditions)
        call = self.admit(route, understood, asking, facts=facts, request_id=clock.new_request_id())
        result = await self.run(route.handler, call, understood.arguments)
        return plain.render(route.operation, result or {})

    def understand(self, route: Route, params: dict[str, Any], registry: Registry) -> Understood:
        """What a call with these input members means. Raises: Fault, where they break a rule of the model."""
        validation.check(route.operation, params)
        service, name = route.service, route.operation.name
        arguments = {route.operation.parameters[member]: value for member, value in params.items()}
        return Understood(
            arguments,
            tuple(service.resources(name, arguments, registry)),
            service.conditions(name, arguments, registry, self._runtime.database),
        )

    def admit(self, route: Route, understood: Understood, asking: Asking, *, facts: Facts, request_id: str) -> Call:
        """The call, if who asks has every right that it needs. Raises: AccessDenied."""
        for action, resource in understood.rights:
            self._authorize(asking.principal, action, resource, facts=facts)
        return Call(
            runtime=self._runtime,
            reads=self._reads,
            directory=self._directory,
            principal=asking.principal,
            registry=asking.registry,
            action=route.action,
            request_id=request_id,
            facts=facts,
            access_key_id=asking.access_key_id,
        )

    async def run(self, handler: Handler, call: Call, arguments: dict[str, Any]) -> Any:
        """What the handler of an admitted call gives."""
        database = self._runtime.database
        if handler.runs == "writing":
            return await database.awrite(lambda tx: handler.function(call.within(tx), **arguments))
        if handler.runs == "moving bytes":
            return await asyncio.to_thread(handler.function, call, **arguments)

        self._reads.refresh()

        def read() -> Any:
            with database.reading() as tx:
                return handler.function(call.within(tx), **arguments)

        return read() if _is_brief(handler, arguments) else await asyncio.to_thread(read)

    def _route(self, name: str, operation: str) -> Route:
        for service in self._services:
            if service.name == name:
                return service.route(operation)
        raise UnknownOperation(reason=f"There is no service {name}")

    def _authorize(self, principal: Principal, action: str, resource: str, *, facts: Facts) -> None:
        """
        Return if *principal* may.

        Raises: AccessDenied, which names others as the request did: with a path it would tell that they are there.
        """
        located = self._directory.located(principal, resource)
        try:
            self._directory.authorize(principal, action, located, facts=facts)
        except AccessDenied as fault:
            told = fault.members
            if not (located == principal.arn or BECOMES in resource or not resource.startswith("arn:")):
                told = {**told, "resource": resource.replace(BEHIND, "")}
            text = messages.text_of(principal, located, told["decision"])
            sealed = messages.seal_message(self._directory.ring, text, account=principal.account)
            raise AccessDenied(**told, sealed=sealed) from None


def check_session(principal: Principal, route: Route) -> None:
    """Refuse credentials that do not open this operation at all. Raises: NotForSessions, UnrecognizedClient."""
    if confines(principal.session, route.action):
        # IAM acts as if it did not know such credentials, and STS says what it is.
        raise NotForSessions(operation=route.operation.name) if route.service.name == "sts" else UnrecognizedClient


def _is_brief(handler: Handler, arguments: dict[str, Any], few: int = 10) -> bool:
    """
    Whether a read is a few indexed rows, and so over before a thread would have begun.

    Handing it over costs half a millisecond, most of it waiting for the interpreter's lock.
    """
    looks = handler.function.__name__.startswith(("get_", "batch_"))
    return looks and all(len(value) <= few for value in arguments.values() if isinstance(value, list))
