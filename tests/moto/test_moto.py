"""
moto's own tests of ECR, IAM, KMS, Secrets Manager and STS against our server: they pass, or ``docs/moto.md`` says why.

Source: the tests of moto's source distribution.
"""

import re

import pytest

from entrepot.services import ecr, iam, kms, secretsmanager, sts
from tests.moto.conftest import Run
from tests.support.data import ROOT

pytestmark = pytest.mark.timeout(600)  # one run of 500 tests, for the first who asks

_SERVICES = (ecr.service, iam.service, kms.service, secretsmanager.service, sts.service)
_PAGE = (ROOT / "docs/moto.md").read_text(encoding="utf-8")
_ROWS = re.findall(r"^\| (?P<first>.+?) \| (?P<second>.+) \|$", _PAGE, re.MULTILINE)


def _listed() -> list[str]:
    return [
        name for row in _ROWS for name in re.findall(r"`((?:test|Test)\w+\.test_\w+(?:\[[^]`]+])?)`", " ".join(row))
    ]


def _is_listed(test: str) -> bool:
    return test in _listed() or test.partition("[")[0] in _listed()


def _with_name(name: str, tests: "frozenset[str] | dict[str, str]") -> list[str]:
    return [test for test in tests if name in {test, test.partition("[")[0]}]


def test_what_moto_expects_holds_or_stands_in_the_list(moto_run: Run) -> None:
    assert {test: said for test, said in moto_run.failed.items() if not _is_listed(test)} == {}


def test_nothing_stands_in_the_list_that_holds(moto_run: Run) -> None:
    assert [test for test in moto_run.passed if _is_listed(test)] == []
    assert [name for name in _listed() if not _with_name(name, moto_run.failed)] == []


def test_each_test_stands_in_the_list_once() -> None:
    assert sorted(_listed()) == sorted(set(_listed()))


def test_the_operations_that_were_missed_are_listed_and_not_written(moto_run: Run) -> None:
    known = frozenset().union(*(service.model.operation_names for service in _SERVICES))
    listed = {name for first, _ in _ROWS for name in first.split(", ") if name in known}

    assert listed == moto_run.not_yet
    assert moto_run.not_yet <= {name for service in _SERVICES for name in service.unwritten()}


def test_more_of_motos_tests_pass_than_there_are_in_the_list(moto_run: Run) -> None:
    """The images that moto's tests push are accepted: without them three in four would fail."""
    assert len(moto_run.passed) > len(moto_run.failed)
    assert {"test_ecr.test_put_manifest_list", "test_ecr.test_batch_get_image"} <= moto_run.passed
    # They look into moto itself, or stop its clock, which a server elsewhere does not hear.
    assert moto_run.skipped == {
        "test_ecr.test_put_image_with_push_date",
        "test_iam.test_get_account_authorization_details",
        "test_iam.test_get_aws_managed_policy[cn-north-1-aws-cn]",
        "test_iam.test_get_aws_managed_policy[us-west-2-aws]",
        "test_iam.test_get_aws_managed_policy_v12_version",
        "test_iam.test_get_aws_managed_policy_version",
        "test_iam.test_managed_policy",
        "test_iam.test_policy_config_dict",
        "test_iam.test_role_config_dict",
        "test_iam_groups.test_attach_group_policies",
        "test_secretsmanager.test_aws_managed_secret",
        "test_secretsmanager.test_create_secret_custom_id",
    }
