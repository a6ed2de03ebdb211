"""
What Terraform's AWS provider calls for each of its resources, in its order: create, read, update, read, delete.

Source: hashicorp/terraform-provider-aws, internal/service/iam, as it stands there. The provider itself is not to be
had here.
"""

import json

import pytest

from tests.support.api import refused
from tests.support.server import ACCOUNT

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}],
    }
)
PULL = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


def document(action):
    """The text of a policy."""
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Action": [action], "Effect": "Allow", "Resource": "*"}]}
    )


@pytest.fixture
def name(request):
    """A name of this test's own."""
    return f"t{abs(hash(request.node.nodeid)):x}"


def every(iam, operation, member, **asked):
    """All pages of a list."""
    return [item for page in iam.get_paginator(operation).paginate(**asked) for item in page[member]]


def make(iam, kind, name):
    """A user, a group or a role."""
    more = {"AssumeRolePolicyDocument": TRUST} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**{f"{kind.title()}Name": name}, **more)


def test_aws_iam_role(iam, name):
    iam.create_role(
        RoleName=name,
        Path="/",
        AssumeRolePolicyDocument=TRUST,
        Description="node",
        MaxSessionDuration=3600,
        Tags=[{"Key": "env", "Value": "dev"}],
    )

    read = iam.get_role(RoleName=name)["Role"]
    assert json.dumps(read["AssumeRolePolicyDocument"]) == TRUST
    assert (read["Description"], read["MaxSessionDuration"], read["Path"]) == ("node", 3600, "/")
    assert every(iam, "list_role_policies", "PolicyNames", RoleName=name) == []
    assert every(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name) == []

    iam.update_assume_role_policy(RoleName=name, PolicyDocument=TRUST.replace("ec2.", "ecs-tasks."))
    iam.update_role_description(RoleName=name, Description="task")
    iam.update_role(RoleName=name, MaxSessionDuration=7200)
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=PULL)
    iam.untag_role(RoleName=name, TagKeys=["env"])
    iam.tag_role(RoleName=name, Tags=[{"Key": "stage", "Value": "dev"}])

    read = iam.get_role(RoleName=name)["Role"]
    assert (read["Description"], read["MaxSessionDuration"]) == ("task", 7200)
    assert read["PermissionsBoundary"]["PermissionsBoundaryArn"] == PULL
    assert read["Tags"] == [{"Key": "stage", "Value": "dev"}]

    assert every(iam, "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name) == []
    iam.delete_role(RoleName=name)
    with refused("NoSuchEntity"):
        iam.get_role(RoleName=name)


def test_aws_iam_role_that_detaches_by_force(iam, name):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName=name, PolicyArn=PULL)
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document("ecr:PutImage"))
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)

    for profile in every(iam, "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name):
        iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=name)
    for policy in every(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name):
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for policy in every(iam, "list_role_policies", "PolicyNames", RoleName=name):
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)

    assert iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"] == []


def test_aws_iam_policy(iam, name):
    arn = iam.create_policy(
        PolicyName=name, Path="/", PolicyDocument=document("ecr:A"), Description="d", Tags=[{"Key": "a", "Value": "b"}]
    )["Policy"]["Arn"]

    def read():
        policy = iam.get_policy(PolicyArn=arn)["Policy"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
        return policy, version["Document"]

    policy, text = read()
    assert (policy["Description"], policy["Tags"]) == ("d", [{"Key": "a", "Value": "b"}])
    assert text == json.loads(document("ecr:A"))

    for number in range(7):
        versions = every(iam, "list_policy_versions", "Versions", PolicyArn=arn)
        if len(versions) >= 5:
            oldest = min(
                (each for each in versions if not each["IsDefaultVersion"]), key=lambda each: each["CreateDate"]
            )
            iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(f"ecr:B{number}"), SetAsDefault=True)
    assert read()[1] == json.loads(document("ecr:B6"))

    for version in every(iam, "list_policy_versions", "Versions", PolicyArn=arn):
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity"):
        iam.get_policy(PolicyArn=arn)


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_aws_iam_role_policy_user_policy_and_group_policy(iam, name, kind):
    make(iam, kind, name)
    whose = {f"{kind.title()}Name": name, "PolicyName": "p"}
    put, get, delete = (getattr(iam, f"{verb}_{kind}_policy") for verb in ("put", "get", "delete"))

    put(**whose, PolicyDocument=document("ecr:A"))
    assert get(**whose)["PolicyDocument"] == json.loads(document("ecr:A"))
    put(**whose, PolicyDocument=document("ecr:B"))
    assert get(**whose)["PolicyDocument"] == json.loads(document("ecr:B"))
    delete(**whose)

    with refused("NoSuchEntity"):
        get(**whose)
    with refused("NoSuchEntity"):  # which the provider takes for done
        delete(**whose)


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_aws_iam_role_policy_attachment_and_its_like(iam, name, kind):
    member = f"{kind.title()}Name"
    make(iam, kind, name)

    def attached():
        found = every(iam, f"list_attached_{kind}_policies", "AttachedPolicies", **{member: name})
        return [each["PolicyArn"] for each in found]

    getattr(iam, f"attach_{kind}_policy")(**{member: name}, PolicyArn=PULL)
    assert attached() == [PULL]
    getattr(iam, f"detach_{kind}_policy")(**{member: name}, PolicyArn=PULL)
    assert attached() == []
    with refused("NoSuchEntity"):  # which the provider takes for done
        getattr(iam, f"detach_{kind}_policy")(**{member: name}, PolicyArn=PULL)


