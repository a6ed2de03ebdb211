"""A refusal carries a sealed message, which tells those of the account who may read it why."""

import json

from tests.api.test_repository_policies import policy
from tests.oci.principals import new_user
from tests.support.api import refused
from tests.support.server import ACCOUNT, REGION

HEADER = "x-entrepot-authorization-message"


def test_a_refusal_says_more_to_who_may_read_it(server, ecr, iam, account):
    key = new_user(server, "refused", policy="AmazonEC2ContainerRegistryReadOnly")
    deny = policy({"Effect": "Deny", "Action": "ecr:DescribeImages", "Resource": "*"})
    iam.put_user_policy(UserName="refused", PolicyName="no-images", PolicyDocument=deny)
    own = server.aws("ecr", key=key)
    sts = server.aws("sts")

    with refused("AccessDeniedException") as answer:
        own.describe_images(repositoryName="any")
    sealed = answer["ResponseMetadata"]["HTTPHeaders"][HEADER]
    said = json.loads(sts.decode_authorization_message(EncodedMessage=sealed)["DecodedMessage"])

    assert said["explicitDeny"] is True
    assert said["matchedStatements"]["items"] == [{"policy": "no-images", "statement": 0, "kind": "identity"}]
    assert said["context"]["principal"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/refused"
    assert said["context"]["resource"] == f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/any"
    with refused("AccessDenied"):
        server.aws("sts", key=key).decode_authorization_message(EncodedMessage=sealed)
    with refused("InvalidAuthorizationMessageException"):
        server.aws("sts", key=account.key).decode_authorization_message(EncodedMessage=sealed)


def test_a_missing_right_is_named(server, iam):
    own = server.aws("iam", key=new_user(server, "refused-too", policy="AmazonEC2ContainerRegistryReadOnly"))

    for _ in range(10):  # each of the two workers answers some of them: no answer may carry another one's message
        with refused("AccessDenied") as answer:
            own.list_users()
        sealed = answer["ResponseMetadata"]["HTTPHeaders"][HEADER]
        said = json.loads(server.aws("sts").decode_authorization_message(EncodedMessage=sealed)["DecodedMessage"])
        assert (said["explicitDeny"], said["missing"]) == (False, "identity")
        assert said["context"]["action"] == "iam:ListUsers"
