"""Operations called by their names, in process: judged like requests, by whoever is said to ask."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from entrepot.aws.engine import Asking, Engine
from entrepot.aws.faults import NotForSessions, Serialization, UnknownOperation
from entrepot.aws.validation import ConstraintsViolated
from entrepot.errors import AccessDenied, InvalidParameter
from entrepot.identity import accounts, users
from entrepot.identity.facts import Facts
from entrepot.identity.principals import Principal, root_of, session_of
from entrepot.identity.sessions import Session
from entrepot.knowledge import knowledge_of
from entrepot.names import Registry
from entrepot.runtime import Runtime
from entrepot.services import ecr, iam, sts
from tests.support.registry import create, runtime_in
from tests.support.server import ACCOUNT, REGION

Api = Callable[..., dict[str, Any]]
ROOT = root_of(ACCOUNT)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory) -> Iterator[Runtime]:
    with runtime_in(tmp_path_factory.mktemp("engine")) as runtime:
        runtime.database.write(lambda tx: accounts.create(tx, account=ACCOUNT))
        yield runtime


@pytest.fixture
def api(runtime) -> Api:
    directory, reads = knowledge_of(runtime)
    engine = Engine((ecr.service, iam.service, sts.service), runtime, directory=directory, reads=reads)

    def call(service: str, operation: str, *, by: Principal = ROOT, **members: Any) -> dict[str, Any]:
        asking = Asking(by, Registry(ACCOUNT, REGION))
        facts = Facts(address="10.0.0.1", secure=True, region=REGION)
        return asyncio.run(engine.call(asking, service, operation, facts=facts, members=members))

    return call


def test_an_answer_has_the_members_of_the_output_and_nothing_that_is_absent(runtime, api):
    create(runtime, "shown")

    (found,) = api("ecr", "DescribeRepositories", maxResults=50, nextToken=None)["repositories"]

    assert found["repositoryName"] == "shown"
    assert isinstance(found["createdAt"], float)


@pytest.mark.parametrize(
    ("operation", "members", "refusal"),
    [
        ("DescribeRepositories", {"maxResults": 0}, InvalidParameter),
        ("DescribeRepositories", {"maxResults": "50"}, Serialization),
        ("DescribeRepositories", {"repositoryName": "misspelt"}, TypeError),
        ("DescribeEverything", {}, UnknownOperation),
    ],
)
def test_what_the_model_does_not_have_is_refused(api, operation, members, refusal):
    with pytest.raises(refusal):
        api("ecr", operation, **members)


def test_there_are_only_the_services_that_were_given(api):
    with pytest.raises(UnknownOperation, match="There is no service kms"):
        api("kms", "ListKeys")
    with pytest.raises(ConstraintsViolated):
        api("iam", "CreateUser", UserName="a b")


def test_who_has_no_right_is_refused_in_the_words_of_a_request(runtime, api):
    ann = runtime.database.write(lambda tx: users.create(tx, ACCOUNT, name="ann")).principal

    with pytest.raises(AccessDenied, match=r"user/ann is not authorized to perform: iam:DeleteUser .* no identity-ba"):
        api("iam", "DeleteUser", by=ann, UserName="ann")


def test_a_session_that_opens_no_sts_opens_none_in_process(api):
    session = session_of(ROOT, Session("user", ACCOUNT, ACCOUNT, "", 0, 2**40))

    with pytest.raises(NotForSessions):
        api("sts", "GetSessionToken", by=session)
