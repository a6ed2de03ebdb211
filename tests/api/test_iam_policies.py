"""Managed and inline policies, and who has them, by the API. Source: IAM API reference."""

import json

import pytest

from tests.support.api import refused
from tests.support.server import ACCOUNT

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def allowing(*actions, **members):
    """The text of a policy that allows actions on everything."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


PULL, PUSH = allowing("ecr:BatchGetImage"), allowing("ecr:PutImage")
EC2 = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


@pytest.fixture
def name(request):
    """A name of this test's own."""
    return f"p{abs(hash(request.node.nodeid)):x}"


@pytest.fixture
def policy(iam, name):
    """A policy's ARN."""
    return iam.create_policy(PolicyName=name, PolicyDocument=PULL)["Policy"]["Arn"]


@pytest.fixture(params=["user", "group", "role"])
def owner(iam, name, request):
    """Somebody who can have policies: IAM's calls about them, with the name filled in."""
    kind = request.param
    make = {"AssumeRolePolicyDocument": EC2} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**{f"{kind.title()}Name": name}, **make)
    return Owner(iam, kind, name)


class Owner:
    """``owner("put_{}_policy", …)`` asks ``put_user_policy`` of the user."""

    def __init__(self, iam, kind, name):
        self.iam, self.kind, self.name = iam, kind, name

    def __call__(self, operation, **members):
        return getattr(self.iam, operation.format(self.kind))(**{f"{self.kind.title()}Name": self.name}, **members)


# Managed policies.


def test_a_policy_is_shown_as_it_was_made(iam, name):
    made = iam.create_policy(
        PolicyName=name,
        Path="/team/",
        PolicyDocument=PULL,
        Description="to pull",
        Tags=[{"Key": "Team", "Value": "red"}],
    )["Policy"]

    assert made == {
        "PolicyName": name,
        "PolicyId": made["PolicyId"],
        "Arn": f"arn:aws:iam::{ACCOUNT}:policy/team/{name}",
        "Path": "/team/",
        "DefaultVersionId": "v1",
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "Description": "to pull",
        "CreateDate": made["CreateDate"],
        "UpdateDate": made["CreateDate"],
        "Tags": [{"Key": "Team", "Value": "red"}],
    }
    assert made["PolicyId"].startswith("ANPA")
    assert iam.get_policy(PolicyArn=made["Arn"])["Policy"] == made


def test_a_name_can_be_taken_once_whatever_the_path(iam, policy, name):
    with refused("EntityAlreadyExists", f"A policy called {name} already exists. Duplicate names are not allowed."):
        iam.create_policy(PolicyName=name, Path="/other/", PolicyDocument=PULL)


def test_what_is_no_arn_and_what_is_not_there_are_told_apart(iam):
    missing = f"arn:aws:iam::{ACCOUNT}:policy/missing"

    with refused("ValidationError", "Invalid ARN:  Could not be parsed!"):
        iam.get_policy(PolicyArn="longpolicynamebutnoarn")
    with refused("NoSuchEntity", f"Policy {missing} was not found."):
        iam.delete_policy(PolicyArn=missing)
    with refused("NoSuchEntity", f"Policy {missing} was not found."):
        iam.get_policy(PolicyArn=missing)


def test_versions_come_and_go_and_one_is_in_force(iam, policy):
    added = iam.create_policy_version(PolicyArn=policy, PolicyDocument=PUSH)["PolicyVersion"]
    assert (added["VersionId"], added["IsDefaultVersion"]) == ("v2", False)
    assert iam.get_policy_version(PolicyArn=policy, VersionId="v2")["PolicyVersion"]["Document"] == json.loads(PUSH)

    iam.set_default_policy_version(PolicyArn=policy, VersionId="v2")
    versions = iam.list_policy_versions(PolicyArn=policy)["Versions"]

    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in versions] == [("v2", True), ("v1", False)]
    assert "Document" not in versions[0]
    with refused("DeleteConflict", "Cannot delete the default version of a policy."):
        iam.delete_policy_version(PolicyArn=policy, VersionId="v2")
    with refused("DeleteConflict"):
        iam.delete_policy(PolicyArn=policy)
    iam.delete_policy_version(PolicyArn=policy, VersionId="v1")
    iam.delete_policy(PolicyArn=policy)
    with refused("NoSuchEntity"):
        iam.get_policy(PolicyArn=policy)


