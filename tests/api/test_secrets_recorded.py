"""Answers of the real Secrets Manager, recorded, beside ours: the same members."""

import pytest

from tests.support.recorded import recording

_FILE = "cloudformation/resources/test_secretsmanager.snapshot.json"


@pytest.fixture(scope="module")
def made(secretsmanager):
    """The name of a secret with everything that the recorded one has."""
    secretsmanager.create_secret(
        Name="recorded", Description="Aurora Password", SecretString="x", Tags=[{"Key": "stack", "Value": "a"}]
    )
    return "recorded"


def members(answer):
    return answer.keys() - {"ResponseMetadata"}


def test_a_secret_described(secretsmanager, made):
    theirs = recording(_FILE, "test_cfn_secretsmanager_gen_secret")["secret"]

    ours = secretsmanager.describe_secret(SecretId=made)

    assert members(ours) == members(theirs)
    assert list(ours["VersionIdsToStages"].values()) == list(theirs["VersionIdsToStages"].values())


def test_a_value_read(secretsmanager, made):
    theirs = recording(_FILE, "test_cdk_deployment_generates_secret_value_if_no_value_is_provided")["generated_key"]

    ours = secretsmanager.get_secret_value(SecretId=made)

    assert members(ours) == members(theirs)
    assert ours["VersionStages"] == theirs["VersionStages"]


def test_the_policy_of_a_secret(secretsmanager, made):
    """The recorded one has a policy, which none of ours can have yet."""
    theirs = recording(_FILE, "test_cfn_secret_policy[true]")["resource_policy"]

    assert members(secretsmanager.get_resource_policy(SecretId=made)) == members(theirs) - {"ResourcePolicy"}
