"""Credentials for a while: who gets them, what they carry, and what ends them."""

import json
import time
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from entrepot.identity import providers
from entrepot.serving.preparing import open_runtime
from entrepot.settings import load
from tests.oci.principals import new_account
from tests.support.api import refused
from tests.support.data import data
from tests.support.server import ACCOUNT, REGION, Registry
from tests.support.web_identity import Issuer

SOME = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}
TEXT = json.dumps(SOME)
STS_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}
NOT_TRUSTED = "because no resource-based policy allows the sts:AssumeRole action"


def trust(*principals, actions=("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"), **condition):
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": list(actions)}
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}
    )


@pytest.fixture(scope="module")
def iam(server):
    return server.aws("iam")


@pytest.fixture(scope="module")
def names():
    """Names that nobody has yet: the server is everybody's."""
    return (f"sts-{number}" for number in range(1000))


@pytest.fixture
def user(iam, names):
    """Name and key of a user who may do all of STS."""
    name = next(names)
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="sts", PolicyDocument=json.dumps(STS_ALL))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return name, (key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture
def sts(server, user):
    return server.aws("sts", key=user[1])


@pytest.fixture
def role(iam, names):
    """Make a role, and give its name."""

    def make(policy=None, **members):
        name = next(names)
        members.setdefault("AssumeRolePolicyDocument", trust(ACCOUNT))
        iam.create_role(RoleName=name, **members)
        if policy is not None:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        return name

    return make


def arn(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def session_client(server, service, credentials):
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )


def test_a_role_is_taken_on_for_an_hour(iam, server, sts, role):
    name = role()

    answer = sts.assume_role(RoleArn=arn(name), RoleSessionName="run-1")

    role_id = iam.get_role(RoleName=name)["Role"]["RoleId"]
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/run-1"
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role_id}:run-1", "Arn": session}
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert abs(answer["Credentials"]["Expiration"] - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    assert "PackedPolicySize" not in answer
    assert answer["SessionTokenSize"] == len(answer["Credentials"]["SessionToken"])
    who = session_client(server, "sts", answer["Credentials"]).get_caller_identity()
    assert (who["UserId"], who["Account"], who["Arn"]) == (f"{role_id}:run-1", ACCOUNT, session)


def test_answers_have_the_members_of_recorded_ones(sts, role, server):
    """Source: answers of AWS, recorded by LocalStack."""
    recorded = json.loads((data("snapshots/localstack/sts") / "test_sts.snapshot.json").read_text())
    assumed = recorded["tests/aws/services/sts/test_sts.py::TestSTSIntegrations::test_assume_role"]
    federated = recorded["tests/aws/services/sts/test_sts.py::TestSTSIntegrations::test_get_federation_token"]
    newer = {"SessionTokenSize", "SessionTokenUtilization"}

    given = sts.assume_role(RoleArn=arn(role()), RoleSessionName="run-1")
    handed = server.aws("sts").get_federation_token(Name="ann", Policy=TEXT)

    assert given.keys() - newer == assumed["recorded-content"]["assume-role"].keys()
    assert handed.keys() - newer == federated["recorded-content"]["get-federation-token"].keys()


def test_what_recorded_answers_say_to_wrong_parameters_is_said_here(sts, role):
    """Source: answers of AWS, recorded by LocalStack."""
    recorded = json.loads((data("snapshots/localstack/sts") / "test_sts.snapshot.json").read_text())
    said = recorded["tests/aws/services/sts/test_sts.py::TestSTSIntegrations::test_sts_invalid_parameters"]

    for answer in said["recorded-content"].values():
        error = answer["Error"]
        given = error["Message"].removesuffix(" is invalid")
        is_arn = given != error["Message"]
        with refused(error["Code"]) as refusal:
            sts.assume_role(
                RoleArn=given if is_arn else arn("any"), RoleSessionName="Session1" if is_arn else "Session1:2"
            )
        # The real service counts before it speaks of an ARN that is too short; the rest of the sentence agrees.
        assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_tags_are_refused_in_the_recorded_words(sts, role, server):
    """Source: answers of AWS, recorded by LocalStack."""
    tag = {"Key": "team", "Value": "a"}
    wish = {"RoleArn": arn(role()), "RoleSessionName": "run-1"}

    with refused("InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."):
        sts.assume_role(**wish, Tags=[tag], TransitiveTagKeys=["other"])
    with refused("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."):
        sts.assume_role(**wish, Tags=[tag, {"Key": "Team", "Value": "b"}])

    first = sts.assume_role(**wish, Tags=[tag], TransitiveTagKeys=["team"])
    chained = session_client(server, "sts", first["Credentials"])
    for key in ("team", "TEAM"):
        with refused(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session.",
        ):
            chained.assume_role(**wish, Tags=[{"Key": key, "Value": "b"}])


def test_nobody_takes_on_a_role_that_trusts_somebody_else(iam, server, user, sts, role):
    other = role()
    name = role(AssumeRolePolicyDocument=trust(arn(other)))
    who = f"User: arn:aws:iam::{ACCOUNT}:user/{user[0]} is not authorized to perform: sts:AssumeRole on resource:"

    for wanted in (name, "there-is-none", f"path/{other}"):
        with refused("AccessDenied", f"{who} {arn(wanted)} {NOT_TRUSTED}") as refusal:
            sts.assume_role(RoleArn=arn(wanted), RoleSessionName="run-1")
        assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_what_is_no_role_is_refused_like_a_role_that_is_not_there(sts, user):
    with refused("AccessDenied"):
        sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:user/{user[0]}", RoleSessionName="run-1")


def test_a_user_needs_a_right_of_its_own_where_the_role_trusts_the_account(iam, server, user, role):
    name, key = user
    iam.delete_user_policy(UserName=name, PolicyName="sts")
    sts = server.aws("sts", key=key)

    with refused("AccessDenied") as refusal:
        sts.assume_role(RoleArn=arn(role()), RoleSessionName="run-1")
    assert refusal["Error"]["Message"].endswith("because no identity-based policy allows the sts:AssumeRole action")
    named = role(AssumeRolePolicyDocument=trust(f"arn:aws:iam::{ACCOUNT}:user/{name}"))
    sts.assume_role(RoleArn=arn(named), RoleSessionName="run-1")


def test_the_root_user_takes_on_no_role(server, role):
    with refused("AccessDenied", "Roles may not be assumed by root accounts."):
        server.aws("sts").assume_role(RoleArn=arn(role()), RoleSessionName="run-1")


def test_an_external_id_is_compared(sts, role):
    name = role(AssumeRolePolicyDocument=trust(ACCOUNT, StringEquals={"sts:ExternalId": "ticket-7"}))

    for wrong in ({}, {"ExternalId": "ticket-8"}):
        with refused("AccessDenied"):
            sts.assume_role(RoleArn=arn(name), RoleSessionName="run-1", **wrong)
    sts.assume_role(RoleArn=arn(name), RoleSessionName="run-1", ExternalId="ticket-7")


@pytest.mark.parametrize(
    ("asked", "action"),
    [
        ({"Tags": [{"Key": "team", "Value": "a"}]}, "sts:TagSession"),
        ({"SourceIdentity": "ann"}, "sts:SetSourceIdentity"),
    ],
)
def test_tags_and_a_source_identity_need_rights_of_their_own(sts, role, asked, action):
    name = role(AssumeRolePolicyDocument=trust(ACCOUNT, actions=["sts:AssumeRole"]))

    with refused("AccessDenied") as refusal:
        sts.assume_role(RoleArn=arn(name), RoleSessionName="run-1", **asked)

    assert f"is not authorized to perform: {action} on resource: {arn(name)} " in refusal["Error"]["Message"]


def test_a_trust_policy_can_look_at_tags_and_the_name_of_the_session(sts, role):
    wanted = {"aws:RequestTag/Team": "a", "sts:RoleSessionName": "run-1"}
    name = role(AssumeRolePolicyDocument=trust(ACCOUNT, StringEquals=wanted))
    tags = [{"Key": "team", "Value": "a"}]

    sts.assume_role(RoleArn=arn(name), RoleSessionName="run-1", Tags=tags)
    with refused("AccessDenied"):
        sts.assume_role(RoleArn=arn(name), RoleSessionName="run-2", Tags=tags)
    with refused("AccessDenied"):
        sts.assume_role(RoleArn=arn(name), RoleSessionName="run-1", Tags=[{"Key": "team", "Value": "b"}])


@pytest.mark.parametrize("key", ["aws:ResourceTag/Stage", "iam:ResourceTag/stage"])
def test_the_tags_of_a_role_decide_who_takes_it_on(iam, server, user, role, key):
    """In the caller's own policy as in the role's. Source: IAM user guide, "Controlling access to … using tags"."""
    name, access_key = user
    roles = {stage: arn(role(Tags=[{"Key": "stage", "Value": stage}])) for stage in ("dev", "prod")}
    own = {"Effect": "Allow", "Action": "sts:*", "Resource": "*", "Condition": {"StringEquals": {key: "dev"}}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [own]})
    iam.put_user_policy(UserName=name, PolicyName="sts", PolicyDocument=document)
    sts = server.aws("sts", key=access_key)

    assert sts.assume_role(RoleArn=roles["dev"], RoleSessionName="run-1")["Credentials"]
    with refused("AccessDenied"):
        sts.assume_role(RoleArn=roles["prod"], RoleSessionName="run-1")
    closed = trust(f"arn:aws:iam::{ACCOUNT}:user/{name}", StringNotEquals={key: "dev"})
    iam.update_assume_role_policy(RoleName=roles["dev"].rpartition("/")[2], PolicyDocument=closed)
    with refused("AccessDenied"):
        sts.assume_role(RoleArn=roles["dev"], RoleSessionName="run-1")
    iam.untag_role(RoleName=roles["dev"].rpartition("/")[2], TagKeys=["stage"])
    assert sts.assume_role(RoleArn=roles["dev"], RoleSessionName="run-1")["Credentials"]


