"""What is odd in a policy is told to whoever saves it, and refuses nothing."""

import json

from tests.api.test_repository_policies import policy

HEADER = "x-entrepot-policy-warnings"


def told(answer):
    return json.loads(answer["ResponseMetadata"]["HTTPHeaders"].get(HEADER, "[]"))


def test_a_condition_key_that_no_request_has_is_named(iam):
    odd = policy(
        {
            "Effect": "Allow",
            "Action": "ecr:GetAuthorizationToken",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalOrgI\r\nx-injected: \u00e4": "o-1"}},
        }
    )

    answer = iam.create_policy(PolicyName="odd", PolicyDocument=odd)

    assert told(answer) == [
        "statement 0: aws:PrincipalOrgI\r\nx-injected: \u00e4 is a condition key that no request has"
    ]
    assert "x-injected" not in answer["ResponseMetadata"]["HTTPHeaders"]
    assert answer["Policy"]["PolicyName"] == "odd"


def test_everybody_in_a_repository_policy_is_pointed_out(ecr, repository):
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}

    answer = ecr.set_repository_policy(repositoryName=repository, policyText=policy(everybody))

    assert told(answer) == ["statement 0: everybody is allowed, of whatever account, and no condition limits it"]


def test_a_long_inline_policy_of_a_role_is_looked_at_too(iam):
    condition = {"StringEquals": {"aws:username": ["a" * 7000, "b*"]}}
    statement = {"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*", "Condition": condition}
    trust = policy({"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"})
    plain = iam.create_role(RoleName="odd", AssumeRolePolicyDocument=trust)

    answer = iam.put_role_policy(RoleName="odd", PolicyName="long", PolicyDocument=policy(statement))

    assert told(plain) == []
    assert told(answer) == ['statement 0: "b*" is compared as it stands; wildcards need StringLike']
