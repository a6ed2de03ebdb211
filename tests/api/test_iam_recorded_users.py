"""Answers about users that the real service gave, and ours: the same members. Source: localstack's recordings."""

import json

import pytest

from tests.support.data import data

_FOLDER = "snapshots/localstack/iam"
_USER = f"{_FOLDER}/resource_providers/aws_iam_user"


def recorded(file, test, answer):
    """One recorded answer, without what the recorder added."""
    (found,) = [
        each["recorded-content"][answer]
        for name, each in json.loads(data(file).read_text(encoding="utf-8")).items()
        if name.endswith(f"::{test}")
    ]
    return {name: value for name, value in found.items() if name != "ResponseMetadata"}


def shape(value):
    """Which members there are, whatever their values."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items() if name != "ResponseMetadata"}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__.replace("datetime", "str")


@pytest.fixture
def iam(server, account):
    return server.aws("iam", key=account.key)


def test_a_user_and_its_groups_are_shown_as_they_were_recorded(iam):
    made = iam.create_user(UserName="recorded")
    for name in ("recorded-1", "recorded-2"):
        iam.create_group(GroupName=name)
        iam.add_user_to_group(GroupName=name, UserName="recorded")

    at_creation = recorded(
        f"{_FOLDER}/test_iam.snapshot.json",
        "test_service_specific_credential_lifecycle[codecommit.amazonaws.com]",
        "create-user-response",
    )
    assert shape(made) == shape(at_creation)
    file, test = f"{_USER}/test_parity.snapshot.json", "test_create_with_full_properties"
    assert shape(iam.get_user(UserName="recorded")) == shape(recorded(file, test, "describe-user-resource"))
    groups = shape(iam.list_groups_for_user(UserName="recorded"))
    assert groups == shape(recorded(file, test, "describe-user-group-association"))


@pytest.mark.parametrize(
    ("test", "answer", "call"),
    [
        (
            "test_create_service_specific_credential_invalid_user",
            "invalid-user-name-exception",
            lambda iam: iam.get_user(UserName="non-existent-user"),
        ),
        (
            "test_invalid_update_parameters",
            "update-invalid-status",
            lambda iam: iam.update_access_key(AccessKeyId="A" * 20, Status="Invalid"),
        ),
    ],
)
def test_refusals_are_those_that_were_recorded(iam, test, answer, call):
    with pytest.raises(iam.exceptions.ClientError) as caught:
        call(iam)
    found = recorded(f"{_FOLDER}/test_iam.snapshot.json", test, answer)
    said = caught.value.response
    assert (said["Error"]["Code"], said["Error"]["Message"]) == (found["Error"]["Code"], found["Error"]["Message"])
