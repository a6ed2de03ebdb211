"""AWS's own policies decide as AWS's do. Source: AWS Managed Policy Reference Guide; ecr-api C.5."""

import json

import pytest

from entrepot.identity import managed
from entrepot.identity.policy import Caller, Kind, Request, Sides, compile_policy, decide, parse
from tests.support.data import data

ACCOUNT = "123456789012"
ALL = {policy.name: policy for policy in managed.every()}


def of(service, names):
    return [f"{service}:{name}" for name in names.split()]


# Of every service that we have: actions that some policy is about, and such as none is.
ACTIONS = [
    *of(
        "ecr",
        "GetAuthorizationToken BatchCheckLayerAvailability GetDownloadUrlForLayer GetRepositoryPolicy "
        "DescribeRepositories ListImages DescribeImages BatchGetImage GetLifecyclePolicy GetLifecyclePolicyPreview "
        "ListTagsForResource DescribeImageScanFindings InitiateLayerUpload UploadLayerPart CompleteLayerUpload "
        "PutImage BatchDeleteImage CreateRepository DeleteRepository SetRepositoryPolicy TagResource ReplicateImage "
        "BatchImportUpstreamImage GetImageCopyStatus",
    ),
    *of(
        "ecr-public",
        "GetAuthorizationToken BatchCheckLayerAvailability GetRepositoryPolicy DescribeRepositories "
        "DescribeRegistries DescribeImages DescribeImageTags GetRepositoryCatalogData GetRegistryCatalogData "
        "ListTagsForResource InitiateLayerUpload PutImage CreateRepository PutRepositoryCatalogData",
    ),
    *of("iam", "GetUser ListRoles CreateUser SimulateCustomPolicy PassRole GenerateCredentialReport"),
    *of("iam", "CreateServiceLinkedRole AttachRolePolicy"),
    *of("sts", "AssumeRole GetSessionToken GetServiceBearerToken GetAccessKeyInfo"),
    *of("kms", "DescribeKey Decrypt ListKeys GetKeyPolicy"),
    *of("secretsmanager", "GetSecretValue DescribeSecret GetResourcePolicy ListSecrets"),
    *of("cloudtrail", "LookupEvents GetTrail CreateTrail"),
    *of("events", "ListRules TestEventPattern PutRule"),
    *of("cloudwatch", "GetMetricData ListMetrics PutMetricData"),
    *of("logs", "FilterLogEvents DescribeLogGroups StartQuery PutLogEvents"),
    *of("organizations", "DescribeOrganization ListAccounts CreateAccount ListRoots"),
]
SECRETS = [
    f"arn:aws:secretsmanager:us-east-1:{account}:secret:{name}"
    for account in (ACCOUNT, "222222222222")
    for name in ("ecr-pullthroughcache/docker-hub", "other")
]


def outcome(text, action, resource, context):
    caller = Caller(f"arn:aws:iam::{ACCOUNT}:user/bob", ACCOUNT, "user", id="AIDABOB")
    return decide(
        Request(action, resource, ACCOUNT, caller, context),
        Sides(identity=[compile_policy(text, Kind.IDENTITY)]),
    ).outcome


@pytest.fixture(scope="module")
def aws():
    """Documents of AWS's policies, by name."""
    return json.loads(data("vectors/policy-eval/aws-managed-policies.json").read_text())


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"IAMReadOnlyAccess"}))  # which is not among the vectors
def test_a_policy_of_aws_decides_as_aws_has_it(aws, name):
    theirs = json.dumps(aws[name])
    contexts = [
        {"aws:resourceaccount": owner, "aws:principalaccount": ACCOUNT, "iam:awsservicename": service}
        for owner in (ACCOUNT, "222222222222")
        for service in ("replication.ecr.amazonaws.com", "other.amazonaws.com")
    ]
    asked = [(action, "*", context) for action in ACTIONS for context in contexts]
    asked += [("secretsmanager:GetSecretValue", secret, context) for secret in SECRETS for context in contexts]

    differing = [
        (action, resource, context)
        for action, resource, context in asked
        if outcome(ALL[name].document, action, resource, context) != outcome(theirs, action, resource, context)
    ]

    assert differing == []


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_policy_of_aws_could_have_been_saved(name):
    parse(ALL[name].document, Kind.IDENTITY)


def test_policies_of_aws_have_ids_and_arns_of_their_own():
    assert len({policy.id for policy in managed.every()}) == len(ALL)
    assert {len(policy.id) for policy in managed.every()} == {21}
    assert managed.find("arn:aws:iam::aws:policy/ReadOnlyAccess") is ALL["ReadOnlyAccess"]
    assert managed.find("arn:aws:iam::aws:policy/aws-service-role/ReadOnlyAccess") is None
    assert [policy.name for policy in managed.every()] == sorted(ALL)
