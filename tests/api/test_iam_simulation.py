"""The policy simulator and an account's details, by the API. Source: IAM API reference."""

import json

import pytest

from tests.support.api import refused
from tests.support.server import ACCOUNT

REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/app"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def policy(*statements):
    """The text of a policy on one line."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, resource="*", **members):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **members}


def deny(*actions, resource="*", **members):
    return {**allow(*actions, resource=resource, **members), "Effect": "Deny"}


@pytest.fixture
def name(request):
    """A name of this test's own."""
    return f"s{abs(hash(request.node.nodeid)):x}"


@pytest.fixture
def custom(iam):
    """Simulates actions on resources by policies; the results."""

    def simulate(policies, *actions, on=(), **members):
        return iam.simulate_custom_policy(
            PolicyInputList=list(policies), ActionNames=list(actions), ResourceArns=list(on), **members
        )["EvaluationResults"]

    return simulate


def test_each_action_has_its_result(custom):
    results = custom(
        [policy(allow("ecr:Get*"), deny("ecr:GetRepositoryPolicy"))],
        *("ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:PutImage"),
    )

    assert [(each["EvalActionName"], each["EvalDecision"]) for each in results] == [
        ("ecr:GetDownloadUrlForLayer", "allowed"),
        ("ecr:GetRepositoryPolicy", "explicitDeny"),
        ("ecr:PutImage", "implicitDeny"),
    ]
    assert results[0]["EvalResourceName"] == "*"
    assert "ResourceSpecificResults" not in results[0]
    assert "EvalDecisionDetails" not in results[0]


def test_statements_that_made_the_decision_are_shown_with_their_places(custom):
    text = (
        '{"Version": "2012-10-17",\n  "Statement": [\n    {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}\n]}'
    )
    other = policy(allow("s3:*"))

    (result,) = custom([other, text], "ecr:PutImage")

    assert result["MatchedStatements"] == [
        {
            "SourcePolicyId": "PolicyInputList.2",
            "SourcePolicyType": "IAM Policy",
            "StartPosition": {"Line": 3, "Column": 5},
            "EndPosition": {"Line": 3, "Column": 60},
        }
    ]


def test_a_single_statement_has_its_place_too(custom):
    text = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}'

    (result,) = custom([text], "ecr:PutImage")

    assert result["MatchedStatements"][0]["StartPosition"] == {"Line": 1, "Column": 40}
    assert result["MatchedStatements"][0]["EndPosition"] == {"Line": 1, "Column": 95}


def test_of_several_resources_the_strictest_decides_and_each_is_told(custom):
    other = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/other"
    text = policy(allow("ecr:PutImage"), deny("ecr:PutImage", resource=other))

    (result,) = custom([text], "ecr:PutImage", on=[REPOSITORY, other])

    assert result["EvalDecision"] == "explicitDeny"
    assert [(each["EvalResourceName"], each["EvalResourceDecision"]) for each in result["ResourceSpecificResults"]] == [
        (REPOSITORY, "allowed"),
        (other, "explicitDeny"),
    ]
    assert result["EvalDecisionDetails"] == {}


def test_values_that_conditions_ask_for_are_named_when_they_are_missing(custom):
    text = policy(
        allow("ecr:PutImage", Condition={"StringEquals": {"aws:PrincipalTag/Team": "red"}}),
        allow("ecr:PutImage", resource="arn:aws:ecr:*:*:repository/${aws:username}/*"),
        allow("ecr:GetRepositoryPolicy", Condition={"Bool": {"aws:SecureTransport": "true"}}),
    )
    tag = {"ContextKeyName": "aws:principaltag/team", "ContextKeyType": "string", "ContextKeyValues": ["red"]}

    (missing,) = custom([text], "ecr:PutImage", on=[REPOSITORY])
    (given,) = custom([text], "ecr:PutImage", on=[REPOSITORY], ContextEntries=[tag])

    assert missing["EvalDecision"] == "implicitDeny"
    assert missing["MissingContextValues"] == ["aws:PrincipalTag/Team", "aws:username"]
    assert given["EvalDecision"] == "allowed"
    assert given["ResourceSpecificResults"][0]["MissingContextValues"] == ["aws:username"]


