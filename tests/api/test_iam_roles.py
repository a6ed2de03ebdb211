"""Roles, their trust, and instance profiles, by the API. Source: IAM API reference."""

import json

import pytest

from tests.support.api import refused
from tests.support.server import ACCOUNT


def trusting(principal, action="sts:AssumeRole", **members):
    """The text of a trust policy."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


EC2 = trusting({"Service": "ec2.amazonaws.com"})


@pytest.fixture
def name(request):
    """A name of this test's own."""
    return f"r{abs(hash(request.node.nodeid)):x}"


@pytest.fixture
def role(iam, name):
    """A role that a machine may take on."""
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=EC2)["Role"]


def test_a_role_is_shown_as_it_was_made(iam, name):
    made = iam.create_role(
        RoleName=name,
        Path="/team/",
        AssumeRolePolicyDocument=EC2,
        Description="for machines",
        MaxSessionDuration=7200,
        Tags=[{"Key": "Team", "Value": "red"}],
    )["Role"]

    assert made == {
        "Path": "/team/",
        "RoleName": name,
        "RoleId": made["RoleId"],
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/team/{name}",
        "CreateDate": made["CreateDate"],
        "AssumeRolePolicyDocument": json.loads(EC2),
        "Description": "for machines",
        "Tags": [{"Key": "Team", "Value": "red"}],
    }
    assert made["RoleId"].startswith("AROA")
    assert len(made["RoleId"]) == 21
    assert iam.get_role(RoleName=name)["Role"] == {**made, "MaxSessionDuration": 7200, "RoleLastUsed": {}}


def test_lists_of_roles_leave_out_tags_and_boundaries(iam, name):
    iam.create_role(
        RoleName=name,
        Path=f"/{name}/",
        AssumeRolePolicyDocument=EC2,
        PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess",
        Tags=[{"Key": "Team", "Value": "red"}],
    )

    (listed,) = iam.list_roles(PathPrefix=f"/{name}/")["Roles"]

    assert listed["RoleName"] == name
    assert listed["MaxSessionDuration"] == 3600
    assert not {"Tags", "PermissionsBoundary", "RoleLastUsed"} & listed.keys()


def test_lists_of_roles_come_in_pages(iam, name):
    for number in range(5):
        iam.create_role(RoleName=f"{name}-{number}", Path=f"/{name}/", AssumeRolePolicyDocument=EC2)

    pages = iam.get_paginator("list_roles").paginate(PathPrefix=f"/{name}/", PaginationConfig={"PageSize": 2})

    assert [[role["RoleName"][-1] for role in page["Roles"]] for page in pages] == [["0", "1"], ["2", "3"], ["4"]]


@pytest.mark.parametrize("change", [str, str.upper])
def test_a_name_can_be_taken_once_in_whatever_case(iam, role, change):
    name = change(role["RoleName"])

    with refused("EntityAlreadyExists", f"Role with name {name} already exists."):
        iam.create_role(RoleName=name, Path="/other/", AssumeRolePolicyDocument=EC2)


def test_a_role_that_is_not_there_is_refused_everywhere(iam, name):
    sentence = f"The role with name {name} cannot be found."
    for ask in (
        lambda: iam.get_role(RoleName=name),
        lambda: iam.delete_role(RoleName=name),
        lambda: iam.update_role(RoleName=name, Description="x"),
        lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=EC2),
        lambda: iam.tag_role(RoleName=name, Tags=[{"Key": "k", "Value": "v"}]),
        lambda: iam.list_role_policies(RoleName=name),
        lambda: iam.list_attached_role_policies(RoleName=name),
        lambda: iam.list_instance_profiles_for_role(RoleName=name),
    ):
        with refused("NoSuchEntity", sentence) as answer:
            ask()
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_description_and_longest_session_change_one_by_one(iam, role):
    name = role["RoleName"]

    iam.update_role(RoleName=name, MaxSessionDuration=4000)
    iam.update_role_description(RoleName=name, Description="new")
    found = iam.get_role(RoleName=name)["Role"]

    assert (found["MaxSessionDuration"], found["Description"]) == (4000, "new")
    iam.update_role(RoleName=name, Description="newer")
    found = iam.get_role(RoleName=name)["Role"]
    assert (found["MaxSessionDuration"], found["Description"]) == (3600, "newer")
    with refused("ValidationError"):
        iam.update_role(RoleName=name, MaxSessionDuration=43201)