def test_a_number_of_a_version_is_never_used_again(iam, policy):
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=PUSH)
    iam.delete_policy_version(PolicyArn=policy, VersionId="v2")

    added = iam.create_policy_version(PolicyArn=policy, PolicyDocument=PUSH, SetAsDefault=True)["PolicyVersion"]

    assert (added["VersionId"], added["IsDefaultVersion"]) == ("v3", True)
    assert iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"] == "v3"


def test_a_policy_has_at_most_five_versions(iam, policy):
    for _ in range(4):
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=PUSH)

    with refused(
        "LimitExceeded",
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an "
        "existing version.",
    ):
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=PUSH)


@pytest.mark.parametrize("ask", ["get_policy_version", "set_default_policy_version", "delete_policy_version"])
def test_a_version_that_is_not_there_is_refused(iam, policy, ask):
    with refused("NoSuchEntity", f"Policy {policy} version v4 does not exist or is not attachable."):
        getattr(iam, ask)(PolicyArn=policy, VersionId="v4")


def test_a_document_that_is_no_policy_makes_none(iam, name):
    with refused("MalformedPolicyDocument"):
        iam.create_policy(PolicyName=name, PolicyDocument='{"Version":"2012-10-17"}')
    with refused("NoSuchEntity"):
        iam.get_policy(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/{name}")


def test_the_length_of_a_policy_does_not_count_white_space(iam, name):
    long = [f"arn:aws:s3:::{'b' * 30}{number:03d}/*" for number in range(110)]
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": long}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement}, indent=20)
    assert len("".join(text.split())) < 6144 < len(text)

    iam.create_policy(PolicyName=name, PolicyDocument=text)
    statement["Resource"] = [*long, *(f"{arn}2" for arn in long)]

    with refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144"):
        iam.create_policy(
            PolicyName=f"{name}2", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement})
        )


def test_tags_of_a_policy(iam, policy):
    iam.tag_policy(PolicyArn=policy, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=policy, TagKeys=["a"])

    assert iam.list_policy_tags(PolicyArn=policy)["Tags"] == [{"Key": "b", "Value": "2"}]


# AWS's own policies.


def test_policies_of_aws_are_there_for_everybody(iam):
    found = iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly")["Policy"]
    version = iam.get_policy_version(PolicyArn=found["Arn"], VersionId="v3")["PolicyVersion"]

    assert found["DefaultVersionId"] == "v3"
    assert "ecr:BatchGetImage" in version["Document"]["Statement"][0]["Action"]
    listed = iam.list_policies(Scope="AWS", PathPrefix="/aws-service-role/")["Policies"]
    assert [policy["PolicyName"] for policy in listed] == [
        "AWSECRPullThroughCache_ServiceRolePolicy",
        "ECRReplicationServiceRolePolicy",
        "ECRTemplateServiceRolePolicy",
    ]


def test_policies_of_aws_change_for_nobody(iam):
    for ask in (
        lambda: iam.delete_policy(PolicyArn=READ_ONLY),
        lambda: iam.create_policy_version(PolicyArn=READ_ONLY, PolicyDocument=PULL, SetAsDefault=True),
        lambda: iam.set_default_policy_version(PolicyArn=READ_ONLY, VersionId="v1"),
        lambda: iam.delete_policy_version(PolicyArn=READ_ONLY, VersionId="v1"),
        lambda: iam.tag_policy(PolicyArn=READ_ONLY, Tags=[{"Key": "a", "Value": "1"}]),
        lambda: iam.untag_policy(PolicyArn=READ_ONLY, TagKeys=["a"]),
    ):
        with refused("AccessDenied", "Policy is outside your own account."):
            ask()


def test_policies_for_services_are_for_their_roles_alone(owner):
    with refused("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role."):
        owner("attach_{}_policy", PolicyArn="arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy")


# Who has which.