def test_aws_iam_instance_profile(iam, name):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName=name, Path="/", Tags=[{"Key": "a", "Value": "b"}])
    iam.get_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)

    read = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [role["RoleName"] for role in read["Roles"]] == [name]
    assert iam.get_role(RoleName=read["Roles"][0]["RoleName"])["Role"]["Arn"] == read["Roles"][0]["Arn"]
    iam.untag_instance_profile(InstanceProfileName=name, TagKeys=["a"])
    iam.tag_instance_profile(InstanceProfileName=name, Tags=[{"Key": "c", "Value": "d"}])
    assert every(iam, "list_instance_profile_tags", "Tags", InstanceProfileName=name) == [{"Key": "c", "Value": "d"}]

    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    with refused("NoSuchEntity"):  # which the provider takes for done
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.delete_instance_profile(InstanceProfileName=name)
    with refused("NoSuchEntity"):
        iam.get_instance_profile(InstanceProfileName=name)


def test_aws_iam_service_linked_role(server, account):
    iam = server.aws("iam", key=account.key)
    service = "pullthroughcache.ecr.amazonaws.com"
    made = iam.create_service_linked_role(AWSServiceName=service, Description="cache")["Role"]
    name = made["RoleName"]
    assert made["Arn"] == f"arn:aws:iam::{account.id}:role/aws-service-role/{service}/{name}"
    assert account.id != ACCOUNT

    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "b"}])
    iam.update_role(RoleName=name, Description="other")
    read = iam.get_role(RoleName=name)["Role"]
    assert (read["Description"], read["Tags"]) == ("other", [{"Key": "a", "Value": "b"}])

    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with refused("NoSuchEntity"):
        iam.get_role(RoleName=name)


def test_aws_iam_policy_attachment(iam, name):
    kinds = ("group", "role", "user")
    for kind in kinds:
        make(iam, kind, name)
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document("ecr:A"))["Policy"]["Arn"]

    for kind in kinds:
        getattr(iam, f"attach_{kind}_policy")(**{f"{kind.title()}Name": name}, PolicyArn=arn)
    for kind in kinds:
        whose = every(iam, "list_entities_for_policy", f"Policy{kind.title()}s", PolicyArn=arn)
        assert [each[f"{kind.title()}Name"] for each in whose] == [name]
    for kind in kinds:
        getattr(iam, f"detach_{kind}_policy")(**{f"{kind.title()}Name": name}, PolicyArn=arn)

    assert every(iam, "list_entities_for_policy", "PolicyUsers", PolicyArn=arn) == []
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity"):
        iam.list_entities_for_policy(PolicyArn=arn)


def test_aws_iam_user_that_is_destroyed_by_force(iam, name):
    iam.create_user(Path="/", UserName=name, PermissionsBoundary=PULL, Tags=[{"Key": "a", "Value": "b"}])
    read = iam.get_user(UserName=name)["User"]
    assert (read["Path"], read["Tags"]) == ("/", [{"Key": "a", "Value": "b"}])
    assert read["PermissionsBoundary"]["PermissionsBoundaryArn"] == PULL

    iam.update_user(
        UserName=name, NewUserName=name, NewPath="/people/"
    )  # the name is sent though only the path changes
    iam.update_user(UserName=name, NewUserName=f"{name}2", NewPath="/people/")
    name = f"{name}2"
    iam.delete_user_permissions_boundary(UserName=name)
    iam.untag_user(UserName=name, TagKeys=["a"])
    iam.tag_user(UserName=name, Tags=[{"Key": "c", "Value": "d"}])
    again = iam.get_user(UserName=name)["User"]
    assert (again["UserId"], again["Path"], again["Tags"]) == (read["UserId"], "/people/", [{"Key": "c", "Value": "d"}])
    assert "PermissionsBoundary" not in again

    iam.create_access_key(UserName=name)
    iam.create_group(GroupName=name)
    iam.add_user_to_group(GroupName=name, UserName=name)
    for group in every(iam, "list_groups_for_user", "Groups", UserName=name):
        iam.remove_user_from_group(UserName=name, GroupName=group["GroupName"])
    for key in every(iam, "list_access_keys", "AccessKeyMetadata", UserName=name):
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    assert every(iam, "list_ssh_public_keys", "SSHPublicKeys", UserName=name) == []
    assert every(iam, "list_virtual_mfa_devices", "VirtualMFADevices", AssignmentStatus="Assigned") == []
    assert every(iam, "list_mfa_devices", "MFADevices", UserName=name) == []
    with refused("NoSuchEntity"):  # which the provider takes for done
        iam.delete_login_profile(UserName=name)
    assert every(iam, "list_signing_certificates", "Certificates", UserName=name) == []
    assert iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"] == []
    iam.delete_user(UserName=name)

    with refused("NoSuchEntity"):
        iam.get_user(UserName=name)
    with refused("NoSuchEntity"):
        iam.list_groups_for_user(UserName=name)


