"""
AWS's own managed policies, as far as they speak of services that we have. Nobody can change them.

They are data, written here by what each of them allows, and not rows: a new version of ours brings a new version
of them to every account. Source: AWS Managed Policy Reference Guide; ecr-api C.5. Of ReadOnlyAccess only the part
that is about services that we have.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SERVICE_PATH = "/aws-service-role/"  # of policies and roles that are a service's own

# AWS's dates say when AWS made them; these are in force here since this day, 2026-11-22.
_SINCE = 1795305600.0


@dataclass(frozen=True, slots=True)
class Managed:
    """One of AWS's policies, in the one version that is in force. Times are in seconds since the epoch."""

    id: str
    name: str
    path: str
    arn: str
    description: str
    version: int
    document: str
    created_at: float = _SINCE
    updated_at: float = _SINCE


def find(arn: str) -> Managed | None:
    """The policy of that ARN, or None."""
    return _BY_ARN.get(arn)


def every() -> Sequence[Managed]:
    """All of them, by name."""
    return _ALL


def _managed(name: str, version: int, description: str, *statements: dict[str, Any], path: str = "/") -> Managed:
    arn = f"arn:aws:iam::aws:policy{path}{name}"
    # The same in every deployment, and of the form that ids of policies have.
    unique = base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()[:17]
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=4)
    return Managed(f"ANPA{unique}", name, path, arn, description, version, document)


def _allow(actions: str, *, resource: str = "*", **more: Any) -> dict[str, Any]:
    """A statement; *actions* are words, each with its service or with that of the word before it."""
    names, service = [], ""
    for word in actions.split():
        given, colon, name = word.rpartition(":")
        service = given if colon else service
        names.append(f"{service}:{name}" if service else name)
    return {"Effect": "Allow", "Action": names if len(names) > 1 else names[0], "Resource": resource, **more}


_PULL = (
    "ecr:GetAuthorizationToken BatchCheckLayerAvailability GetDownloadUrlForLayer GetRepositoryPolicy "
    "DescribeRepositories ListImages DescribeImages BatchGetImage GetLifecyclePolicy GetLifecyclePolicyPreview "
    "ListTagsForResource DescribeImageScanFindings"
)
_PULL_PUBLIC = (
    "sts:GetServiceBearerToken ecr-public:GetAuthorizationToken BatchCheckLayerAvailability GetRepositoryPolicy "
    "DescribeRepositories DescribeRegistries DescribeImages DescribeImageTags GetRepositoryCatalogData "
    "GetRegistryCatalogData"
)
_PUSH = " InitiateLayerUpload UploadLayerPart CompleteLayerUpload PutImage"
_OWN_ACCOUNT = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}

_ALL = (
    _managed(
        "AWSECRPullThroughCache_ServiceRolePolicy",
        3,
        "What a pull through cache needs to keep images of other registries",
        _allow(
            "ecr:GetAuthorizationToken BatchCheckLayerAvailability InitiateLayerUpload UploadLayerPart "
            "CompleteLayerUpload PutImage BatchGetImage BatchImportUpstreamImage GetDownloadUrlForLayer "
            "GetImageCopyStatus",
            Sid="ECR",
            Condition=_OWN_ACCOUNT,
        ),
        _allow(
            "secretsmanager:GetSecretValue",
            resource="arn:aws:secretsmanager:*:*:secret:ecr-pullthroughcache/*",
            Sid="SecretsManager",
            Condition=_OWN_ACCOUNT,
        ),
        path=SERVICE_PATH,
    ),
    _managed("AdministratorAccess", 1, "Everything", _allow("*")),
    _managed(
        "AmazonEC2ContainerRegistryFullAccess",
        3,
        "Everything in ECR",
        _allow("ecr:* cloudtrail:LookupEvents"),
        _allow(
            "iam:CreateServiceLinkedRole",
            Condition={"StringEquals": {"iam:AWSServiceName": ["replication.ecr.amazonaws.com"]}},
        ),
    ),
    _managed("AmazonEC2ContainerRegistryPowerUser", 3, "Pull, push and look in ECR", _allow(_PULL + _PUSH)),
    _managed(
        "AmazonEC2ContainerRegistryPullOnly",
        1,
        "Pull from ECR",
        _allow("ecr:GetAuthorizationToken BatchGetImage GetDownloadUrlForLayer BatchImportUpstreamImage"),
    ),
    _managed("AmazonEC2ContainerRegistryReadOnly", 3, "Pull and look in ECR", _allow(_PULL)),
    _managed(
        "AmazonElasticContainerRegistryPublicFullAccess",
        1,
        "Everything in ECR Public",
        _allow("ecr-public:* sts:GetServiceBearerToken"),
    ),
    _managed(
        "AmazonElasticContainerRegistryPublicPowerUser",
        1,
        "Pull, push and look in ECR Public",
        _allow(_PULL_PUBLIC + _PUSH),
    ),
    _managed("AmazonElasticContainerRegistryPublicReadOnly", 1, "Pull and look in ECR Public", _allow(_PULL_PUBLIC)),
    _managed(
        "ECRReplicationServiceRolePolicy",
        1,
        "What replication needs to copy images to other registries",
        _allow("ecr:CreateRepository ReplicateImage"),
        path=SERVICE_PATH,
    ),
    _managed(
        "ECRTemplateServiceRolePolicy",
        1,
        "What repository creation templates need",
        _allow("ecr:CreateRepository", Sid="CreateRepositoryWithTemplate"),
        path=SERVICE_PATH,
    ),
    _managed(
        "IAMFullAccess",
        2,
        "Everything in IAM",
        _allow(
            "iam:* organizations:DescribeAccount DescribeOrganization DescribeOrganizationalUnit DescribePolicy "
            "ListChildren ListParents ListPoliciesForTarget ListRoots ListPolicies ListTargetsForPolicy"
        ),
    ),
    _managed(
        "IAMReadOnlyAccess",
        4,
        "Look at everything in IAM",
        _allow(
            "iam:GenerateCredentialReport GenerateServiceLastAccessedDetails Get* List* SimulateCustomPolicy "
            "SimulatePrincipalPolicy"
        ),
    ),
    _managed(
        "ReadOnlyAccess",
        1,
        "Look at everything",
        _allow(
            "cloudtrail:Describe* Get* List* LookupEvents cloudwatch:Describe* GenerateQuery "
            "GenerateQueryResultsSummary Get* List* ecr-public:BatchCheckLayerAvailability DescribeImages "
            "DescribeImageTags DescribeRegistries DescribeRepositories GetAuthorizationToken GetRegistryCatalogData "
            "GetRepositoryCatalogData GetRepositoryPolicy ListTagsForResource ecr:BatchCheck* BatchGet* Describe* "
            "Get* List* events:Describe* List* Test* iam:Generate* Get* List* Simulate* kms:Describe* Get* List* "
            "logs:Describe* FilterLogEvents Get* List* StartLiveTail StartQuery StopLiveTail StopQuery "
            "TestMetricFilter organizations:Describe* List* secretsmanager:Describe* GetResourcePolicy List* "
            "sts:GetAccessKeyInfo GetCallerIdentity GetSessionToken"
        ),
    ),
)
_BY_ARN = {policy.arn: policy for policy in _ALL}
