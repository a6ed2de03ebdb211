"""What a call needs. Source: Service Authorization Reference, Amazon ECR."""

import pytest

from entrepot.errors import InvalidParameter
from entrepot.names import Registry
from entrepot.services.ecr import arns

ME = Registry("123456789012", "us-east-1")
APP = "arn:aws:ecr:us-east-1:123456789012:repository/team/app"


@pytest.mark.parametrize(
    ("operation", "params", "needed"),
    [
        ("PutImage", {"repository_name": "team/app"}, [("ecr:PutImage", APP)]),
        ("ListImageReferrers", {"repository_name": "team/app"}, [("ecr:BatchGetImage", APP)]),
        ("GetAuthorizationToken", {}, [("ecr:GetAuthorizationToken", "*")]),
        ("GetAuthorizationToken", {"registry_ids": ["210987654321"]}, [("ecr:GetAuthorizationToken", "*")]),
        ("DescribeRegistry", {}, [("ecr:DescribeRegistry", "*")]),
        ("PutAccountSetting", {"name": "BLOB_MOUNTING", "value": "ENABLED"}, [("ecr:PutAccountSetting", "*")]),
        ("TagResource", {"resource_arn": APP, "tags": []}, [("ecr:TagResource", APP)]),
        ("CreateRepository", {"repository_name": "team/app"}, [("ecr:CreateRepository", APP)]),
        (
            "CreateRepository",
            {"repository_name": "team/app", "tags": [{"Key": "a", "Value": "b"}]},
            [("ecr:CreateRepository", APP), ("ecr:TagResource", APP)],
        ),
        (
            "DescribeRepositories",
            {},
            [("ecr:DescribeRepositories", "arn:aws:ecr:us-east-1:123456789012:repository/*")],
        ),
        (
            "DescribeRepositories",
            {"repository_names": ["team/app", "other"]},
            [
                ("ecr:DescribeRepositories", APP),
                ("ecr:DescribeRepositories", "arn:aws:ecr:us-east-1:123456789012:repository/other"),
            ],
        ),
        (
            "BatchGetImage",
            {"repository_name": "app", "registry_id": "210987654321"},
            [("ecr:BatchGetImage", "arn:aws:ecr:us-east-1:210987654321:repository/app")],
        ),
    ],
)
def test_a_call_needs_its_action_on_its_resource(operation, params, needed):
    assert arns.of(operation, params, ME) == needed


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "app",
        "arn:aws:ecr:us-east-1:123456789012:repository/",
        "arn:aws:ecr:us-east-1:123456789012:repository/UPPER",
        "arn:aws:ecr:us-east-1:123456789012:repository/app/../other",
        "arn:aws:ecr:us-east-1:123456789012:registry/app",
        "arn:aws:ecr:eu-west-1:123456789012:repository/app",
        "arn:aws:ecr:us-east-1::repository/app",
        "arn:aws:ecr-public::123456789012:repository/app",
        "arn:aws:s3:us-east-1:123456789012:repository/app",
        "arn:aws-cn:ecr:us-east-1:123456789012:repository/app",
    ],
)
def test_an_arn_of_anything_but_a_repository_here_is_refused(arn):
    with pytest.raises(InvalidParameter) as refused:
        arns.of("ListTagsForResource", {"resource_arn": arn}, ME)

    assert str(refused.value) == "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'"