def test_aws_iam_access_key(iam, name):
    make(iam, "user", name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    assert made["SecretAccessKey"]
    key = made["AccessKeyId"]

    iam.update_access_key(AccessKeyId=key, Status="Inactive", UserName=name)
    (read,) = every(iam, "list_access_keys", "AccessKeyMetadata", UserName=name)
    assert (read["AccessKeyId"], read["Status"], read["CreateDate"]) == (key, "Inactive", made["CreateDate"])
    assert iam.get_access_key_last_used(AccessKeyId=key)["UserName"] == name  # on import
    iam.delete_access_key(AccessKeyId=key, UserName=name)
    assert every(iam, "list_access_keys", "AccessKeyMetadata", UserName=name) == []


def test_aws_iam_user_login_profile(iam, name):
    make(iam, "user", name)
    charset = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!@#$%^&*()_+-=[]{}|'"
    iam.create_login_profile(UserName=name, Password=charset[-20:] + "aA", PasswordResetRequired=True)

    assert iam.get_login_profile(UserName=name)["LoginProfile"]["PasswordResetRequired"] is True
    iam.delete_login_profile(UserName=name)
    for call in (iam.get_login_profile, iam.delete_login_profile):
        with refused("NoSuchEntity"):
            call(UserName=name)


def test_aws_iam_group_group_membership_and_user_group_membership(iam, name):
    iam.create_group(GroupName=name, Path="/")
    read = iam.get_group(GroupName=name)["Group"]
    iam.update_group(GroupName=name, NewGroupName=name, NewPath="/teams/")
    assert iam.get_group(GroupName=name)["Group"]["GroupId"] == read["GroupId"]
    for user in ("a", "b"):
        make(iam, "user", f"{name}{user}")

    def members():
        return sorted(user["UserName"] for user in every(iam, "get_group", "Users", GroupName=name))

    iam.add_user_to_group(GroupName=name, UserName=f"{name}a")
    iam.add_user_to_group(GroupName=name, UserName=f"{name}a")  # of both resources
    iam.add_user_to_group(GroupName=name, UserName=f"{name}b")
    assert members() == [f"{name}a", f"{name}b"]
    (group,) = every(iam, "list_groups_for_user", "Groups", UserName=f"{name}a")
    assert group["Path"] == "/teams/"
    iam.remove_user_from_group(GroupName=name, UserName=f"{name}a")
    iam.remove_user_from_group(GroupName=name, UserName=f"{name}b")

    assert members() == []
    iam.delete_group(GroupName=name)
    with refused("NoSuchEntity"):
        iam.get_group(GroupName=name)


def test_aws_iam_openid_connect_provider(iam, name):
    thumbprint = "cf23df2207d99a74fbe169e3eba035e633b65d94"
    url = f"https://{name}.example"
    made = iam.create_open_id_connect_provider(
        Url=url, ClientIDList=["a"], ThumbprintList=[thumbprint], Tags=[{"Key": "a", "Value": "b"}]
    )
    arn = made["OpenIDConnectProviderArn"]

    read = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (read["Url"], read["ClientIDList"], read["ThumbprintList"]) == (f"{name}.example", ["a"], [thumbprint])
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["0" * 40])
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="a")
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["a"])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "c", "Value": "d"}])

    read = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (read["ClientIDList"], read["ThumbprintList"]) == (["b"], ["0" * 40])
    assert read["Tags"] == [{"Key": "c", "Value": "d"}]
    assert arn in [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refused("NoSuchEntity"):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_aws_iam_account_alias_and_account_password_policy(server, account):
    iam = server.aws("iam", key=account.key)
    alias = f"a{account.id}"
    iam.create_account_alias(AccountAlias=alias)
    assert every(iam, "list_account_aliases", "AccountAliases") == [alias]
    iam.delete_account_alias(AccountAlias=alias)
    assert every(iam, "list_account_aliases", "AccountAliases") == []
    with refused("NoSuchEntity"):  # which the provider takes for done
        iam.delete_account_alias(AccountAlias=alias)

    # What is false or none is left out, or sent as false, by the version.
    iam.update_account_password_policy(MinimumPasswordLength=8, RequireNumbers=True, AllowUsersToChangePassword=True)
    iam.update_account_password_policy(
        MinimumPasswordLength=12,
        RequireNumbers=True,
        RequireSymbols=False,
        RequireUppercaseCharacters=False,
        RequireLowercaseCharacters=False,
        AllowUsersToChangePassword=False,
    )
    read = iam.get_account_password_policy()["PasswordPolicy"]
    assert (read["MinimumPasswordLength"], read["RequireNumbers"], read["ExpirePasswords"]) == (12, True, False)
    assert read["AllowUsersToChangePassword"] is False
    iam.delete_account_password_policy()
    for call in (iam.get_account_password_policy, iam.delete_account_password_policy):
        with refused("NoSuchEntity"):
            call()