def test_a_role_says_how_long_its_sessions_last_at_most(sts, role):
    long = role(MaxSessionDuration=7200)

    sts.assume_role(RoleArn=arn(long), RoleSessionName="run-1", DurationSeconds=7200)
    with refused("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."):
        sts.assume_role(RoleArn=arn(long), RoleSessionName="run-1", DurationSeconds=7201)
    for wrong in (899, 43_201):
        with refused("ValidationError"):
            sts.assume_role(RoleArn=arn(long), RoleSessionName="run-1", DurationSeconds=wrong)


def test_a_role_that_takes_on_a_role_does_so_for_an_hour(server, sts, role):
    first, second = role(policy=STS_ALL), role(MaxSessionDuration=7200)
    chained = session_client(server, "sts", sts.assume_role(RoleArn=arn(first), RoleSessionName="one")["Credentials"])

    chained.assume_role(RoleArn=arn(second), RoleSessionName="two", DurationSeconds=3600)
    with refused(
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    ):
        chained.assume_role(RoleArn=arn(second), RoleSessionName="two", DurationSeconds=3601)


def test_a_source_identity_stays_for_the_whole_chain(server, sts, role):
    first, second = (
        role(policy=STS_ALL),
        role(AssumeRolePolicyDocument=trust(ACCOUNT, StringEquals={"sts:SourceIdentity": "ann"})),
    )
    answer = sts.assume_role(RoleArn=arn(first), RoleSessionName="one", SourceIdentity="ann")
    chained = session_client(server, "sts", answer["Credentials"])

    assert answer["SourceIdentity"] == "ann"
    assert chained.assume_role(RoleArn=arn(second), RoleSessionName="two")["SourceIdentity"] == "ann"
    with refused("AccessDenied"):
        chained.assume_role(RoleArn=arn(second), RoleSessionName="two", SourceIdentity="bob")