def test_policies_are_attached_listed_and_detached(iam, owner, policy):
    owner("attach_{}_policy", PolicyArn=policy)
    owner("attach_{}_policy", PolicyArn=policy)
    owner("attach_{}_policy", PolicyArn=READ_ONLY)

    attached = owner("list_attached_{}_policies")["AttachedPolicies"]

    assert attached == [
        {"PolicyName": owner.name, "PolicyArn": policy},
        {"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY},
    ]
    assert iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"] == 1
    with refused("DeleteConflict", "Cannot delete a policy attached to entities."):
        iam.delete_policy(PolicyArn=policy)
    owner("detach_{}_policy", PolicyArn=policy)
    with refused("NoSuchEntity", f"Policy {policy} was not found."):
        owner("detach_{}_policy", PolicyArn=policy)
    iam.delete_policy(PolicyArn=policy)


def test_what_cannot_be_attached(owner):
    missing = f"arn:aws:iam::{ACCOUNT}:policy/missing"
    foreign = "arn:aws:iam::999999999999:policy/other"

    with refused("NoSuchEntity", f"Policy {missing} does not exist or is not attachable."):
        owner("attach_{}_policy", PolicyArn=missing)
    with refused("NoSuchEntity", f"Policy {foreign} does not exist or is not attachable."):
        owner("attach_{}_policy", PolicyArn=foreign)
    with refused("ValidationError", "Invalid ARN:  Could not be parsed!"):
        owner("attach_{}_policy", PolicyArn="longpolicynamebutnoarn")


def test_nobody_has_more_than_ten(iam, owner):
    for number in range(10):
        arn = iam.create_policy(PolicyName=f"{owner.name}-{number}", PolicyDocument=PULL)["Policy"]["Arn"]
        owner("attach_{}_policy", PolicyArn=arn)

    with refused("LimitExceeded", f"Cannot exceed quota for PoliciesPer{owner.kind.title()}: 10"):
        owner("attach_{}_policy", PolicyArn=READ_ONLY)


def test_lists_of_policies_are_of_a_scope_a_path_and_a_use(iam, name):
    path = f"/{name}/"
    used, bound, idle = (
        iam.create_policy(PolicyName=f"{name}-{which}", Path=path, PolicyDocument=PULL)["Policy"]["Arn"]
        for which in ("used", "bound", "idle")
    )
    iam.create_user(UserName=name, PermissionsBoundary=bound)
    iam.attach_user_policy(UserName=name, PolicyArn=used)

    def listed(**members):
        return [policy["Arn"] for policy in iam.list_policies(Scope="Local", PathPrefix=path, **members)["Policies"]]

    assert listed() == [bound, idle, used]
    assert listed(OnlyAttached=True) == [bound, used]
    assert listed(PolicyUsageFilter="PermissionsBoundary") == [bound]
    assert listed(PolicyUsageFilter="PermissionsPolicy") == [used]
    pages = iam.get_paginator("list_policies").paginate(
        Scope="Local", PathPrefix=path, PaginationConfig={"PageSize": 2}
    )
    assert [len(page["Policies"]) for page in pages] == [2, 1]
    with refused("DeleteConflict", "Cannot delete a policy attached to entities."):
        iam.delete_policy(PolicyArn=bound)


def test_who_has_a_policy_is_listed(iam, name, policy):
    iam.create_group(GroupName=name)
    iam.create_role(RoleName=name, Path="/deep/", AssumeRolePolicyDocument=EC2, PermissionsBoundary=policy)
    user_id = iam.create_user(UserName=name)["User"]["UserId"]
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    iam.attach_group_policy(GroupName=name, PolicyArn=policy)

    found = iam.list_entities_for_policy(PolicyArn=policy)

    assert found["PolicyUsers"] == [{"UserName": name, "UserId": user_id}]
    assert [group["GroupName"] for group in found["PolicyGroups"]] == [name]
    assert [role["RoleName"] for role in found["PolicyRoles"]] == [name]
    only_users = iam.list_entities_for_policy(PolicyArn=policy, EntityFilter="User")
    assert (len(only_users["PolicyUsers"]), only_users["PolicyGroups"], only_users["PolicyRoles"]) == (1, [], [])
    of_any_kind = iam.list_entities_for_policy(PolicyArn=policy, EntityFilter="LocalManagedPolicy")
    assert of_any_kind["PolicyRoles"] == found["PolicyRoles"]
    bounded = iam.list_entities_for_policy(PolicyArn=policy, PolicyUsageFilter="PermissionsBoundary")
    assert (bounded["PolicyUsers"], len(bounded["PolicyRoles"])) == ([], 1)
    deep = iam.list_entities_for_policy(PolicyArn=policy, PathPrefix="/deep/")
    assert (deep["PolicyUsers"], deep["PolicyGroups"], len(deep["PolicyRoles"])) == ([], [], 1)
    pages = iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=policy, PaginationConfig={"PageSize": 2})
    assert [sum(len(page[kind]) for kind in ("PolicyUsers", "PolicyGroups", "PolicyRoles")) for page in pages] == [2, 1]