def test_tags_are_set_listed_and_taken_off(iam, role):
    name = role["RoleName"]

    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.tag_role(RoleName=name, Tags=[{"Key": "A", "Value": "3"}])
    iam.untag_role(RoleName=name, TagKeys=["b"])

    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "A", "Value": "3"}]
    assert iam.list_role_tags(RoleName=name)["IsTruncated"] is False


def test_a_role_goes_when_nothing_hangs_on_it(iam, role):
    name, read_only = role["RoleName"], "arn:aws:iam::aws:policy/ReadOnlyAccess"
    nothing = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
    iam.attach_role_policy(RoleName=name, PolicyArn=read_only)
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=nothing)
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)

    with refused("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first."):
        iam.delete_role(RoleName=name)
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    with refused("DeleteConflict", "Cannot delete entity, must detach all policies first."):
        iam.delete_role(RoleName=name)
    iam.detach_role_policy(RoleName=name, PolicyArn=read_only)
    with refused("DeleteConflict", "Cannot delete entity, must delete policies first."):
        iam.delete_role(RoleName=name)
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    iam.delete_role(RoleName=name)

    with refused("NoSuchEntity"):
        iam.get_role(RoleName=name)


def test_a_boundary_is_a_policy_that_is_there(iam, role):
    name, bound = role["RoleName"], "arn:aws:iam::aws:policy/ReadOnlyAccess"

    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=bound)
    assert iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
        "PermissionsBoundaryArn": bound,
    }

    missing = f"arn:aws:iam::{ACCOUNT}:policy/missing"
    with refused("NoSuchEntity", f"Scope ARN: {missing} does not exist or is not attachable."):
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=missing)
    with refused("InvalidInput"):
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary="arn:aws:iam::123456789:not_one")
    iam.delete_role_permissions_boundary(RoleName=name)
    assert "PermissionsBoundary" not in iam.get_role(RoleName=name)["Role"]


@pytest.mark.parametrize("path", ["/aws-service-role/ecr.amazonaws.com/", "/aws-reserved/x/"])
def test_paths_of_services_are_theirs(iam, name, path):
    with refused("InvalidInput"):
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=EC2)


# Trust.


def test_a_trust_policy_that_is_no_json_says_so(iam, name):
    with refused("MalformedPolicyDocument", "This policy contains invalid Json"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="not json")