def test_policies_of_a_session_are_judged_and_weighed(sts, role):
    wish = {"RoleArn": arn(role()), "RoleSessionName": "run-1"}

    assert 0 < sts.assume_role(**wish, Policy=TEXT)["PackedPolicySize"] < 10
    assert sts.assume_role(**wish, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}])
    with refused("MalformedPolicyDocument"):
        sts.assume_role(**wish, Policy='{"Version": "2012-10-17"')
    with refused("MalformedPolicyDocument"):
        sts.assume_role(**wish, Policy=trust(ACCOUNT))
    with refused("ValidationError"):
        sts.assume_role(**wish, PolicyArns=[{"arn": f"arn:aws:iam::{ACCOUNT}:policy/there-is-none"}])
    with refused("ValidationError"):
        sts.assume_role(**wish, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}] * 11)
    with refused(
        "ValidationError",
        f"1 validation error detected: Value '{TEXT:<2049}' at 'policy' failed to satisfy constraint: "
        "Member must have length less than or equal to 2048",
    ):
        sts.assume_role(**wish, Policy=f"{TEXT:<2049}")
    assert sts.assume_role(**wish, Policy=f"{TEXT:<2048}")


def test_abuse_07_which_policies_another_account_has_is_told_to_who_is_trusted_there(server, sts):
    """A name in a wish for a session must not tell more than the wish is granted."""
    there = new_account(server)
    theirs = server.aws("iam", key=there.key)
    theirs.create_role(RoleName="closed", AssumeRolePolicyDocument=trust(there.id))
    arns = [theirs.create_policy(PolicyName="kept", PolicyDocument=TEXT)["Policy"]["Arn"]]
    arns.append(arns[0].replace("kept", "none"))

    for arn in arns:
        with refused("AccessDenied") as answer:
            sts.assume_role(
                RoleArn=f"arn:aws:iam::{there.id}:role/closed", RoleSessionName="run-1", PolicyArns=[{"arn": arn}]
            )
        assert answer["Error"]["Message"].endswith(NOT_TRUSTED)


