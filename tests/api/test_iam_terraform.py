"""
What Terraform's provider asks for its resources of IAM, call by call: what is read back is what was written.

Source: the call sequences of hashicorp/terraform-provider-aws, service ``iam``.
"""

import contextlib

import pytest

from tests.support.api import refused

TAGS = [{"Key": "Name", "Value": "terraform"}]
THUMBPRINT = "6938fd4d98bab03faadb97b34396831e3780aea1"


@pytest.fixture(scope="module")
def iam(server, account):
    """IAM as the root user of an account of this module's own."""
    return server.aws("iam", key=account.key)


def force_destroy(iam, name):
    """The order in which ``aws_iam_user`` with ``force_destroy`` takes a user apart."""
    for group in iam.list_groups_for_user(UserName=name)["Groups"]:
        iam.remove_user_from_group(GroupName=group["GroupName"], UserName=name)
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    assert iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"] == []
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"] == []
    assert iam.list_mfa_devices(UserName=name)["MFADevices"] == []
    with contextlib.suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_login_profile(UserName=name)
    assert iam.list_signing_certificates(UserName=name)["Certificates"] == []
    assert iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"] == []
    for policy in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    iam.delete_user(UserName=name)


def test_aws_iam_user(iam):
    made = iam.create_user(Path="/", UserName="tf", Tags=TAGS)["User"]
    assert iam.get_user(UserName="tf")["User"] == made

    iam.update_user(UserName="tf", NewUserName="tf-2", NewPath="/tf/")
    iam.tag_user(UserName="tf-2", Tags=[{"Key": "Name", "Value": "other"}])
    iam.untag_user(UserName="tf-2", TagKeys=["Name"])
    read = iam.get_user(UserName="tf-2")["User"]
    assert (read["UserId"], read["Path"], read.get("Tags")) == (made["UserId"], "/tf/", None)

    iam.create_group(GroupName="tf-of-user")
    iam.add_user_to_group(GroupName="tf-of-user", UserName="tf-2")
    iam.create_access_key(UserName="tf-2")
    iam.create_login_profile(UserName="tf-2", Password="Passw0rd!")
    iam.attach_user_policy(UserName="tf-2", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    force_destroy(iam, "tf-2")
    with refused("NoSuchEntity"):
        iam.get_user(UserName="tf-2")


def test_aws_iam_group_and_memberships(iam):
    made = iam.create_group(GroupName="tf-group", Path="/")["Group"]
    assert iam.get_group(GroupName="tf-group")["Group"] == made
    iam.update_group(GroupName="tf-group", NewGroupName="tf-group-2", NewPath="/tf/")
    assert iam.get_group(GroupName="tf-group-2")["Group"]["GroupId"] == made["GroupId"]

    for name in ("tf-a", "tf-b", "tf-c"):
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="tf-group-2", UserName=name)
    pages = iam.get_paginator("get_group").paginate(GroupName="tf-group-2")
    assert [user["UserName"] for page in pages for user in page["Users"]] == ["tf-a", "tf-b", "tf-c"]

    assert [each["GroupName"] for each in iam.list_groups_for_user(UserName="tf-a")["Groups"]] == ["tf-group-2"]
    for name in ("tf-a", "tf-b", "tf-c"):
        iam.remove_user_from_group(UserName=name, GroupName="tf-group-2")
        force_destroy(iam, name)
    iam.delete_group(GroupName="tf-group-2")
    with refused("NoSuchEntity"):
        iam.get_group(GroupName="tf-group-2")


def test_aws_iam_access_key(iam):
    iam.create_user(UserName="tf-key")
    made = iam.create_access_key(UserName="tf-key")["AccessKey"]
    iam.update_access_key(UserName="tf-key", AccessKeyId=made["AccessKeyId"], Status="Inactive")

    (read,) = iam.list_access_keys(UserName="tf-key")["AccessKeyMetadata"]
    assert read == {
        "UserName": "tf-key",
        "AccessKeyId": made["AccessKeyId"],
        "Status": "Inactive",
        "CreateDate": made["CreateDate"],
    }
    assert iam.get_access_key_last_used(AccessKeyId=made["AccessKeyId"])["UserName"] == "tf-key"

    iam.delete_access_key(UserName="tf-key", AccessKeyId=made["AccessKeyId"])
    with refused("NoSuchEntity"):
        iam.delete_access_key(UserName="tf-key", AccessKeyId=made["AccessKeyId"])


def test_aws_iam_user_login_profile(iam):
    iam.create_user(UserName="tf-login")
    made = iam.create_login_profile(UserName="tf-login", Password="k3Y!aBcDeFgHiJkLmNoP", PasswordResetRequired=True)
    assert iam.get_login_profile(UserName="tf-login")["LoginProfile"] == made["LoginProfile"]
    iam.delete_login_profile(UserName="tf-login")
    with refused("NoSuchEntity"):
        iam.get_login_profile(UserName="tf-login")


def test_aws_iam_account_alias(iam, account):
    alias = f"tf-{account.id}"
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    iam.delete_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_aws_iam_account_password_policy(iam):
    rules = {
        "MinimumPasswordLength": 8,
        "RequireLowercaseCharacters": True,
        "RequireNumbers": True,
        "RequireUppercaseCharacters": True,
        "RequireSymbols": True,
        "AllowUsersToChangePassword": True,
    }
    iam.update_account_password_policy(**rules)
    assert iam.get_account_password_policy()["PasswordPolicy"] == {**rules, "ExpirePasswords": False}
    iam.delete_account_password_policy()
    with refused("NoSuchEntity"):
        iam.get_account_password_policy()


def test_aws_iam_openid_connect_provider(iam):
    arn = iam.create_open_id_connect_provider(
        Url="https://accounts.example.com", ClientIDList=["one"], ThumbprintList=[THUMBPRINT], Tags=TAGS
    )["OpenIDConnectProviderArn"]
    read = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (read["Url"], read["ClientIDList"], read["ThumbprintList"], read["Tags"]) == (
        "accounts.example.com",
        ["one"],
        [THUMBPRINT],
        TAGS,
    )

    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["a" * 40])
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")
    read = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (read["ClientIDList"], read["ThumbprintList"]) == (["two"], ["a" * 40])

    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refused("NoSuchEntity"):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