# Inline policies.


def test_inline_policies_are_put_read_listed_and_deleted(owner):
    owner("put_{}_policy", PolicyName="one", PolicyDocument=PULL)
    owner("put_{}_policy", PolicyName="two", PolicyDocument=PUSH)
    owner("put_{}_policy", PolicyName="one", PolicyDocument=PUSH)

    found = owner("get_{}_policy", PolicyName="one")

    assert found[f"{owner.kind.title()}Name"] == owner.name
    assert (found["PolicyName"], found["PolicyDocument"]) == ("one", json.loads(PUSH))
    assert owner("list_{}_policies")["PolicyNames"] == ["one", "two"]
    owner("delete_{}_policy", PolicyName="one")
    for ask in ("get_{}_policy", "delete_{}_policy"):
        with refused("NoSuchEntity", f"The {owner.kind} policy with name one cannot be found."):
            owner(ask, PolicyName="one")


def test_documents_come_back_as_they_were_put_whatever_is_in_them(owner):
    arn = "arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Faaeeieije"
    text = allowing("apigatway:PUT", Resource=[arn], Condition={"StringLike": {"aws:PrincipalTag/x": "é+ &<%2B"}})

    owner("put_{}_policy", PolicyName="odd", PolicyDocument=text)

    assert owner("get_{}_policy", PolicyName="odd")["PolicyDocument"] == json.loads(text)


@pytest.mark.parametrize(("owner", "limit"), [("user", 2048), ("group", 5120), ("role", 10240)], indirect=["owner"])
def test_inline_policies_have_a_length_that_they_share(owner, limit):
    half = allowing(*("s3:" + "a" * 50 for _ in range((limit // 2 - 100) // 56)))

    owner("put_{}_policy", PolicyName="one", PolicyDocument=half)
    owner("put_{}_policy", PolicyName="two", PolicyDocument=half)
    owner("put_{}_policy", PolicyName="two", PolicyDocument=half)

    with refused("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {owner.kind} {owner.name}"):
        owner("put_{}_policy", PolicyName="three", PolicyDocument=allowing("s3:" + "a" * 200))
    assert owner("list_{}_policies")["PolicyNames"] == ["one", "two"]


def test_an_inline_policy_is_judged(owner):
    with refused("MalformedPolicyDocument", "Syntax errors in policy."):
        owner("put_{}_policy", PolicyName="bad", PolicyDocument='{"Version":"2012-10-17","Statement":[{}]}')
    assert owner("list_{}_policies")["PolicyNames"] == []


# Boundaries of users.


def test_a_user_is_bounded_and_freed(iam, name, policy):
    iam.create_user(UserName=name)

    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=policy)
    assert iam.get_user(UserName=name)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == policy
    assert iam.get_policy(PolicyArn=policy)["Policy"]["PermissionsBoundaryUsageCount"] == 1

    iam.delete_user_permissions_boundary(UserName=name)
    assert "PermissionsBoundary" not in iam.get_user(UserName=name)["User"]
    with refused("NoSuchEntity"):
        iam.delete_user_permissions_boundary(UserName=name)


def test_a_policy_for_services_bounds_nobody(iam, name):
    iam.create_user(UserName=name)

    with refused("NoSuchEntity"):
        iam.put_user_permissions_boundary(
            UserName=name,
            PermissionsBoundary="arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy",
        )
