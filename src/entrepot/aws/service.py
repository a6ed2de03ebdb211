"""
A service: functions named after operations, checked against the service model when it is put together.

The function is the registration, the stub and the route: a misspelt operation, a missing member or a
default on a required one is a TypeError at start.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType, NoneType
from typing import Any, Literal

from botocore import xform_name

from entrepot.aws.faults import UnknownOperation
from entrepot.aws.models import Model, Operation
from entrepot.database import Database
from entrepot.identity.facts import Lazy
from entrepot.identity.policy import Kind, parse
from entrepot.identity.policy.requests import Value
from entrepot.names import Registry

Resources = Callable[[str, Mapping[str, Any], Registry], Sequence[tuple[str, str]]]
# The condition keys, in lower case, that an operation's arguments fill.
Conditions = Callable[[str, Mapping[str, Any], Registry, Database], Mapping[str, Value | Lazy]]

# Operations that begin so change nothing, in every service: they may run beside the writer.
_READS = ("batch_check_", "batch_get_", "describe_", "get_", "list_", "lookup_", "simulate_", "validate_")
# What a default may be, by the type of the shape; that of any other is a number.
_TYPES = {"string": str, "boolean": bool, "blob": bytes, "list": tuple, "map": Mapping, "structure": Mapping}


@dataclass(frozen=True, slots=True)
class Handler:
    """The function of one operation, and how it is run: with a transaction to read, to write, or with none."""

    operation: Operation
    function: Callable[..., Any]
    runs: Literal["reading", "writing", "moving bytes"]


@dataclass(frozen=True, slots=True)
class Route:
    """What a request asks for."""

    service: "Service"
    handler: Handler

    @property
    def operation(self) -> Operation:
        """The operation that the handler answers."""
        return self.handler.operation

    @property
    def action(self) -> str:
        """The operation as it is logged, and as policies mostly name it: ``ecr:PutImage``."""
        return f"{self.service.name}:{self.operation.name}"


class Service:
    """One AWS service as far as it is written: *modules* of functions, and what a call touches."""

    def __init__(
        self,
        name: str,
        *modules: ModuleType,
        resources: Resources | None = None,
        conditions: Conditions | None = None,
        documents: Mapping[str, tuple[str, Kind]] | None = None,
    ) -> None:
        """
        *resources* gives the (action, resource) pairs that a call needs, of an operation's name, the handler's
        arguments and the caller's registry. Without it a call needs ``<name>:<Operation>`` on ``*``. *conditions*
        gives what policies may ask about the call, of the same and the database. *documents* names the parameter of
        each operation that saves a policy, and its kind.
        """
        self.name = name
        self.model = Model(name)
        self.prefix = self.model.metadata.get("targetPrefix", "").encode()  # of X-Amz-Target
        self.resources: Resources = resources or (lambda operation, arguments, registry: [(f"{name}:{operation}", "*")])
        self.conditions: Conditions = conditions or (lambda operation, arguments, registry, database: {})
        self.documents = documents or {}
        self.handlers = {handler.operation.name: handler for handler in self._handlers(modules)}

    def route(self, name: str) -> Route:
        """Where the operation of that name is answered. Raises: UnknownOperation."""
        if name in self.handlers:
            return Route(self, self.handlers[name])
        if name in self.model.operation_names:
            raise UnknownOperation(reason=f"The operation {name} is not yet in this version of Entrepôt")
        raise UnknownOperation(reason=f"There is no operation {name[:128]} in {self.name}")

    def oddities(self, operation: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """What is odd in the policy that a call has saved, without being wrong; a sentence each."""
        parameter, kind = self.documents.get(operation, ("", Kind.IDENTITY))
        text = arguments.get(parameter)
        return parse(text, kind, limit=len(text)).warnings if text else ()

    def unwritten(self) -> list[str]:
        """Names of the model's operations that have no handler."""
        return sorted(self.model.operation_names - self.handlers.keys())

    def _handlers(self, modules: Sequence[ModuleType]) -> Iterator[Handler]:
        names = {xform_name(name): name for name in self.model.operation_names}
        for module in modules:
            for name, function in vars(module).items():
                if name.startswith("_") or not inspect.isfunction(function) or function.__module__ != module.__name__:
                    continue
                if name not in names:
                    raise TypeError(f"{module.__name__}.{name}: {self.name} has no such operation")
                operation = self.model.operation(names[name])
                _check(function, operation)
                yield Handler(operation, function, _how(function))


def _how(function: Callable[..., Any]) -> Literal["reading", "writing", "moving bytes"]:
    if getattr(function, "moves_bytes", False):
        return "moving bytes"
    return "reading" if function.__name__.startswith(_READS) else "writing"


def _check(function: Callable[..., Any], operation: Operation) -> None:
    """Raises: TypeError, when the parameters are not the members of the input."""
    name, (_, *parameters) = function.__qualname__, inspect.signature(function).parameters.values()
    given = {parameter.name: parameter.default for parameter in parameters}
    shape = operation.input
    types = {operation.parameters[member]: of.type_name for member, of in shape.members.items()} if shape else {}
    required = {operation.parameters[member] for member in shape.required_members} if shape else set()
    if differing := given.keys() ^ types.keys():
        raise TypeError(f"{name}: unlike the model in {', '.join(sorted(differing))}")
    for member, default in given.items():
        if (default is inspect.Parameter.empty) != (member in required):
            raise TypeError(f"{name}: {member} is {'' if member in required else 'not '}required in the model")
        if member not in required and not isinstance(default, (_TYPES.get(types[member], int | float), NoneType)):
            raise TypeError(f"{name}: {default!r} is no default for {member}")