@pytest.mark.parametrize(
    "text",
    [
        trusting({"Service": "ec2.amazonaws.com"}, action="s3:GetObject"),
        trusting({"Service": "ec2.amazonaws.com"}, Resource="*"),
        trusting({"Service": "not a service"}),
        trusting({"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/missing.example"}),
        trusting({"Federated": "*"}, action="sts:AssumeRoleWithWebIdentity"),
        trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:group/people"}),
        trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:user/*"}),
        trusting({"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}),
    ],
)
def test_a_trust_policy_names_what_can_be_trusted_with_taking_a_role_on(iam, name, text):
    with refused("MalformedPolicyDocument"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=text)
    with refused("NoSuchEntity"):
        iam.get_role(RoleName=name)


def test_whom_a_trust_policy_names_must_be_there(iam, name):
    missing = f"arn:aws:iam::{ACCOUNT}:user/{name}"

    with refused("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{missing}"'):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting({"AWS": missing}))


def test_whether_somebody_of_another_account_is_there_is_not_told(iam, name):
    text = trusting({"AWS": ["arn:aws:iam::999999999999:user/whoever", "999999999999"]})

    iam.create_role(RoleName=name, AssumeRolePolicyDocument=text)

    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == json.loads(text)


def test_abuse_29_a_namesake_is_not_who_was_trusted(iam, name):
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    user_id = iam.get_user(UserName=name)["User"]["UserId"]
    text = trusting({"AWS": arn}, Condition={"StringLike": {"aws:PrincipalArn": arn}})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=text)
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == json.loads(text)

    iam.delete_user(UserName=name)
    iam.create_user(UserName=name)

    (statement,) = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": user_id}
    assert statement["Condition"] == {"StringLike": {"aws:PrincipalArn": arn}}
    with refused("MalformedPolicyDocument"):
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trusting({"AWS": user_id}))


def test_a_renamed_user_is_still_who_was_trusted(iam, name):
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting({"AWS": [arn, f"arn:aws:iam::{ACCOUNT}:root"]}))

    iam.update_user(UserName=name, NewUserName=f"{name}-2", NewPath="/other/")

    (statement,) = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"]["AWS"] == [
        f"arn:aws:iam::{ACCOUNT}:user/other/{name}-2",
        f"arn:aws:iam::{ACCOUNT}:root",
    ]


def test_a_trust_policy_has_a_longest_length(iam, name):
    services = [f"{letter * 60}.amazonaws.com" for letter in "abcdefghijklmnopqrstuvwxyz"] + ["z" * 260]
    text = trusting({"Service": services})

    with refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=text)


@pytest.fixture(scope="module")
def github(iam):
    """GitHub's provider, whose tokens everybody can have."""
    host = "token.actions.githubusercontent.com"
    iam.create_open_id_connect_provider(Url=f"https://{host}", ClientIDList=["sts.amazonaws.com"])
    yield {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"}
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}")


SUB = "token.actions.githubusercontent.com:sub"
OWNER = "token.actions.githubusercontent.com:repository_owner_id"


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}},
        {"StringLike": {SUB: "*"}},
        {"StringLike": {SUB: "repo:*"}},
        {"StringLike": {SUB: ["repo:acme/app:*", "repo:?*"]}},
        {"StringLike": {SUB: "*:ref:refs/heads/main"}},
        {"StringNotEquals": {SUB: "repo:evil/app:ref:refs/heads/main"}},
        {"StringEqualsIfExists": {SUB: "repo:acme/app:ref:refs/heads/main"}},
        {"ForAllValues:StringEquals": {SUB: "repo:acme/app:ref:refs/heads/main"}},
        {"StringEquals": {"gitlab.com:sub": "project_path:acme/app"}},
    ],
)
def test_abuse_35_a_shared_issuer_is_trusted_only_with_whose_tokens(iam, name, github, condition):
    text = trusting(github, action="sts:AssumeRoleWithWebIdentity", Condition=condition)

    with refused("MalformedPolicyDocument") as answer:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=text)

    assert SUB in answer["Error"]["Message"]


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {SUB: "repo:acme/app:ref:refs/heads/main"}},
        {"StringLike": {SUB.upper(): ["repo:acme/*"]}},
        {"StringEquals": {OWNER: "1234"}},
    ],
)
def test_a_shared_issuer_is_trusted_with_somebodys_tokens(iam, name, github, condition):
    text = trusting(github, action="sts:AssumeRoleWithWebIdentity", Condition=condition)

    iam.create_role(RoleName=name, AssumeRolePolicyDocument=text)

    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == json.loads(text)


# Instance profiles.


def test_an_instance_profile_holds_one_role(iam, role):
    name = role["RoleName"]
    made = iam.create_instance_profile(InstanceProfileName=name, Path=f"/{name}/", Tags=[{"Key": "a", "Value": "1"}])[
        "InstanceProfile"
    ]
    assert made["Roles"] == []
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/{name}/{name}"
    assert made["InstanceProfileId"].startswith("AIPA")

    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    with refused("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"):
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    found = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]

    assert [each["RoleName"] for each in found["Roles"]] == [name]
    assert found["Tags"] == [{"Key": "a", "Value": "1"}]
    (listed,) = iam.list_instance_profiles(PathPrefix=f"/{name}/")["InstanceProfiles"]
    assert listed == iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"][0]
    assert "Tags" not in listed
    with refused("EntityAlreadyExists", f"Instance Profile {name} already exists."):
        iam.create_instance_profile(InstanceProfileName=name)
    with refused("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first."):
        iam.delete_instance_profile(InstanceProfileName=name)
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.delete_instance_profile(InstanceProfileName=name)
    with refused("NoSuchEntity", f"Instance Profile {name} cannot be found."):
        iam.get_instance_profile(InstanceProfileName=name)


# Service-linked roles.


@pytest.fixture
def replication(iam):
    """ECR's role for replication, gone again behind the test."""
    yield iam.create_service_linked_role(AWSServiceName="replication.ecr.amazonaws.com")["Role"]
    iam.delete_service_linked_role(RoleName="AWSServiceRoleForECRReplication")


def test_a_service_linked_role_is_its_services(iam, replication):
    name = "AWSServiceRoleForECRReplication"

    assert replication["Arn"] == (f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/replication.ecr.amazonaws.com/{name}")
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == [
        {
            "PolicyName": "ECRReplicationServiceRolePolicy",
            "PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy",
        }
    ]
    sentence = f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    for ask in (
        lambda: iam.delete_role(RoleName=name),
        lambda: iam.update_role(RoleName=name, MaxSessionDuration=7200),
        lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=EC2),
        lambda: iam.put_role_policy(RoleName=name, PolicyName="x", PolicyDocument=policy),
        lambda: iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
        lambda: iam.put_role_permissions_boundary(
            RoleName=name, PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"
        ),
        lambda: iam.delete_role_permissions_boundary(RoleName=name),
        lambda: iam.detach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
        lambda: iam.delete_role_policy(RoleName=name, PolicyName="x"),
    ):
        with refused("UnmodifiableEntity", sentence):
            ask()


def test_a_service_linked_role_can_be_described_and_tagged(iam, replication):
    name = replication["RoleName"]

    iam.update_role(RoleName=name, Description="ours")
    iam.update_role_description(RoleName=name, Description="theirs")
    iam.tag_role(RoleName=name, Tags=[{"Key": "k", "Value": "v"}])

    found = iam.get_role(RoleName=name)["Role"]
    assert (found["Description"], found["Tags"]) == ("theirs", [{"Key": "k", "Value": "v"}])


def test_a_service_linked_role_is_there_once(iam, replication):
    with refused(
        "InvalidInput",
        "Service role name AWSServiceRoleForECRReplication has been taken in this account, "
        "please try a different suffix.",
    ):
        iam.create_service_linked_role(AWSServiceName="replication.ecr.amazonaws.com")


@pytest.mark.parametrize("service", ["ecr", "pullthroughcache.ecr", "replication.ecr"])
def test_service_linked_roles_of_ecr_have_no_suffix(iam, service):
    with refused("InvalidInput", f"Custom suffix is not allowed for {service}.amazonaws.com"):
        iam.create_service_linked_role(AWSServiceName=f"{service}.amazonaws.com", CustomSuffix="mine")


def test_a_service_linked_role_is_deleted_by_a_task(iam):
    iam.create_service_linked_role(AWSServiceName="ecr.amazonaws.com")

    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECRTemplate")["DeletionTaskId"]

    assert task.startswith("task/aws-service-role/ecr.amazonaws.com/AWSServiceRoleForECRTemplate/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with refused("NoSuchEntity"):
        iam.get_role(RoleName="AWSServiceRoleForECRTemplate")
    with refused("NoSuchEntity"):
        iam.get_service_linked_role_deletion_status(DeletionTaskId="task/aws-service-role/x")