def test_what_a_login_to_ecr_public_needs_can_be_asked(iam, custom):
    """Two rights, of which one is STS's and can be limited to the service: ecr-api C.1."""
    arn = "arn:aws:iam::aws:policy/AmazonElasticContainerRegistryPublicReadOnly"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    elsewhere = deny(
        "sts:GetServiceBearerToken",
        Condition={"StringNotEquals": {"sts:AWSServiceName": "ecr-public.amazonaws.com"}},
    )
    needed = ("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken")

    for service, decision in (("ecr-public.amazonaws.com", "allowed"), ("codeartifact.amazonaws.com", "explicitDeny")):
        entry = {"ContextKeyName": "sts:AWSServiceName", "ContextKeyValues": [service], "ContextKeyType": "string"}
        results = custom([json.dumps(document), policy(elsewhere)], *needed, ContextEntries=[entry])
        assert [each["EvalDecision"] for each in results] == ["allowed", decision]


def test_a_boundary_limits_and_says_so(custom):
    bound = {"PermissionsBoundaryPolicyInputList": [policy(allow("ecr:Get*"))]}

    within, beyond = custom([policy(allow("ecr:*"))], "ecr:GetRepositoryPolicy", "ecr:PutImage", **bound)

    assert within["EvalDecision"] == "allowed"
    assert within["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}
    assert beyond["EvalDecision"] == "implicitDeny"
    assert beyond["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_an_organization_limits_and_says_so(custom):
    levels = [
        {"ServiceControlPolicyInputList": [policy(allow("*"))]},
        {"ServiceControlPolicyInputList": [policy(allow("ecr:Get*"))]},
    ]

    within, beyond = custom(
        [policy(allow("*"))],
        "ecr:GetRepositoryPolicy",
        "ecr:PutImage",
        on=[REPOSITORY],
        OrderedOrganizationPolicyInputList=levels,
    )

    assert within["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}
    assert beyond["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    assert beyond["EvalDecision"] == "implicitDeny"
    assert "EvalDecisionDetails" not in beyond


def test_across_accounts_each_side_is_told(custom):
    caller = "arn:aws:iam::222222222222:user/bob"
    statement = {"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "ecr:BatchGetImage"}
    asked = {"CallerArn": caller, "ResourcePolicy": policy(statement)}

    pull, push = custom([policy(allow("ecr:*"))], "ecr:BatchGetImage", "ecr:PutImage", on=[REPOSITORY], **asked)

    assert (pull["EvalDecision"], push["EvalDecision"]) == ("allowed", "implicitDeny")
    assert pull["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "allowed"}
    assert push["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"}
    assert [each["SourcePolicyId"] for each in pull["MatchedStatements"]] == ["PolicyInputList.1", "ResourcePolicy"]


@pytest.mark.parametrize(
    "members",
    [
        {"ActionNames": ["PutImage"]},
        {"ActionNames": ["ecr:*"]},
        {"ResourceArns": ["app"]},
        {"PolicyInputList": ["{}"]},
        {"PolicyInputList": [policy({**allow("ecr:*"), "Principal": "*"})]},
        {"ResourcePolicy": policy({"Effect": "Allow", "Principal": "*", "Action": "ecr:*"})},
        {"CallerArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"},
        {"PermissionsBoundaryPolicyInputList": [policy(allow("*"))] * 2},
        {"ResourceOwner": "somebody"},
        {"ContextEntries": [{"ContextKeyName": "aws:username", "ContextKeyType": "string", "ContextKeyValues": []}]},
    ],
)
def test_what_cannot_be_simulated_is_refused(iam, members):
    asked = {"PolicyInputList": [policy(allow("ecr:*"))], "ActionNames": ["ecr:PutImage"], **members}

    with refused("InvalidInput"):
        iam.simulate_custom_policy(**asked)


def test_results_come_in_pages(iam):
    actions = [f"ecr:Action{number}" for number in range(5)]

    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[policy(allow("ecr:*"))], ActionNames=actions, PaginationConfig={"PageSize": 2}
    )

    assert [[each["EvalActionName"] for each in page["EvaluationResults"]] for page in pages] == [
        actions[:2],
        actions[2:4],
        actions[4:],
    ]


def test_many_resources_make_short_pages(iam):
    answer = iam.simulate_custom_policy(
        PolicyInputList=[policy(allow("ecr:*"))],
        ActionNames=[f"ecr:Action{number}" for number in range(9)],
        ResourceArns=[f"{REPOSITORY}/{number}" for number in range(1000)],
    )

    assert answer["IsTruncated"] is True
    assert len(answer["EvaluationResults"]) == 2


# Of somebody.


@pytest.fixture(params=["user", "group", "role"])
def somebody(iam, name, request):
    """A user, a group or a role that may do something; its ARN."""
    kind = request.param
    trust = policy({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    make = {"AssumeRolePolicyDocument": trust} if kind == "role" else {}
    made = getattr(iam, f"create_{kind}")(**{f"{kind.title()}Name": name}, **make)[kind.title()]
    getattr(iam, f"put_{kind}_policy")(
        **{f"{kind.title()}Name": name}, PolicyName="inline", PolicyDocument=policy(allow("s3:PutObject"))
    )
    return kind, made["Arn"]


def test_the_policies_of_somebody_are_asked(iam, name, somebody):
    kind, arn = somebody

    allowed, denied = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["s3:PutObject", "s3:GetObjectVersion"], ResourceArns=["arn:aws:s3:::bucket"]
    )["EvaluationResults"]

    assert allowed["EvalDecision"] == "allowed"
    assert allowed["EvalDecisionDetails"] == {}
    assert allowed["EvalResourceName"] == "arn:aws:s3:::bucket"
    (statement,) = allowed["MatchedStatements"]
    assert statement["SourcePolicyId"] == f"{kind}_{name}_inline"
    assert statement["StartPosition"] == {"Line": 1, "Column": 41}
    assert allowed["ResourceSpecificResults"][0]["MatchedStatements"] == [statement]
    assert denied["EvalDecision"] == "implicitDeny"
    assert denied["MatchedStatements"] == []


def test_a_user_has_what_its_groups_have_and_is_bounded(iam, name):
    arn = iam.create_user(UserName=name, PermissionsBoundary=READ_ONLY)["User"]["Arn"]
    iam.create_group(GroupName=name)
    iam.add_user_to_group(GroupName=name, UserName=name)
    iam.put_group_policy(GroupName=name, PolicyName="inline", PolicyDocument=policy(allow("ecr:*")))
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly")

    pull, push = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["ecr:BatchGetImage", "ecr:PutImage"], ResourceArns=[REPOSITORY]
    )["EvaluationResults"]
    unbounded = iam.simulate_principal_policy(
        PolicySourceArn=arn,
        ActionNames=["ecr:PutImage"],
        PolicyExclusionList=[{"PolicyType": "permission-boundary"}],
    )["EvaluationResults"]
    alone = iam.simulate_principal_policy(
        PolicySourceArn=arn,
        ActionNames=["ecr:BatchGetImage"],
        PolicyExclusionList=[
            {"PolicyArn": "arn:aws:iam::aws:policy/AmazonEC2*"},
            {"InlinePolicyIdentifier": {"PolicyName": "inline", "AttachmentType": "group", "AttachmentName": name}},
        ],
    )["EvaluationResults"]

    assert sorted(each["SourcePolicyId"] for each in pull["MatchedStatements"]) == [
        "AmazonEC2ContainerRegistryPullOnly",
        f"group_{name}_inline",
    ]
    assert push["EvalDecision"] == "implicitDeny"
    assert push["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert unbounded[0]["EvalDecision"] == "allowed"
    assert alone[0]["EvalDecision"] == "implicitDeny"


def test_what_is_known_of_a_user_need_not_be_given(iam, name):
    arn = iam.create_user(UserName=name, Tags=[{"Key": "Team", "Value": "red"}])["User"]["Arn"]
    statement = allow(
        "ecr:PutImage",
        resource="arn:aws:ecr:*:*:repository/${aws:username}",
        Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}},
    )

    (result,) = iam.simulate_principal_policy(
        PolicySourceArn=arn,
        ActionNames=["ecr:PutImage"],
        PolicyInputList=[policy(statement)],
        ResourceArns=[f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}"],
    )["EvaluationResults"]

    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])


def test_somebody_who_is_not_there_has_no_policies(iam, name):
    with refused("NoSuchEntity", f"The user with name {name} cannot be found."):
        iam.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/{name}", ActionNames=["ecr:PutImage"]
        )
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session"
    with refused("InvalidInput", f"Invalid Entity Arn: {session} does not clearly define entity type and name."):
        iam.simulate_principal_policy(PolicySourceArn=session, ActionNames=["ecr:PutImage"])


def test_condition_keys_are_listed_once(iam, name):
    first = policy(allow("ecr:*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    second = policy(deny("ecr:*", resource="arn:aws:ecr:*:*:repository/${aws:username}${*}"))
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=second)

    given = iam.get_context_keys_for_custom_policy(PolicyInputList=[first, second, first])
    own = iam.get_context_keys_for_principal_policy(PolicySourceArn=arn, PolicyInputList=[first])

    assert given["ContextKeyNames"] == own["ContextKeyNames"] == ["aws:SourceIp", "aws:username"]
    with refused("InvalidInput"):
        iam.get_context_keys_for_custom_policy(PolicyInputList=["{}"])


# The whole account.


def test_an_account_is_told_in_full(server, account, name):
    iam = server.aws("iam", key=account.key)
    trust = policy({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    arn = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow("ecr:*")))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(deny("ecr:*")))
    iam.create_group(GroupName=name)
    iam.create_user(UserName=name, PermissionsBoundary=arn, Tags=[{"Key": "a", "Value": "1"}])
    iam.add_user_to_group(GroupName=name, UserName=name)
    iam.attach_group_policy(GroupName=name, PolicyArn=arn)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(allow("s3:*")))
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)

    told = iam.get_account_authorization_details(Filter=["User", "Group", "Role", "LocalManagedPolicy"])

    (user,), (group,), (role,), (managed,) = (
        told[each] for each in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    )
    assert (user["GroupList"], user["Tags"]) == ([name], [{"Key": "a", "Value": "1"}])
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    assert group["AttachedManagedPolicies"] == [{"PolicyName": name, "PolicyArn": arn}]
    assert role["AssumeRolePolicyDocument"] == json.loads(trust)
    assert role["RolePolicyList"] == [{"PolicyName": "inline", "PolicyDocument": json.loads(policy(allow("s3:*")))}]
    assert [each["InstanceProfileName"] for each in role["InstanceProfileList"]] == [name]
    assert (managed["AttachmentCount"], managed["PermissionsBoundaryUsageCount"]) == (1, 1)
    assert [
        (each["VersionId"], each["Document"]["Statement"][0]["Effect"]) for each in managed["PolicyVersionList"]
    ] == [
        ("v2", "Deny"),
        ("v1", "Allow"),
    ]
    everything = iam.get_account_authorization_details()
    assert "AdministratorAccess" in {each["PolicyName"] for each in everything["Policies"]}
    pages = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 3})
    assert sum(len(page["UserDetailList"] + page["GroupDetailList"] + page["RoleDetailList"]) for page in pages) == 3
