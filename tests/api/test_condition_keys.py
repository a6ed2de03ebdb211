"""
What policies can ask about a request: each condition key, by who asks, on both faces.

Source: IAM user guide, "AWS global condition context keys" and "Principal key values"; ecr-api C.1.
"""

import base64
import json

import pytest

from tests.api.test_sts import session_client
from tests.support.server import ACCOUNT, REGION, Registry, Server

REPOSITORY = "keys"
ALWAYS = {
    "aws:PrincipalAccount": ACCOUNT,
    "aws:PrincipalIsAWSService": "false",
    "aws:PrincipalTag/team": "red",
    "aws:RequestedRegion": REGION,
    "aws:ResourceAccount": ACCOUNT,
    "aws:ResourceTag/stage": "dev",
    "aws:SecureTransport": "false",
    "aws:SourceIp": "127.0.0.1",
    "aws:ViaAWSService": "false",
    "ecr:ResourceTag/Stage": "dev",
}
USER = {
    "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/people/keys",
    "aws:PrincipalType": "User",
    "aws:username": "keys",
    "aws:userid": "{user}",
}
ROLE = {
    "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/jobs/keys",
    "aws:PrincipalType": "AssumedRole",
    "aws:userid": "{role}:nightly",
    "aws:MultiFactorAuthPresent": "false",
    "aws:SourceIdentity": "ann",
    "sts:RoleSessionName": "nightly",
    "aws:PrincipalTag/Job": "scan",
}
FEDERATED = {
    "aws:PrincipalArn": f"arn:aws:sts::{ACCOUNT}:federated-user/guest",
    "aws:PrincipalType": "FederatedUser",
    "aws:userid": f"{ACCOUNT}:guest",
    "aws:MultiFactorAuthPresent": "false",
}
ORGANIZATION = {
    "aws:PrincipalOrgID": "{organization}",
    "aws:PrincipalOrgPaths": ["{path}"],
    "aws:ResourceOrgID": "{organization}",
    "aws:ResourceOrgPaths": ["{path}"],
}
SESSION = ["aws:MultiFactorAuthPresent", "aws:SourceIdentity", "aws:TokenIssueTime", "sts:RoleSessionName"]
# There is no device for codes, no service that asks for somebody, and no network that has a name but by its endpoint.
NEVER = [
    *("aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:MultiFactorAuthAge", "aws:Referer"),
    *("aws:PrincipalServiceName", "aws:PrincipalServiceNamesList", "aws:SourceAccount", "aws:SourceArn"),
    *("aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceVpc", "aws:SourceVpce", "aws:VpcSourceIp"),
    *("aws:AssumedRoot", "aws:FederatedProvider", "aws:TagKeys", "aws:RequestTag/team"),
]
TIMES = [
    ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
    ("DateLessThan", "aws:CurrentTime", "2120-01-01T00:00:00Z"),
    ("NumericGreaterThan", "aws:EpochTime", "1577836800"),
    ("DateLessThan", "aws:EpochTime", "2120-01-01T00:00:00Z"),
]
WHO = {"user": USER, "role": ROLE, "federated": FEDERATED}


def allowing(**condition):
    """A policy that lets list the tags of every repository if the condition holds, and log in."""
    listing = {"Effect": "Allow", "Action": "ecr:ListImages", "Resource": "*", "Condition": condition}
    entering = {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "sts:*"], "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [listing, entering]})


