"""Services: functions are held to the model when a service is put together."""

import types
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from entrepot.aws.faults import COMMON, UnknownOperation
from entrepot.aws.models import Model, refusal
from entrepot.aws.service import Service
from entrepot.call import Call
from entrepot.errors import Fault, FrontDoor, InvalidParameter
from entrepot.names import Registry
from tests.unit.aws import handlers


def module_of(function: Callable[..., Any]) -> types.ModuleType:
    module = types.ModuleType(function.__module__)
    module.__dict__[function.__name__] = function
    return module


def delete_repository(call: Call, *, repository_name: str, registry_id: str | None = None, force: bool = False) -> None:
    """As the model has it."""


def test_a_function_is_the_handler_of_the_operation_whose_name_it_bears():
    service = Service("ecr", handlers)

    assert service.handlers["DeleteRepository"].function is handlers.delete_repository
    assert set(service.handlers) == {
        "DescribeRepositories",
        "DeleteRepository",
        "UploadLayerPart",
        "GetRegistryPolicy",
    }


def test_operations_run_as_their_names_and_marks_say():
    service = Service("ecr", handlers)

    assert service.handlers["DescribeRepositories"].runs == "reading"
    assert service.handlers["DeleteRepository"].runs == "writing"
    assert service.handlers["UploadLayerPart"].runs == "moving bytes"


def test_what_is_not_written_is_listed_and_answers_as_unknown():
    service = Service("ecr", handlers)

    assert "PutImage" in service.unwritten()
    assert "DeleteRepository" not in service.unwritten()
    with pytest.raises(UnknownOperation, match="not yet in this version of Entrepôt"):
        service.route("PutImage")
    with pytest.raises(UnknownOperation, match="There is no operation PutImages in ecr"):
        service.route("PutImages")


def test_a_call_needs_its_own_action_on_everything_where_a_service_says_no_more():
    service = Service("ecr", handlers)

    pairs = service.resources("DeleteRepository", {}, Registry("123456789012", "us-east-1"))

    assert pairs == [("ecr:DeleteRepository", "*")]


def a_misspelt_operation() -> Callable[..., Any]:
    def delete_repositry(call: Call) -> None: ...

    return delete_repositry


def a_misspelt_member() -> Callable[..., Any]:
    def delete_repository(call: Call, *, name: str, registry_id: str | None = None, force: bool = False) -> None: ...

    return delete_repository


def a_missing_member() -> Callable[..., Any]:
    def delete_repository(call: Call, *, repository_name: str, force: bool = False) -> None: ...

    return delete_repository


def a_default_on_a_required_member() -> Callable[..., Any]:
    def delete_repository(
        call: Call, *, repository_name: str = "", registry_id: str | None = None, force: bool = False
    ) -> None: ...

    return delete_repository


def no_default_on_an_optional_member() -> Callable[..., Any]:
    def delete_repository(
        call: Call, *, repository_name: str, registry_id: str | None, force: bool = False
    ) -> None: ...

    return delete_repository


def a_default_of_another_type() -> Callable[..., Any]:
    def delete_repository(
        call: Call, *, repository_name: str, registry_id: str | None = None, force: str = "no"
    ) -> None: ...

    return delete_repository


def a_default_that_can_change() -> Callable[..., Any]:
    def describe_repositories(
        call: Call,
        *,
        registry_id: str | None = None,
        repository_names: Sequence[str] = [],
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> None: ...

    return describe_repositories


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (a_misspelt_operation, "ecr has no such operation"),
        (a_misspelt_member, "unlike the model in name, repository_name"),
        (a_missing_member, "unlike the model in registry_id"),
        (a_default_on_a_required_member, "repository_name is required in the model"),
        (no_default_on_an_optional_member, "registry_id is not required in the model"),
        (a_default_of_another_type, "'no' is no default for force"),
        (a_default_that_can_change, r"\[\] is no default for repository_names"),
    ],
)
def test_a_function_unlike_its_operation_is_refused_at_the_start(make, words):
    with pytest.raises(TypeError, match=words):
        Service("ecr", module_of(make()))


def test_what_a_module_imports_and_keeps_for_itself_is_no_operation():
    module = module_of(delete_repository)
    module.__dict__.update(_helper=lambda: None, imported=Service, pytest_raises=pytest.raises)

    assert list(Service("ecr", module).handlers) == ["DeleteRepository"]


def test_a_model_knows_its_service():
    model = Model("ecr")

    assert model.protocols == {"json"}
    assert model.signing_name == "ecr"
    assert model.operation("PutImage") is model.operation("PutImage")
    with pytest.raises(KeyError):
        model.operation("PutImages")
    assert Model("cloudwatch").protocols == {"json", "query", "cbor"}
    assert Model("cloudwatch").signing_name == "monitoring"


class NoSuchUser(Fault, aws="NoSuchEntityException"):
    message = "gone"


class NoSuchUserByCode(Fault, aws="NoSuchEntity"):
    message = "gone"


class Broken(Fault, aws="ServerException"):
    message = "broken"


class Unheard(Fault, aws="UnheardOfException"):
    message = "unheard of"


class Expired(FrontDoor, aws="ExpiredTokenException"):
    message = "expired"


class WebTokenExpired(Fault, aws="ExpiredTokenException"):
    message = "expired"


@pytest.mark.parametrize(
    ("service", "fault", "travels"),
    [
        ("iam", NoSuchUser(), ("NoSuchEntityException", "NoSuchEntity", 404, 404)),
        ("iam", NoSuchUserByCode(), ("NoSuchEntityException", "NoSuchEntity", 404, 404)),
        ("ecr", Broken(), ("ServerException", "ServerException", 500, 500)),
        ("sts", Broken(), ("ServerException", "InternalFailure", 500, 500)),
        ("ecr", InvalidParameter(parameter="a", reason="b"), ("InvalidParameterException",) * 2 + (400, 400)),
        ("iam", Unheard(), ("UnheardOfException", "UnheardOf", 400, 400)),
        ("sts", Expired(), ("ExpiredTokenException", "ExpiredToken", 400, 403)),
        ("sts", WebTokenExpired(), ("ExpiredTokenException", "ExpiredTokenException", 400, 400)),
    ],
)
def test_a_fault_travels_as_its_service_declares_it(service, fault, travels):
    found = refusal(fault, Model(service))

    assert (found.code, *found.wire) == travels


def test_every_refusal_of_the_front_door_has_its_codes():
    def below(kind: type[Fault]) -> list[type[Fault]]:
        return [kind, *(found for child in kind.__subclasses__() for found in below(child))]

    ours = [kind for kind in below(FrontDoor) if kind is not FrontDoor and kind.__module__.startswith("entrepot.")]

    assert len(ours) >= 12
    assert [kind for kind in ours if kind.aws not in COMMON] == []
