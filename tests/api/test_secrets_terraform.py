"""
What Terraform's AWS provider calls for its resources of Secrets Manager, in its order: create, read, update, read,
delete.

Source: hashicorp/terraform-provider-aws, internal/service/secretsmanager, as it stands there. The provider itself is
not to be had here.
"""

import itertools

import pytest
from botocore.exceptions import ClientError

# The provider makes its tokens of the time and a number: 36 characters.
TOKENS = (f"terraform-20261122120000{number:012d}" for number in itertools.count(1))


def ask(operation, **members):
    """An answer; None where the provider takes the refusal for "it is gone"."""
    try:
        return operation(**members)
    except ClientError as error:
        said = error.response["Error"]
        if said["Code"] != "ResourceNotFoundException" and "because it was marked for deletion" not in said["Message"]:
            raise
        return None


def read(client, arn):
    """What the provider reads of a secret after each change, and plans by; None where it takes it for gone."""
    shown = ask(client.describe_secret, SecretId=arn)
    if shown is None or "DeletedDate" in shown:
        return None
    policy = client.get_resource_policy(SecretId=arn)
    return {
        "arn": shown["ARN"],
        "description": shown.get("Description", ""),
        "kms_key_id": shown.get("KmsKeyId", ""),
        "name": shown["Name"],
        "replica": shown.get("ReplicationStatus", []),
        "policy": policy.get("ResourcePolicy", ""),
        "tags": {tag["Key"]: tag["Value"] for tag in shown.get("Tags", [])},
    }


def read_version(client, arn, version):
    """The same of a version."""
    found = ask(client.get_secret_value, SecretId=arn, VersionId=version)
    if found is None:
        return None
    return found.get("SecretString", ""), found.get("SecretBinary", b""), set(found.get("VersionStages", []))


@pytest.mark.parametrize("window", [0, 7])
def test_aws_secretsmanager_secret(secretsmanager, kms, window):
    name = f"ecr-pullthroughcache/terraform-{window}"
    keys = [kms.create_key()["KeyMetadata"]["Arn"], f"alias/terraform-secret-{window}"]
    kms.create_alias(AliasName=keys[1], TargetKeyId=keys[0])
    made = secretsmanager.create_secret(
        ClientRequestToken=next(TOKENS),
        Description="",
        ForceOverwriteReplicaSecret=False,
        Name=name,
        Tags=[{"Key": "env", "Value": "dev"}],
        KmsKeyId=keys[0],
    )
    arn = made["ARN"]
    planned = {"arn": arn, "description": "", "name": name, "replica": [], "policy": ""}
    assert read(secretsmanager, arn) == {**planned, "kms_key_id": keys[0], "tags": {"env": "dev"}}

    secretsmanager.update_secret(
        ClientRequestToken=next(TOKENS), Description="of an upstream", SecretId=arn, KmsKeyId=keys[1]
    )
    secretsmanager.untag_resource(SecretId=arn, TagKeys=["env"])
    secretsmanager.tag_resource(SecretId=arn, Tags=[{"Key": "stage", "Value": "dev"}])
    planned["description"] = "of an upstream"
    assert read(secretsmanager, arn) == {**planned, "kms_key_id": keys[1], "tags": {"stage": "dev"}}

    if window:
        secretsmanager.delete_secret(SecretId=arn, RecoveryWindowInDays=window)
    else:
        secretsmanager.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    assert read(secretsmanager, arn) is None


def test_aws_secretsmanager_secret_of_no_key(secretsmanager):
    """A plan that names no key stays clean."""
    made = secretsmanager.create_secret(
        ClientRequestToken=next(TOKENS), Description="", ForceOverwriteReplicaSecret=False, Name="terraform-plain"
    )

    found = read(secretsmanager, made["ARN"])

    assert found is not None
    assert (found["kms_key_id"], found["tags"]) == ("", {})


@pytest.mark.parametrize("value", [{"SecretString": '{"username":"ada"}'}, {"SecretBinary": b"\x00\x01"}])
def test_aws_secretsmanager_secret_version(secretsmanager, value):
    arn = secretsmanager.create_secret(Name=f"terraform-version-{next(iter(value))}")["ARN"]

    def create(**given):
        return secretsmanager.put_secret_value(ClientRequestToken=next(TOKENS), SecretId=arn, **given)["VersionId"]

    first = create(**value)
    expected = value.get("SecretString", ""), value.get("SecretBinary", b"")
    assert read_version(secretsmanager, arn, first) == (*expected, {"AWSCURRENT"})

    # Replaced, the new one first: the old one loses its label by the provider's own hand.
    second = create(SecretString="another")
    assert read_version(secretsmanager, arn, first) == (*expected, {"AWSPREVIOUS"})
    secretsmanager.update_secret_version_stage(RemoveFromVersionId=first, SecretId=arn, VersionStage="AWSPREVIOUS")
    assert read_version(secretsmanager, arn, first) == (*expected, set())
    assert read_version(secretsmanager, arn, second) == ("another", b"", {"AWSCURRENT"})

    secretsmanager.delete_secret(SecretId=arn, RecoveryWindowInDays=30)
    assert read_version(secretsmanager, arn, second) is None


def test_aws_secretsmanager_secret_version_with_stages(secretsmanager):
    arn = secretsmanager.create_secret(Name="terraform-stages", SecretString="one")["ARN"]
    version = secretsmanager.put_secret_value(
        ClientRequestToken=next(TOKENS), SecretId=arn, SecretString="two", VersionStages=["one"]
    )["VersionId"]
    assert read_version(secretsmanager, arn, version) == ("two", b"", {"one"})

    listed = secretsmanager.list_secret_version_ids(SecretId=arn)["Versions"]
    (current,) = [each["VersionId"] for each in listed if "AWSCURRENT" in each["VersionStages"]]
    secretsmanager.update_secret_version_stage(
        MoveToVersionId=version, RemoveFromVersionId=current, SecretId=arn, VersionStage="AWSCURRENT"
    )
    secretsmanager.update_secret_version_stage(RemoveFromVersionId=version, SecretId=arn, VersionStage="one")
    assert read_version(secretsmanager, arn, version) == ("two", b"", {"AWSCURRENT"})
