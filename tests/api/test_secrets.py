"""Secrets: made, read, changed, labelled, tagged, deleted."""

import itertools
import json
from typing import Any

import pytest
from sqlalchemy import text

from entrepot import clock
from entrepot.database import Statement
from entrepot.secrets import secrets
from entrepot.serving.preparing import open_database
from tests.support.api import raw, refused
from tests.support.server import ACCOUNT, REGION

TOKENS = (f"{number:036d}" for number in itertools.count(1))
NOT_THERE = "Secrets Manager can't find the specified secret."
MARKED = "You can't perform this operation on the secret because it was marked for deletion."


@pytest.fixture
def name(request):
    """A name of the test's own."""
    return f"{request.node.name.replace('[', '/').rstrip(']')[:200]}"


@pytest.fixture
def secret(secretsmanager, name):
    """The ARN of a secret with the value ``one``."""
    return secretsmanager.create_secret(Name=name, SecretString="one")["ARN"]


def stages(secretsmanager, secret):
    return secretsmanager.describe_secret(SecretId=secret).get("VersionIdsToStages", {})


def put(secretsmanager, secret, value, *labels):
    more = {"VersionStages": list(labels)} if labels else {}
    return secretsmanager.put_secret_value(SecretId=secret, SecretString=value, **more)["VersionId"]


# ── making and reading ──────────────────────────────────────────────────────────────────────────────


