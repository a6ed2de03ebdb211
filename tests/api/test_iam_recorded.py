"""Answers of the real IAM, recorded, beside ours: the same members, the same texts. Roles and policies."""

import json
from functools import partial

import pytest

from tests.support.recorded import alike, answer, recording
from tests.support.server import ACCOUNT

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}


@pytest.fixture(scope="module")
def recorded():
    """What was recorded in one test of the recording, by the name of each answer."""
    return partial(recording, "iam/test_iam.snapshot.json")


@pytest.fixture
def name(request):
    """A name of this test's own."""
    return f"n{abs(hash(request.node.nodeid)):x}"


def test_a_role_made_shown_and_listed(iam, recorded, name):
    expected = recorded("TestIAMIntegrations::test_create_describe_role")

    made = answer(iam.create_role, RoleName=name, Path=f"/{name}/", AssumeRolePolicyDocument=json.dumps(TRUST))

    assert alike(made, expected["create_role_result"]) == []
    assert alike(answer(iam.get_role, RoleName=name), expected["get_role_result"]) == []
    assert alike(answer(iam.list_roles, PathPrefix=f"/{name}/"), expected["list_roles_result"]) == []


def test_a_role_with_tags(iam, recorded, name):
    expected = recorded("TestRoles::test_role_with_tags")

    made = answer(
        iam.create_role,
        RoleName=name,
        Path="/role-with-tags/",
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Tags=[{"Key": "test", "Value": "value"}],
    )

    assert alike(made, expected["create-role-response"]) == []
    assert alike(answer(iam.get_role, RoleName=name), expected["get-role-response"]) == []
    assert alike(answer(iam.list_roles, PathPrefix="/role-with-tags/"), expected["list-role-response"]) == []
    iam.delete_role(RoleName=name)


def test_a_trust_policy_that_is_no_json(iam, recorded, name):
    expected = recorded("TestIAMExtensions::test_create_role_with_malformed_assume_role_policy_document")

    refusal = answer(iam.create_role, RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17"')

    assert alike(refusal, expected["invalid-json"]) == []


@pytest.mark.parametrize("kind", ["role", "user"])
def test_policies_that_can_and_cannot_be_attached(iam, recorded, name, kind):
    expected = recorded(f"TestIAMIntegrations::test_{kind}_attach_policy")
    made = answer(iam.create_policy, PolicyName=name, PolicyDocument=json.dumps(POLICY))
    arn, member = made["Policy"]["Arn"], f"{kind.title()}Name"
    make = {"AssumeRolePolicyDocument": json.dumps(TRUST)} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**{member: name}, **make)
    attach = getattr(iam, f"attach_{kind}_policy")

    assert alike(made, expected["create_policy_response"]) == []
    for case, wanted in (
        ("non_existent_malformed_policy_arn", "longpolicynamebutnoarn"),
        ("existing_policy_name_provided", f"{name}-as-long-as-an-arn"),
        ("valid_arn_not_existent", f"{arn}123"),
        ("valid_policy_arn", arn),
    ):
        assert alike(answer(attach, **{member: name}, PolicyArn=wanted), expected[case]) == [], case


def test_a_policy_that_is_not_there_is_not_deleted(iam, recorded):
    expected = recorded("TestIAMIntegrations::test_delete_non_existent_policy_returns_no_such_entity")

    refusal = answer(iam.delete_policy, PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/non-existent-policy")

    assert alike(refusal, expected["delete-non-existent-policy-exc"]) == []


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_documents_with_percent_signs(iam, recorded, name, kind):
    expected = recorded(f"TestIAMPolicyEncoding::test_put_{kind}_policy_encoding")["get-policy-response"]
    arn = "arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Faaeeieije"
    statement = {"Effect": "Allow", "Action": ["apigatway:PUT"], "Resource": [arn]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    member = f"{kind.title()}Name"
    make = {"AssumeRolePolicyDocument": json.dumps(TRUST)} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**{member: name}, **make)

    getattr(iam, f"put_{kind}_policy")(**{member: name}, PolicyName=name, PolicyDocument=document)

    found = answer(getattr(iam, f"get_{kind}_policy"), **{member: name}, PolicyName=name)
    assert alike(found, expected) == []


@pytest.mark.parametrize("part", ["", "pullthroughcache.", "replication."])
def test_service_linked_roles_of_ecr(iam, recorded, part):
    service = f"{part}ecr.amazonaws.com"
    expected = recorded(f"TestIAMServiceRoles::test_service_role_lifecycle[{service}]")
    suffix = recorded(f"TestIAMServiceRoles::test_service_role_lifecycle_custom_suffix_not_allowed[{service}]")
    deletion = recorded("TestIAMServiceRoles::test_service_role_deletion")
    name = iam.create_service_linked_role(AWSServiceName=service)["Role"]["RoleName"]

    found = answer(iam.get_role, RoleName=name)
    inline = answer(iam.list_role_policies, RoleName=name)
    attached = answer(iam.list_attached_role_policies, RoleName=name)
    with_suffix = answer(iam.create_service_linked_role, AWSServiceName=service, CustomSuffix="mine")
    deleted = answer(iam.delete_service_linked_role, RoleName=name)
    status = answer(iam.get_service_linked_role_deletion_status, DeletionTaskId=deleted["DeletionTaskId"])

    assert alike(found, expected["describe-response"]) == []
    assert alike(inline, expected["inline-role-policies"]) == []
    assert alike(attached, expected["attached-role-policies"]) == []
    assert alike(with_suffix, suffix["custom-suffix-not-allowed"]) == []
    expected_id = deletion["service-linked-role-deletion-response"]["DeletionTaskId"]
    assert expected_id.count("/") == deleted["DeletionTaskId"].count("/")
    assert alike(status, deletion["service-linked-role-deletion-status-response"]) == []


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_what_the_simulator_says(iam, recorded, name, kind):
    expected = recorded(f"TestIAMIntegrations::test_simulate_principle_policy[{kind}]")["response"]
    member = f"{kind.title()}Name"
    make = {"AssumeRolePolicyDocument": json.dumps(TRUST)} if kind == "role" else {}
    arn = getattr(iam, f"create_{kind}")(**{member: name}, **make)[kind.title()]["Arn"]
    statement = {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::bucket"]}
    getattr(iam, f"put_{kind}_policy")(
        **{member: name},
        PolicyName=name,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    for result in expected["EvaluationResults"]:
        result.pop("OrganizationsDecisionDetail")  # the account of the recording is in an organization
        for each in (*result["MatchedStatements"], *result["ResourceSpecificResults"][0]["MatchedStatements"]):
            each.pop("EndPosition")  # it depends on the document, which was not recorded

    found = answer(
        iam.simulate_principal_policy,
        PolicySourceArn=arn,
        ActionNames=["s3:PutObject", "s3:GetObjectVersion"],
        ResourceArns=["arn:aws:s3:::bucket"],
    )

    for result in found["EvaluationResults"]:
        for each in (*result["MatchedStatements"], *result["ResourceSpecificResults"][0]["MatchedStatements"]):
            each.pop("EndPosition")
    assert alike(found, expected) == []
