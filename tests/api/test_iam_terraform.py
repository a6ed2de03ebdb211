"""
What Terraform's AWS provider calls for each of its resources, in its order: create, read, update, read, delete.

Source: hashicorp/terraform-provider-aws, internal/service/iam. The provider itself is not to be had here.
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


def test_aws_iam_role_policy(iam, name):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)

    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document("ecr:A"))
    assert iam.get_role_policy(RoleName=name, PolicyName="p")["PolicyDocument"] == json.loads(document("ecr:A"))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document("ecr:B"))
    assert iam.get_role_policy(RoleName=name, PolicyName="p")["PolicyDocument"] == json.loads(document("ecr:B"))
    iam.delete_role_policy(RoleName=name, PolicyName="p")

    with refused("NoSuchEntity"):
        iam.get_role_policy(RoleName=name, PolicyName="p")


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_aws_iam_policy_attachment(iam, name, kind):
    member = f"{kind.title()}Name"
    make = {"AssumeRolePolicyDocument": TRUST} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**{member: name}, **make)

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
