"""
Service models, as botocore ships them: operations, shapes and errors of one AWS service, or of our own (``DATA``).

Only ``botocore.loaders`` and ``botocore.model`` are used; ``botocore.session`` would cost every worker
107 ms and 35 MB for clients that nobody here makes.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape

from entrepot.aws.faults import COMMON, Wire
from entrepot.errors import Fault, FrontDoor

# Where the model of our own service is, in the form in which clients take it too.
DATA = str(Path(__file__).with_name("data"))
# Only the models that are installed with us: botocore would also read ~/.aws/models and $AWS_DATA_PATH.
_LOADER = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH, DATA], include_default_search_paths=False)
_PROTOCOLS = {"json": "json", "query": "query", "smithy-rpc-v2-cbor": "cbor"}


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation. A model has one object for each, so caches are keyed by it."""

    model: "Model"
    name: str
    input: StructureShape | None
    output: StructureShape | None
    parameters: dict[str, str]  # wire name of an input member -> the handler's name for it
    unsigned: bool = False  # whoever calls it proves who they are by what they send
    cache: dict[str, Any] = field(default_factory=dict)  # compiled walkers, by kind


class Refusal(NamedTuple):
    """A fault on its way out: its code, how that travels, its sentence, the members that its shape has beside it."""

    code: str
    wire: Wire
    message: str
    members: dict[str, Any]


class Model:
    """The model of one service, read when it is first needed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._operations: dict[str, Operation] = {}

    @cached_property
    def _description(self) -> dict[str, Any]:
        description: dict[str, Any] = _LOADER.load_service_model(self.name, "service-2")
        _strip_documentation(description)
        return description

    @cached_property
    def service(self) -> ServiceModel:
        """The same as an object of botocore's."""
        return ServiceModel(self._description, self.name)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The model's own description of the service: versions, protocols, names on the wire."""
        return dict(self.service.metadata)

    @cached_property
    def protocols(self) -> frozenset[str]:
        """Which of ``json``, ``query`` and ``cbor`` the service speaks."""
        spoken = self.metadata.get("protocols") or [self.metadata["protocol"]]
        return frozenset(_PROTOCOLS[name] for name in spoken)

    @property
    def signing_name(self) -> str:
        """The service's name in the scope of a signature."""
        return str(self.metadata.get("signingName") or self.metadata["endpointPrefix"])

    @cached_property
    def is_global(self) -> bool:
        """Whether AWS has it once for all regions, so that SDKs sign for us-east-1. Of ECR Public no model says so."""
        return "globalEndpoint" in self.metadata or self.name == "ecr-public"

    @cached_property
    def operation_names(self) -> frozenset[str]:
        """Every operation of the service, written here or not."""
        return frozenset(self.service.operation_names)

    def operation(self, name: str) -> Operation:
        """The operation of that name. Raises: KeyError."""
        if name not in self._operations:
            if name not in self.operation_names:
                raise KeyError(name)
            found = self.service.operation_model(name)
            shape = found.input_shape
            parameters = {member: xform_name(member) for member in (shape.members if shape else ())}
            unsigned = found.auth_type == "none"
            self._operations[name] = Operation(self, name, shape, found.output_shape, parameters, unsigned)
        return self._operations[name]

    @cached_property
    def errors(self) -> dict[str, tuple[str, Wire, dict[str, str]]]:
        """By name, and by code of the query protocol: the name, how it travels, its members on the wire and here."""
        errors = {}
        for name, raw in self._description["shapes"].items():
            if raw.get("exception"):
                # ``Shape.metadata`` leaves ``fault`` out, so the raw description is read.
                traits = raw.get("error", {})
                status = traits.get("httpStatusCode") or (500 if raw.get("fault") else 400)
                wire = Wire(traits.get("code", name), status, status)
                members = {member: xform_name(member) for member in raw.get("members", {})}
                errors[name] = errors[wire.query_code] = (name, wire, members)
        return errors


def refusal(fault: Fault, model: Model | None) -> Refusal:
    """How *fault* travels: by its own shape in the *model* of the service asked, else as a common error."""
    declared = None if model is None or isinstance(fault, FrontDoor) else model.errors.get(fault.aws)
    common = COMMON.get(fault.aws) or Wire(fault.aws.removesuffix("Exception"), 400, 400)
    code, wire, names = declared or (fault.aws, common, {})
    members = {name: fault.members[ours] for name, ours in names.items() if fault.members.get(ours) is not None}
    return Refusal(code, wire, str(fault), members)


def _strip_documentation(node: Any) -> None:
    """Forget the prose: it is most of a model, and only documentation generators read it."""
    if isinstance(node, dict):
        if isinstance(node.get("documentation"), str):  # a member may bear that name: then it is no string
            del node["documentation"]
        for child in node.values():
            _strip_documentation(child)
    elif isinstance(node, list):
        for child in node:
            _strip_documentation(child)