def test_a_token_is_made_as_long_as_is_asked_for(server, sts, role):
    answer = sts.assume_role(RoleArn=arn(role()), RoleSessionName="run-1", MinimumSessionTokenSize=4096)

    assert 4090 <= len(answer["Credentials"]["SessionToken"]) <= 4096
    assert answer["SessionTokenUtilization"] == 100
    assert session_client(server, "sts", answer["Credentials"]).get_caller_identity()["Account"] == ACCOUNT


def test_nobody_has_a_device_for_codes(sts, role):
    with refused("AccessDenied"):
        sts.assume_role(
            RoleArn=arn(role()),
            RoleSessionName="run-1",
            SerialNumber=f"arn:aws:iam::{ACCOUNT}:mfa/ann",
            TokenCode="123456",
        )
    with refused("AccessDenied"):
        sts.get_session_token(SerialNumber=f"arn:aws:iam::{ACCOUNT}:mfa/ann", TokenCode="123456")


def test_a_user_gets_credentials_of_its_own_that_open_neither_iam_nor_much_of_sts(server, user, sts, role):
    answer = sts.get_session_token()

    ours = session_client(server, "sts", answer["Credentials"])
    assert abs(answer["Credentials"]["Expiration"] - datetime.now(UTC) - timedelta(hours=12)) < timedelta(minutes=1)
    assert ours.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{user[0]}"
    ours.assume_role(RoleArn=arn(role()), RoleSessionName="run-1")
    for operation, arguments in (("get_session_token", {}), ("get_federation_token", {"Name": "ann"})):
        with refused("AccessDenied") as refusal:
            getattr(ours, operation)(**arguments)
        assert refusal["Error"]["Message"].endswith("with session credentials")
    with refused("InvalidClientTokenId", "The security token included in the request is invalid."):
        session_client(server, "iam", answer["Credentials"]).get_user()


def test_a_session_of_a_role_gets_no_credentials_of_a_user(server, sts, role):
    answer = sts.assume_role(RoleArn=arn(role(policy=STS_ALL)), RoleSessionName="run-1")

    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials"):
        session_client(server, "sts", answer["Credentials"]).get_session_token()


def test_the_root_user_gets_an_hour(server):
    expiry = server.aws("sts").get_session_token(DurationSeconds=7200)["Credentials"]["Expiration"]

    assert abs(expiry - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)


def test_a_federated_user_is_somebody_of_the_users_own(server, sts):
    answer = sts.get_federation_token(Name="ann", Policy=TEXT, Tags=[{"Key": "team", "Value": "a"}])

    federated = f"arn:aws:sts::{ACCOUNT}:federated-user/ann"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:ann", "Arn": federated}
    theirs = session_client(server, "sts", answer["Credentials"])
    assert theirs.get_caller_identity()["Arn"] == federated
    with refused("AccessDenied"):
        theirs.assume_role(RoleArn=arn("any"), RoleSessionName="run-1")
    with refused("InvalidClientTokenId"):
        session_client(server, "iam", answer["Credentials"]).get_user(UserName="ann")