class World:
    """A user, a role and a federated user, whose rights depend on a condition."""

    def __init__(self, server):
        self.server, self.iam = server, server.aws("iam")
        organizations = server.aws("organizations")
        made = organizations.create_organization()["Organization"]["Id"]
        (root,) = organizations.list_roots()["Roots"]
        tags = [{"Key": "team", "Value": "red"}]
        stage = [{"Key": "stage", "Value": "dev"}]
        server.aws("ecr").create_repository(repositoryName=REPOSITORY, tags=stage)
        user = self.iam.create_user(UserName="keys", Path="/people/", Tags=tags)["User"]
        actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
        statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": actions}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = self.iam.create_role(RoleName="keys", Path="/jobs/", AssumeRolePolicyDocument=trust, Tags=tags)["Role"]
        self.names = {
            "user": user["UserId"],
            "role": role["RoleId"],
            "organization": made,
            "path": f"{made}/{root['Id']}/",
        }
        self.allow("user")
        key = self.iam.create_access_key(UserName="keys")["AccessKey"]
        sts = server.aws("sts", key=(key["AccessKeyId"], key["SecretAccessKey"]))
        session = sts.assume_role(
            RoleArn=role["Arn"],
            RoleSessionName="nightly",
            SourceIdentity="ann",
            Tags=[{"Key": "job", "Value": "scan"}],
        )["Credentials"]
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        guest = sts.get_federation_token(Name="guest", Policy=json.dumps(everything), Tags=tags)["Credentials"]
        self.allow("role")
        self.ecr = {
            "user": server.aws("ecr", key=(key["AccessKeyId"], key["SecretAccessKey"])),
            "role": session_client(server, "ecr", session),
            "federated": session_client(server, "ecr", guest),
        }
        self.registries = {who: self.registry(ecr) for who, ecr in self.ecr.items()}

    def registry(self, ecr):
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return Registry(self.server.url, base64.b64decode(token).decode().partition(":")[2])

    def allow(self, who, **condition):
        """Give the rights: a federated user has those of its user."""
        document = allowing(**condition)
        if who == "role":
            self.iam.put_role_policy(RoleName="keys", PolicyName="if", PolicyDocument=document)
        else:
            self.iam.put_user_policy(UserName="keys", PolicyName="if", PolicyDocument=document)

    def may(self, face, who, **condition):
        """Whether somebody may list tags if the condition holds."""
        self.allow(who, **condition)
        if face == "oci":
            status = self.registries[who]("GET", f"/v2/{REPOSITORY}/tags/list").status
            assert status in (200, 403)
            return status == 200
        try:
            self.ecr[who].list_images(repositoryName=REPOSITORY)
        except self.ecr[who].exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            return False
        return True


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("keys") / "data") as server:
        yield World(server)


CASES = [
    pytest.param(who, key, value, id=f"{who} {key}")
    for who, own in WHO.items()
    for key, value in {**ALWAYS, **ORGANIZATION, **own}.items()
]


@pytest.mark.parametrize("face", ["api", "oci"])
@pytest.mark.parametrize(("who", "key", "value"), CASES)
def test_a_key_has_the_value_that_it_has_at_amazons(world, face, who, key, value):
    values = [each.format(**world.names) for each in ([value] if isinstance(value, str) else value)]
    several = "" if isinstance(value, str) else "ForAnyValue:"

    assert world.may(face, who, **{f"{several}StringEquals": {key: values}})
    assert not world.may(face, who, **{f"{several}StringEquals": {key: [f"{each}x" for each in values]}})


@pytest.mark.parametrize("face", ["api", "oci"])
@pytest.mark.parametrize("who", WHO)
def test_what_is_not_known_of_a_request_is_absent(world, face, who):
    absent = [*NEVER, *(key for key in SESSION if who == "user" or (key not in WHO[who] and "Time" not in key))]
    absent += ["aws:username"] if who != "user" else []

    for key in absent:
        assert world.may(face, who, Null={key: "true"}), key
        assert not world.may(face, who, Null={key: "false"}), key


@pytest.mark.parametrize("face", ["api", "oci"])
@pytest.mark.parametrize(("operator", "key", "value"), TIMES)
def test_it_is_now(world, face, operator, key, value):
    assert world.may(face, "user", **{operator: {key: value}})
    opposite = {"Greater": "Less", "Less": "Greater"}
    one = next(word for word in opposite if word in operator)
    assert not world.may(face, "user", **{operator.replace(one, opposite[one]): {key: value}})


@pytest.mark.parametrize("face", ["api", "oci"])
@pytest.mark.parametrize("who", ["role", "federated"])
def test_a_session_knows_when_it_was_issued(world, face, who):
    assert world.may(face, who, DateLessThan={"aws:TokenIssueTime": "2120-01-01T00:00:00Z"})
    assert not world.may(face, who, DateLessThan={"aws:TokenIssueTime": "2020-01-01T00:00:00Z"})


@pytest.mark.parametrize("face", ["api", "oci"])
def test_headers_are_what_the_client_says(world, face):
    agent = "*otocore*" if face == "api" else "*urllib3*"

    assert world.may(face, "user", StringLike={"aws:UserAgent": agent})
    assert not world.may(face, "user", StringLike={"aws:UserAgent": "curl*"})


def test_the_root_user_is_its_account(world):
    """Its rights come from no policy, so one that denies tells what is known of it."""
    ecr = world.server.aws("ecr")
    known = {
        "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:root",
        "aws:PrincipalType": "Account",
        "aws:userid": ACCOUNT,
        "aws:PrincipalIsAWSService": "false",
    }
    for key, value in known.items():
        for wanted, denied in ((value, True), (f"{value}x", False)):
            statement = {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "ecr:ListImages",
                "Condition": {"StringEquals": {key: wanted}},
            }
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            ecr.set_repository_policy(repositoryName=REPOSITORY, policyText=document)
            answer = world.server.registry()("GET", f"/v2/{REPOSITORY}/tags/list")
            assert answer.status == (403 if denied else 200), key
    ecr.delete_repository_policy(repositoryName=REPOSITORY)
