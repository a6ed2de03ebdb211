"""
What Terraform's AWS provider calls for each of its resources of KMS, in its order: create, read, update, read, delete.

Source: hashicorp/terraform-provider-aws, internal/service/kms, as it stands there. The provider itself is not to be
had here.
"""

import json

import pytest

from tests.support.api import refused
from tests.support.server import ACCOUNT, REGION

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
POLICY = json.dumps(
    {
        "Id": "key",
        "Statement": [
            {"Action": "kms:*", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Resource": "*", "Sid": "Enable all"}
        ],
        "Version": "2012-10-17",
    }
)


def read(kms, key):
    """What the provider reads of a key after each change, and plans by."""
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    rotation = kms.get_key_rotation_status(KeyId=key)
    tags = [tag for page in kms.get_paginator("list_resource_tags").paginate(KeyId=key) for tag in page["Tags"]]
    return metadata, json.loads(policy), rotation, {tag["TagKey"]: tag["TagValue"] for tag in tags}


def delete(kms, key):
    """The provider schedules it, and waits until it is seen to be pending."""
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_aws_kms_key(kms):
    made = kms.create_key(
        BypassPolicyLockoutSafetyCheck=False,
        CustomerMasterKeySpec="SYMMETRIC_DEFAULT",
        KeyUsage="ENCRYPT_DECRYPT",
        Description="images",
        MultiRegion=False,
        Policy=POLICY,
        Tags=[{"TagKey": "env", "TagValue": "dev"}],
    )["KeyMetadata"]
    key = made["KeyId"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=365)

    metadata, policy, rotation, tags = read(kms, key)
    assert (metadata["Description"], metadata["Enabled"], metadata["KeyUsage"]) == ("images", True, "ENCRYPT_DECRYPT")
    assert (metadata["CustomerMasterKeySpec"], metadata["MultiRegion"]) == ("SYMMETRIC_DEFAULT", False)
    assert policy == json.loads(POLICY)
    assert (rotation["KeyRotationEnabled"], rotation["RotationPeriodInDays"]) == (True, 365)
    assert tags == {"env": "dev"}

    other = POLICY.replace("Enable all", "All")
    kms.disable_key_rotation(KeyId=key)
    kms.update_key_description(KeyId=key, Description="layers")
    kms.put_key_policy(KeyId=key, Policy=other, PolicyName="default", BypassPolicyLockoutSafetyCheck=False)
    kms.untag_resource(KeyId=key, TagKeys=["env"])
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "stage", "TagValue": "dev"}])
    kms.disable_key(KeyId=key)

    metadata, policy, rotation, tags = read(kms, key)
    assert (metadata["Description"], metadata["Enabled"]) == ("layers", False)
    assert policy == json.loads(other)
    assert (rotation["KeyRotationEnabled"], tags) == (False, {"stage": "dev"})

    kms.enable_key(KeyId=key)
    assert read(kms, key)[0]["Enabled"] is True
    delete(kms, key)
    with refused("KMSInvalidStateException"):
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


def test_aws_kms_alias(kms):
    keys = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]
    name = "alias/terraform"

    def found():
        pages = kms.get_paginator("list_aliases").paginate()
        return next((alias for page in pages for alias in page["Aliases"] if alias["AliasName"] == name), None)

    kms.create_alias(AliasName=name, TargetKeyId=keys[0])
    alias = found()
    assert alias is not None
    assert alias["AliasArn"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}"
    assert alias["TargetKeyId"] == keys[0]
    kms.update_alias(AliasName=name, TargetKeyId=keys[1])
    assert found()["TargetKeyId"] == keys[1]
    kms.delete_alias(AliasName=name)
    assert found() is None
    with refused("NotFoundException"):
        kms.delete_alias(AliasName=name)


def test_aws_kms_key_policy(kms):
    """On its deletion the provider puts back the policy that a key is made with."""
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    default = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]

    kms.put_key_policy(KeyId=key, Policy=POLICY, PolicyName="default", BypassPolicyLockoutSafetyCheck=True)
    assert read(kms, key)[1] == json.loads(POLICY)
    kms.put_key_policy(KeyId=key, Policy=default, PolicyName="default")
    assert read(kms, key)[1] == json.loads(default)


@pytest.mark.parametrize("retires", [False, True])
def test_aws_kms_grant(kms, iam, retires):
    """The provider has a grant's id and token, finds it by listing all, and ends it by what it is told to."""
    name = f"terraform-grantee-{retires}"
    grantee = iam.create_user(UserName=name)["User"]["Arn"]
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    constraints = {"EncryptionContextEquals": {"Department": "Finance"}}

    made = kms.create_grant(
        KeyId=key,
        GranteePrincipal=grantee,
        RetiringPrincipal=ROOT,
        Name="my-grant",
        Operations=["Encrypt", "Decrypt", "GenerateDataKey"],
        Constraints=constraints,
    )

    pages = kms.get_paginator("list_grants").paginate(KeyId=key)
    (grant,) = [each for page in pages for each in page["Grants"] if each["GrantId"] == made["GrantId"]]
    assert (grant["Name"], grant["GranteePrincipal"], grant["RetiringPrincipal"]) == ("my-grant", grantee, ROOT)
    assert sorted(grant["Operations"]) == ["Decrypt", "Encrypt", "GenerateDataKey"]
    assert grant["Constraints"] == constraints
    if retires:
        kms.retire_grant(GrantId=made["GrantId"], KeyId=key)
    else:
        kms.revoke_grant(GrantId=made["GrantId"], KeyId=key)
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_data_sources_of_keys_aliases_and_ciphertexts(kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/terraform-data", TargetKeyId=key)

    assert kms.describe_key(KeyId="alias/terraform-data", GrantTokens=[])["KeyMetadata"]["KeyId"] == key
    blob = kms.encrypt(KeyId=key, Plaintext=b"password", EncryptionContext={"foo": "bar"})["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"foo": "bar"}, GrantTokens=[])
    assert opened["Plaintext"] == b"password"