@pytest.mark.parametrize("changed", ["AccessKeyId", "SecretAccessKey", "SessionToken"])
def test_credentials_of_two_sessions_cannot_be_mixed(server, sts, role, changed):
    name = role()
    one, other = (sts.assume_role(RoleArn=arn(name), RoleSessionName="x1")["Credentials"] for _ in range(2))
    code = "SignatureDoesNotMatch" if changed == "SecretAccessKey" else "InvalidClientTokenId"

    with refused(code) as refusal:
        session_client(server, "sts", {**one, changed: other[changed]}).get_caller_identity()

    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_key_of_a_user_takes_no_token_and_that_of_a_session_needs_one(server, sts, user, role):
    made = sts.assume_role(RoleArn=arn(role()), RoleSessionName="run-1")["Credentials"]
    own = {"AccessKeyId": user[1][0], "SecretAccessKey": user[1][1], "SessionToken": made["SessionToken"]}

    with refused("InvalidClientTokenId"):
        session_client(server, "sts", own).get_caller_identity()
    with refused("InvalidClientTokenId"):
        session_client(server, "sts", {**made, "SessionToken": None}).get_caller_identity()


def test_a_session_ends_with_its_role_and_so_does_its_login(iam, server, sts, role):
    name = role(policy=SOME)
    made = sts.assume_role(RoleArn=arn(name), RoleSessionName="run-1")["Credentials"]
    password = server_password(session_client(server, "ecr", made))
    assert Registry(server.url, password)("GET", "/v2/").status == 200

    iam.delete_role_policy(RoleName=name, PolicyName="own")
    iam.delete_role(RoleName=name)

    with refused("InvalidClientTokenId"):
        session_client(server, "sts", made).get_caller_identity()
    assert Registry(server.url, password, address="127.0.0.2")("GET", "/v2/").status == 401


def server_password(ecr):
    import base64

    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]


def test_the_account_of_a_key_can_be_asked_for(server, user, sts, role):
    made = sts.assume_role(RoleArn=arn(role()), RoleSessionName="run-1")["Credentials"]

    assert sts.get_access_key_info(AccessKeyId=user[1][0])["Account"] == ACCOUNT
    assert sts.get_access_key_info(AccessKeyId=made["AccessKeyId"])["Account"] == ACCOUNT
    with refused("ValidationError"):
        sts.get_access_key_info(AccessKeyId="AKIAAAAAAAAAAAAAAAAA")


def test_what_is_no_message_is_not_decoded(sts):
    with refused("InvalidAuthorizationMessageException", "Message is not valid"):
        sts.decode_authorization_message(EncodedMessage="rg1_AAAA")


# Web identities: this module's own provider, whose keys are given because nothing is fetched in a test.


@pytest.fixture(scope="module")
def issuer(server, iam):
    made = Issuer("https://ci.example.com/jobs")
    arn = iam.create_open_id_connect_provider(Url=made.url, ClientIDList=["sts.amazonaws.com"])
    runtime = open_runtime(load({"data": str(server.data)}, server.settings))
    try:
        runtime.database.write(
            lambda tx: providers.set_jwks(tx, providers.get(tx, ACCOUNT, arn["OpenIDConnectProviderArn"]), made.jwks)
        )
    finally:
        runtime.database.close()
    return made


@pytest.fixture(scope="module")
def anybody(server):
    """STS for those who have no credentials."""
    config = Config(retries={"max_attempts": 0}, parameter_validation=False, signature_version=UNSIGNED)
    return boto3.client("sts", endpoint_url=server.url, region_name=REGION, config=config)