def test_a_secret_is_read_as_it_was_made(secretsmanager, name):
    made = secretsmanager.create_secret(
        Name=name, Description="a password", SecretString="pässword", Tags=[{"Key": "env", "Value": "dev"}]
    )
    read = secretsmanager.get_secret_value(SecretId=name)
    shown = secretsmanager.describe_secret(SecretId=name)

    assert made["ARN"].startswith(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-")
    assert len(made["ARN"].removeprefix(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-")) == 6
    assert (read["ARN"], read["Name"], read["VersionId"]) == (made["ARN"], name, made["VersionId"])
    assert (read["SecretString"], read["VersionStages"]) == ("pässword", ["AWSCURRENT"])
    assert "SecretBinary" not in read
    assert (shown["Description"], shown["Tags"]) == ("a password", [{"Key": "env", "Value": "dev"}])
    assert shown["VersionIdsToStages"] == {made["VersionId"]: ["AWSCURRENT"]}
    assert "KmsKeyId" not in shown
    assert "DeletedDate" not in shown


def test_bytes_come_back_as_bytes(secretsmanager, name):
    secretsmanager.create_secret(Name=name, SecretBinary=bytes(range(256)))
    read = secretsmanager.get_secret_value(SecretId=name)

    assert read["SecretBinary"] == bytes(range(256))
    assert "SecretString" not in read


def test_a_secret_without_a_value_has_no_version(secretsmanager, name):
    made = secretsmanager.create_secret(Name=name)

    assert "VersionId" not in made
    assert "VersionIdsToStages" not in secretsmanager.describe_secret(SecretId=name)
    with refused(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    ):
        secretsmanager.get_secret_value(SecretId=name)


def test_a_secret_is_called_by_its_name_its_arn_and_its_arn_without_the_end(secretsmanager, secret, name):
    for called in (name, secret, secret.rpartition("-")[0]):
        assert secretsmanager.describe_secret(SecretId=called)["ARN"] == secret
    for called in (f"{name}-aaaaaa", secret[:-1] + "_", secret.replace(REGION, "eu-west-3"), "none"):
        with refused("ResourceNotFoundException", NOT_THERE):
            secretsmanager.describe_secret(SecretId=called)


def test_a_name_that_ends_like_an_arn_is_a_name(secretsmanager, secret, name):
    """The ARN of the first secret is also the second one's, without its end: it is the first that is meant."""
    end = secret.rpartition("-")[2]
    other = secretsmanager.create_secret(Name=f"{name}-{end}", SecretString="two")["ARN"]

    assert secretsmanager.get_secret_value(SecretId=f"{name}-{end}")["SecretString"] == "two"
    assert secretsmanager.get_secret_value(SecretId=other)["SecretString"] == "two"
    assert secretsmanager.get_secret_value(SecretId=secret)["SecretString"] == "one"


@pytest.mark.parametrize("called", ["arn:aws:s3:::bucket", "arn:aws:secretsmanager:us-east-1:1:secret:a", "arn:x"])
def test_what_is_no_arn_of_a_secret_is_no_name(secretsmanager, called):
    with refused("ValidationException") as said:
        secretsmanager.get_secret_value(SecretId=called)
    assert said["Error"]["Message"].startswith("Invalid name. Must be a valid name")


@pytest.mark.parametrize("called", ["a b", "a:b", "a*", "a??????", "ä"])
def test_a_secret_is_made_under_a_name_of_the_characters_that_names_have(secretsmanager, called):
    with refused("ValidationException"):
        secretsmanager.create_secret(Name=called, SecretString="x")


def test_a_name_is_taken_once(secretsmanager, secret, name):
    with refused("ResourceExistsException", f"The operation failed because the secret {name} already exists."):
        secretsmanager.create_secret(Name=name, SecretString="one")


def test_a_value_is_a_string_or_bytes(secretsmanager, secret, name):
    with refused("InvalidParameterException"):
        secretsmanager.create_secret(Name=f"{name}-2", SecretString="x", SecretBinary=b"x")
    with refused("InvalidRequestException", "You must provide either SecretString or SecretBinary."):
        secretsmanager.put_secret_value(SecretId=secret)


def test_what_is_not_here_is_refused_and_makes_nothing(secretsmanager, name):
    with refused("InvalidRequestException", "AddReplicaRegions is not supported"):
        secretsmanager.create_secret(Name=name, SecretString="x", AddReplicaRegions=[{"Region": "eu-west-1"}])
    with refused("ResourceNotFoundException"):
        secretsmanager.describe_secret(SecretId=name)


# ── the same once more ──────────────────────────────────────────────────────────────────────────────


def test_a_request_that_is_repeated_makes_one_version(secretsmanager, name):
    token = next(TOKENS)
    first = secretsmanager.create_secret(Name=name, SecretString="one", ClientRequestToken=token)
    again = secretsmanager.create_secret(Name=name, SecretString="one", ClientRequestToken=token)
    secretsmanager.put_secret_value(SecretId=name, SecretString="one", ClientRequestToken=token)
    secretsmanager.update_secret(SecretId=name, SecretString="one", ClientRequestToken=token)

    assert (first["ARN"], first["VersionId"]) == (again["ARN"], token)
    assert stages(secretsmanager, name) == {token: ["AWSCURRENT"]}


@pytest.mark.parametrize("other", [{"SecretString": "two"}, {"SecretBinary": b"one"}])
def test_a_token_stands_for_one_value(secretsmanager, name, other):
    token = next(TOKENS)
    arn = secretsmanager.create_secret(Name=name, SecretString="one", ClientRequestToken=token)["ARN"]
    words = f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret"

    for ask in (
        lambda: secretsmanager.create_secret(Name=name, ClientRequestToken=token, **other),
        lambda: secretsmanager.put_secret_value(SecretId=name, ClientRequestToken=token, **other),
        lambda: secretsmanager.update_secret(SecretId=name, ClientRequestToken=token, **other),
    ):
        with refused("ResourceExistsException", f"{words} {arn}."):
            ask()
    assert secretsmanager.get_secret_value(SecretId=name)["SecretString"] == "one"


@pytest.mark.parametrize("operation", ["CreateSecret", "PutSecretValue", "UpdateSecret"])
def test_who_has_no_sdk_sends_a_token(server, secret, operation):
    body = json.dumps({"Name": "tokenless", "SecretId": secret, "SecretString": "x"}).encode()
    answer = raw(server, operation, body, key=server.root_key(), target="secretsmanager", service="secretsmanager")

    said = json.loads(answer.data)
    assert answer.status == 400
    assert said["__type"].endswith("InvalidRequestException")
    assert (
        said.get("Message", said.get("message"))
        == "You must provide a ClientRequestToken value. We recommend a UUID-type value."
    )


# ── versions and labels ─────────────────────────────────────────────────────────────────────────────


def test_a_new_value_is_current_and_the_last_one_previous(secretsmanager, secret):
    first = secretsmanager.get_secret_value(SecretId=secret)["VersionId"]
    second = put(secretsmanager, secret, "two")
    third = secretsmanager.update_secret(SecretId=secret, SecretString="three")["VersionId"]

    assert stages(secretsmanager, secret) == {second: ["AWSPREVIOUS"], third: ["AWSCURRENT"]}
    assert secretsmanager.get_secret_value(SecretId=secret)["SecretString"] == "three"
    assert secretsmanager.get_secret_value(SecretId=secret, VersionStage="AWSPREVIOUS")["SecretString"] == "two"
    outdated = secretsmanager.get_secret_value(SecretId=secret, VersionId=first)
    assert outdated["SecretString"] == "one"
    assert "VersionStages" not in outdated


def test_labels_are_those_that_are_given_and_each_is_on_one_version(secretsmanager, secret):
    first = secretsmanager.get_secret_value(SecretId=secret)["VersionId"]
    second = put(secretsmanager, secret, "two", "one", "two", "three")
    third = put(secretsmanager, secret, "three", "one", "two", "four")

    assert stages(secretsmanager, secret) == {first: ["AWSCURRENT"], second: ["three"], third: ["four", "one", "two"]}


def test_the_first_value_is_current_whatever_else_it_is(secretsmanager, name):
    secretsmanager.create_secret(Name=name)
    made = secretsmanager.put_secret_value(SecretId=name, SecretString="x", VersionStages=["AWSPENDING"])

    assert made["VersionStages"] == ["AWSCURRENT", "AWSPENDING"]


def test_a_cycle_of_rotation(secretsmanager, secret):
    first = secretsmanager.get_secret_value(SecretId=secret)["VersionId"]
    second = put(secretsmanager, secret, "two", "AWSPENDING", "PUT1")
    assert secretsmanager.get_secret_value(SecretId=secret)["SecretString"] == "one"

    secretsmanager.update_secret_version_stage(
        SecretId=secret, VersionStage="AWSCURRENT", RemoveFromVersionId=first, MoveToVersionId=second
    )

    assert stages(secretsmanager, secret) == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT", "AWSPENDING", "PUT1"]}
    third = put(secretsmanager, secret, "three", "AWSPENDING")
    assert stages(secretsmanager, secret)[third] == ["AWSPENDING"]
    assert stages(secretsmanager, secret)[second] == ["AWSCURRENT", "PUT1"]


def test_who_moves_a_label_says_from_where(secretsmanager, secret):
    first = secretsmanager.get_secret_value(SecretId=secret)["VersionId"]
    second = put(secretsmanager, secret, "two", "AWSPENDING")
    move = {"SecretId": secret, "VersionStage": "AWSCURRENT", "MoveToVersionId": second}

    with refused(
        "InvalidParameterException",
        f"The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "
        f"{first}, so you must explicitly reference that version in RemoveFromVersionId.",
    ):
        secretsmanager.update_secret_version_stage(**move)
    with refused("InvalidParameterException"):
        secretsmanager.update_secret_version_stage(**move, RemoveFromVersionId=second)
    with refused("ResourceNotFoundException"):
        secretsmanager.update_secret_version_stage(**move, RemoveFromVersionId=next(TOKENS))
    assert stages(secretsmanager, secret)[first] == ["AWSCURRENT"]


def test_a_label_is_taken_away_unless_it_is_the_current_one(secretsmanager, secret):
    first = secretsmanager.get_secret_value(SecretId=secret)["VersionId"]
    secretsmanager.update_secret_version_stage(SecretId=secret, VersionStage="mine", MoveToVersionId=first)
    assert stages(secretsmanager, secret)[first] == ["AWSCURRENT", "mine"]

    secretsmanager.update_secret_version_stage(SecretId=secret, VersionStage="mine", RemoveFromVersionId=first)
    assert stages(secretsmanager, secret)[first] == ["AWSCURRENT"]
    with refused(
        "InvalidParameterException",
        "You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.",
    ):
        secretsmanager.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", RemoveFromVersionId=first
        )


def test_a_version_is_asked_for_by_its_id_and_its_label_only_if_they_belong_together(secretsmanager, secret):
    first = secretsmanager.get_secret_value(SecretId=secret)["VersionId"]
    second = put(secretsmanager, secret, "two")
    asked = {"SecretId": secret, "VersionStage": "AWSCURRENT"}

    assert secretsmanager.get_secret_value(**asked, VersionId=second)["SecretString"] == "two"
    with refused(
        "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId."
    ):
        secretsmanager.get_secret_value(**asked, VersionId=first)
    nobody = next(TOKENS)
    with refused(
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {nobody}",
    ):
        secretsmanager.get_secret_value(SecretId=secret, VersionId=nobody)


def test_versions_are_listed_in_pages(secretsmanager, secret):
    second, third = put(secretsmanager, secret, "two"), put(secretsmanager, secret, "three")

    def listed(**more):
        found: list[Any] = []
        page: dict[str, Any] = {}
        while not found or "NextToken" in page:
            token = {"NextToken": page["NextToken"]} if "NextToken" in page else {}
            page = secretsmanager.list_secret_version_ids(SecretId=secret, MaxResults=1, **more, **token)
            found += page["Versions"]
            assert len(page["Versions"]) == 1
        return found

    assert [(each["VersionId"], each["VersionStages"]) for each in listed()] == [
        (second, ["AWSPREVIOUS"]),
        (third, ["AWSCURRENT"]),
    ]
    assert {each["KmsKeyIds"][0] for each in listed()} == {"DefaultEncryptionKey"}
    everything = listed(IncludeDeprecated=True)
    assert len(everything) == 3
    assert "VersionStages" not in everything[0]
    with refused("InvalidNextTokenException"):
        secretsmanager.list_secret_version_ids(SecretId=secret, NextToken="none")


def test_a_secret_has_a_hundred_versions_and_outdated_ones_make_room_after_a_day(server, secretsmanager, name):
    secretsmanager.create_secret(Name=name, SecretString="0")
    for number in range(1, 100):
        put(secretsmanager, name, str(number))
    with refused("LimitExceededException"):
        put(secretsmanager, name, "one too many")

    _age(server, secretsmanager.describe_secret(SecretId=name)["ARN"])
    put(secretsmanager, name, "100")

    listed = secretsmanager.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
    assert len(listed) == 3  # those that were current and previous, and the new one
    assert secretsmanager.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "99"


def _age(server, arn):
    """Let the versions of a secret be two days old."""
    database = open_database(server.place)
    try:
        statement = Statement(text("UPDATE secret_versions SET created_at = created_at - 172800 WHERE secret = :arn"))
        database.write(lambda tx: tx.run(statement, arn=arn))
    finally:
        database.close()


# ── changing ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_not_changed_stays(secretsmanager, name):
    made = secretsmanager.create_secret(Name=name, Description="old", SecretString="x")

    answer = secretsmanager.update_secret(SecretId=name, Description="new")

    assert "VersionId" not in answer
    shown = secretsmanager.describe_secret(SecretId=name)
    assert (shown["Description"], list(shown["VersionIdsToStages"])) == ("new", [made["VersionId"]])
    secretsmanager.update_secret(SecretId=name, SecretString="y")
    assert secretsmanager.describe_secret(SecretId=name)["Description"] == "new"


def test_tags_are_put_and_taken(secretsmanager, secret):
    secretsmanager.tag_resource(SecretId=secret, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    secretsmanager.tag_resource(SecretId=secret, Tags=[{"Key": "a", "Value": "3"}])
    secretsmanager.untag_resource(SecretId=secret, TagKeys=["b", "none"])

    assert secretsmanager.describe_secret(SecretId=secret)["Tags"] == [{"Key": "a", "Value": "3"}]
    for tags in ([{"Key": "aws:a", "Value": "1"}], [{"Value": "1"}], [{"Key": "x"}, {"Key": "x"}]):
        with refused("InvalidParameterException"):
            secretsmanager.tag_resource(SecretId=secret, Tags=tags)


# ── deleting ────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_that_is_to_be_deleted_is_described_and_nothing_else(secretsmanager, secret, name):
    answer = secretsmanager.delete_secret(SecretId=secret, RecoveryWindowInDays=7)

    assert (answer["DeletionDate"].timestamp() - clock.now()) // 86400 in (6, 7)
    assert secretsmanager.describe_secret(SecretId=secret)["DeletedDate"] == answer["DeletionDate"]
    for ask in (
        lambda: secretsmanager.get_secret_value(SecretId=secret),
        lambda: put(secretsmanager, secret, "two"),
        lambda: secretsmanager.update_secret(SecretId=secret, Description="x"),
        lambda: secretsmanager.tag_resource(SecretId=secret, Tags=[{"Key": "a", "Value": "b"}]),
        lambda: secretsmanager.untag_resource(SecretId=secret, TagKeys=["a"]),
        lambda: secretsmanager.get_resource_policy(SecretId=secret),
        lambda: secretsmanager.delete_secret(SecretId=secret),
    ):
        with refused("InvalidRequestException", MARKED):
            ask()
    with refused(
        "InvalidRequestException",
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
    ):
        secretsmanager.create_secret(Name=name, SecretString="new")


def test_a_deletion_is_called_off(secretsmanager, secret):
    secretsmanager.delete_secret(SecretId=secret)
    secretsmanager.restore_secret(SecretId=secret)
    secretsmanager.restore_secret(SecretId=secret)

    assert secretsmanager.get_secret_value(SecretId=secret)["SecretString"] == "one"
    assert "DeletedDate" not in secretsmanager.describe_secret(SecretId=secret)


@pytest.mark.parametrize("scheduled", [False, True])
def test_a_deletion_without_recovery_leaves_nothing_to_a_namesake(secretsmanager, secret, name, scheduled):
    secretsmanager.tag_resource(SecretId=secret, Tags=[{"Key": "a", "Value": "b"}])
    if scheduled:
        secretsmanager.delete_secret(SecretId=secret)
    secretsmanager.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)

    with refused("ResourceNotFoundException", NOT_THERE):
        secretsmanager.describe_secret(SecretId=name)
    again = secretsmanager.create_secret(Name=name)
    assert again["ARN"] != secret
    shown = secretsmanager.describe_secret(SecretId=name)
    assert not {"Tags", "VersionIdsToStages"} & shown.keys()
    with refused("ResourceNotFoundException", NOT_THERE):
        secretsmanager.restore_secret(SecretId=secret)


def test_who_deletes_by_force_what_is_not_there_is_not_refused(secretsmanager):
    assert secretsmanager.delete_secret(SecretId="none", ForceDeleteWithoutRecovery=True)["Name"] == "none"
    with refused("ResourceNotFoundException", NOT_THERE):
        secretsmanager.delete_secret(SecretId="none")


@pytest.mark.parametrize("days", [0, 6, 31])
def test_a_window_is_a_week_to_thirty_days(secretsmanager, secret, days):
    with refused(
        "InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
    ):
        secretsmanager.delete_secret(SecretId=secret, RecoveryWindowInDays=days)
    with refused(
        "InvalidParameterException",
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
    ):
        secretsmanager.delete_secret(SecretId=secret, RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True)


def test_a_secret_whose_time_is_over_is_gone_and_its_name_free(server, secretsmanager, secret, name):
    other = secretsmanager.create_secret(Name=f"{name}-other", SecretString="x")["ARN"]
    for each in (secret, other):
        secretsmanager.delete_secret(SecretId=each, RecoveryWindowInDays=7)
    _end(server, secret, other)

    with refused("ResourceNotFoundException", NOT_THERE):
        secretsmanager.restore_secret(SecretId=secret)
    assert secretsmanager.create_secret(Name=name)["ARN"] != secret

    database = open_database(server.place)
    try:
        assert database.write(secrets.remove_deleted) == 1
        assert database.write(secrets.remove_deleted) == 0
    finally:
        database.close()


def _end(server, *arns):
    """Let the time of secrets be over."""
    statement = Statement(text("UPDATE secrets SET deletion_at = 1 WHERE arn = :arn"))
    database = open_database(server.place)
    try:
        database.write(lambda tx: [tx.run(statement, arn=arn) for arn in arns])
    finally:
        database.close()
