"""The registry as sessions see it: what limits them limits every request of a login, too."""

import base64
import json

import pytest

from tests.api.test_sts import session_client
from tests.support.server import ACCOUNT, REGION, Registry

PULL = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def allow(*actions, resource="*", **condition):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def iam(server):
    return server.aws("iam")


@pytest.fixture(scope="module")
def user(server, iam):
    """STS as a user who may take on every role and push everywhere."""
    iam.create_user(UserName="oci-sessions")
    iam.put_user_policy(UserName="oci-sessions", PolicyName="all", PolicyDocument=allow("sts:*", "ecr:*"))
    key = iam.create_access_key(UserName="oci-sessions")["AccessKey"]
    return server.aws("sts", key=(key["AccessKeyId"], key["SecretAccessKey"]))


@pytest.fixture(scope="module")
def role(iam):
    """A role that may do everything with repositories of its team."""
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = iam.create_role(RoleName="oci-sessions", AssumeRolePolicyDocument=document)["Role"]
    team = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/${{aws:PrincipalTag/team}}/*"
    iam.put_role_policy(RoleName="oci-sessions", PolicyName="team", PolicyDocument=allow("ecr:*", resource=team))
    iam.put_role_policy(RoleName="oci-sessions", PolicyName="login", PolicyDocument=allow("ecr:GetAuthorizationToken"))
    return made["Arn"]


@pytest.fixture(scope="module")
def image(ecr, registry):
    """An image in the repository of each of two teams."""
    for team in ("red", "blue"):
        ecr.create_repository(repositoryName=f"{team}/app")
        registry.push_image(f"{team}/app", "v1")


def login(server, credentials):
    """The OCI face, logged in with temporary credentials."""
    ecr = session_client(server, "ecr", credentials)
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return Registry(server.url, base64.b64decode(token).decode().partition(":")[2])


def test_a_session_pulls_and_pushes_where_its_tags_let_it(server, user, role, image):
    made = user.assume_role(RoleArn=role, RoleSessionName="x1", Tags=[{"Key": "team", "Value": "red"}])
    ours = login(server, made["Credentials"])

    ours.push_image("red/app", "v2")
    assert ours("GET", "/v2/red/app/manifests/v1").status == 200
    refused = ours("GET", "/v2/blue/app/manifests/v1")

    assert refused.status == 403
    assert refused.json()["errors"][0]["message"] == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/oci-sessions/x1 is not authorized to perform: ecr:BatchGetImage on "
        f"resource: arn:aws:ecr:{REGION}:{ACCOUNT}:repository/blue/app because no identity-based policy allows the "
        "ecr:BatchGetImage action"
    )


def test_two_sessions_of_one_name_are_not_taken_for_each_other(server, user, role, image):
    """Their principals have one id, and what was decided for the one must not stand for the other."""
    logins = []
    for team in ("red", "blue"):
        made = user.assume_role(RoleArn=role, RoleSessionName="same", Tags=[{"Key": "team", "Value": team}])
        logins.append(login(server, made["Credentials"]))

    answers = [
        ours("GET", f"/v2/{team}/app/manifests/v1").status
        for _ in range(3)
        for ours in logins
        for team in ("red", "blue")
    ]

    assert answers == [200, 403, 403, 200] * 3


def test_a_sessions_own_policy_limits_its_login(server, user, role, image):
    tags = [{"Key": "team", "Value": "red"}]
    made = user.assume_role(RoleArn=role, RoleSessionName="x1", Tags=tags, Policy=allow(*PULL))
    ours = login(server, made["Credentials"])

    assert ours("GET", "/v2/red/app/manifests/v1").status == 200
    refused = ours("POST", "/v2/red/app/blobs/uploads/")

    assert refused.status == 403
    assert refused.json()["errors"][0]["message"].endswith(
        "because no session policy allows the ecr:InitiateLayerUpload action"
    )


def test_a_federated_user_may_what_both_the_user_and_the_policy_allow(server, user, image):
    made = user.get_federation_token(Name="guest", Policy=allow(*PULL))
    ours = login(server, made["Credentials"])

    assert ours("GET", "/v2/red/app/manifests/v1").status == 200
    assert ours("POST", "/v2/red/app/blobs/uploads/").status == 403


def test_a_federated_user_without_policies_may_nothing(server, user, image):
    made = user.get_federation_token(Name="guest")

    with pytest.raises(Exception, match="no session policy allows the ecr:GetAuthorizationToken"):
        login(server, made["Credentials"])


def test_a_users_own_session_pushes_as_the_user(server, user, image):
    ours = login(server, user.get_session_token()["Credentials"])

    ours.push_image("blue/app", "v3")


def test_abuse_30_what_is_taken_from_a_role_is_gone_from_running_logins(server, iam, user, role, image):
    made = user.assume_role(RoleArn=role, RoleSessionName="x1", Tags=[{"Key": "team", "Value": "blue"}])
    ours = login(server, made["Credentials"])
    assert ours("GET", "/v2/blue/app/manifests/v1").status == 200

    iam.put_role_policy(
        RoleName="oci-sessions",
        PolicyName="deny",
        PolicyDocument=allow("ecr:*", resource=f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/blue/app").replace(
            "Allow", "Deny"
        ),
    )
    try:
        assert ours("GET", "/v2/blue/app/manifests/v1").status == 403
    finally:
        iam.delete_role_policy(RoleName="oci-sessions", PolicyName="deny")
    assert ours("GET", "/v2/blue/app/manifests/v1").status == 200


def test_sessions_from_before_a_time_are_revoked_by_a_policy_as_at_aws(server, iam, user, role, image):
    """Source: IAM user guide, "Revoking IAM role temporary security credentials": what the console writes."""
    tags = [{"Key": "team", "Value": "red"}]
    made = user.assume_role(RoleArn=role, RoleSessionName="x1", Tags=tags)
    ours = login(server, made["Credentials"])
    assert ours("GET", "/v2/red/app/manifests/v1").status == 200
    older = {"DateLessThan": {"aws:TokenIssueTime": "2999-01-01T00:00:00Z"}}

    denial = allow("*", **older).replace("Allow", "Deny")
    iam.put_role_policy(RoleName="oci-sessions", PolicyName="AWSRevokeOlderSessions", PolicyDocument=denial)
    try:
        refused = ours("GET", "/v2/red/app/manifests/v1")
    finally:
        iam.delete_role_policy(RoleName="oci-sessions", PolicyName="AWSRevokeOlderSessions")

    assert refused.status == 403
    assert refused.json()["errors"][0]["message"].endswith("with an explicit deny in an identity-based policy")


def test_a_login_goes_on_when_the_key_that_took_on_the_role_is_gone(server, iam, user, role, image):
    """A session stands by itself: what ends it is its role, or the time."""
    iam.create_user(UserName="oci-leaver")
    iam.put_user_policy(UserName="oci-leaver", PolicyName="all", PolicyDocument=allow("sts:*"))
    key = iam.create_access_key(UserName="oci-leaver")["AccessKey"]
    theirs = server.aws("sts", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    made = theirs.assume_role(RoleArn=role, RoleSessionName="x1", Tags=[{"Key": "team", "Value": "red"}])
    own = theirs.get_session_token()
    ours = login(server, made["Credentials"])

    iam.delete_access_key(UserName="oci-leaver", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="oci-leaver", PolicyName="all")
    iam.delete_user(UserName="oci-leaver")

    assert ours("GET", "/v2/red/app/manifests/v1").status == 200
    with pytest.raises(Exception, match="UnrecognizedClientException"):
        login(server, own["Credentials"])