def web_trust(actions=("sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"), **condition):
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/ci.example.com/jobs"},
        "Action": list(actions),
        "Condition": condition or {"StringEquals": {"ci.example.com/jobs:sub": "repo:acme/shop:ref:refs/heads/main"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def claims(issuer, **more):
    now = int(time.time())
    basic = {"iss": issuer.url, "sub": "repo:acme/shop:ref:refs/heads/main", "aud": "sts.amazonaws.com"}
    return {**basic, "exp": now + 300, "iat": now, "nbf": now, **more}


def test_the_bearer_of_a_token_takes_on_a_role_without_any_key(anybody, issuer, server, role):
    name = role(AssumeRolePolicyDocument=web_trust(), policy=SOME)

    answer = anybody.assume_role_with_web_identity(
        RoleArn=arn(name), RoleSessionName="job-1", WebIdentityToken=issuer.sign(claims(issuer))
    )

    assert answer["SubjectFromWebIdentityToken"] == "repo:acme/shop:ref:refs/heads/main"
    assert answer["Audience"] == "sts.amazonaws.com"
    assert answer["Provider"] == f"arn:aws:iam::{ACCOUNT}:oidc-provider/ci.example.com/jobs"
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/job-1"
    who = session_client(server, "sts", answer["Credentials"]).get_caller_identity()
    assert who["Arn"] == answer["AssumedRoleUser"]["Arn"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sub": "repo:acme/other:ref:refs/heads/main"}, "AccessDenied"),
        ({"iss": "https://ci.example.com"}, "InvalidIdentityToken"),
        ({"iss": "http://ci.example.com/jobs"}, "InvalidIdentityToken"),
        ({"iss": "https://ci.example.com/jobs/"}, "InvalidIdentityToken"),
        ({"iss": None}, "InvalidIdentityToken"),
        ({"aud": "other"}, "InvalidIdentityToken"),
        ({"exp": 1}, "ExpiredTokenException"),
        ({"https://aws.amazon.com/source_identity": 5}, "InvalidIdentityToken"),
        ({"https://aws.amazon.com/tags": {"principal_tags": ["a"]}}, "InvalidParameterValue"),
        ({"https://aws.amazon.com/tags": {"principal_tags": {"a": ["1", "2"]}}}, "InvalidParameterValue"),
    ],
)
def test_abuse_34_a_token_that_is_not_for_this_role_is_refused(anybody, issuer, role, changed, code):
    name = role(AssumeRolePolicyDocument=web_trust())

    with refused(code) as refusal:
        anybody.assume_role_with_web_identity(
            RoleArn=arn(name), RoleSessionName="job-1", WebIdentityToken=issuer.sign(claims(issuer, **changed))
        )

    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == (403 if code == "AccessDenied" else 400)


def test_abuse_07_a_role_that_is_not_there_is_refused_as_one_that_does_not_trust(anybody, issuer, role):
    answers = []
    for wanted in (role(), role(AssumeRolePolicyDocument=web_trust(actions=["sts:TagSession"])), "there-is-none"):
        with refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity") as refusal:
            anybody.assume_role_with_web_identity(
                RoleArn=arn(wanted), RoleSessionName="job-1", WebIdentityToken=issuer.sign(claims(issuer))
            )
        answers.append(refusal["Error"])

    assert answers[0] == answers[1] == answers[2]


def test_a_provider_counts_in_its_own_account_only(anybody, issuer):
    with refused(
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account for https://ci.example.com/jobs",
    ):
        anybody.assume_role_with_web_identity(
            RoleArn="arn:aws:iam::210987654321:role/deployer",
            RoleSessionName="job-1",
            WebIdentityToken=issuer.sign(claims(issuer)),
        )


def test_claims_of_a_job_are_condition_keys(anybody, issuer, role):
    wanted = {
        "StringEquals": {"ci.example.com/jobs:repository": "acme/shop", "ci.example.com/jobs:ref_protected": "true"}
    }
    name = role(AssumeRolePolicyDocument=web_trust(**wanted))
    ask = {"RoleArn": arn(name), "RoleSessionName": "job-1"}

    anybody.assume_role_with_web_identity(
        **ask, WebIdentityToken=issuer.sign(claims(issuer, repository="acme/shop", ref_protected=True))
    )
    with refused("AccessDenied"):
        anybody.assume_role_with_web_identity(
            **ask, WebIdentityToken=issuer.sign(claims(issuer, repository="acme/shop", ref_protected=False))
        )


def test_a_provider_can_set_tags_and_a_source_identity(anybody, issuer, role):
    wanted = {"StringEquals": {"aws:RequestTag/team": "a", "sts:SourceIdentity": "ann"}}
    name = role(AssumeRolePolicyDocument=web_trust(**wanted))
    more = {
        "https://aws.amazon.com/tags": {"principal_tags": {"team": ["a"]}, "transitive_tag_keys": ["team"]},
        "https://aws.amazon.com/source_identity": "ann",
    }

    answer = anybody.assume_role_with_web_identity(
        RoleArn=arn(name), RoleSessionName="job-1", WebIdentityToken=issuer.sign(claims(issuer, **more))
    )

    assert answer["SourceIdentity"] == "ann"
    assert answer["PackedPolicySize"] > 0


def test_no_other_operation_can_be_asked_without_a_signature(anybody):
    for operation, arguments in (
        ("get_caller_identity", {}),
        ("get_session_token", {}),
        ("assume_role", {"RoleArn": arn("any"), "RoleSessionName": "run-1"}),
    ):
        with refused("MissingAuthenticationToken", "Request is missing Authentication Token"):
            getattr(anybody, operation)(**arguments)
