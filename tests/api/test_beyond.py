"""Our own service, for what AWS has no operation for: accounts, ending sessions, keys of providers."""

import json
import time

import pytest

from tests.abuse.play import may
from tests.api.test_sts import session_client
from tests.oci.principals import new_account
from tests.support.api import refused
from tests.support.server import ACCOUNT, Server
from tests.support.web_identity import Issuer

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of its own, whose accounts can be counted and which gets an organization."""
    with Server(tmp_path_factory.mktemp("beyond") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def entrepot(server):
    return server.aws("entrepot")


@pytest.fixture(scope="module")
def iam(server):
    return server.aws("iam")


@pytest.fixture
def user(server, iam, request):
    """Make a user of the default account, who may what the statements say; a client of our service as that user."""
    name = f"{abs(hash(request.node.name)):x}"

    def make(*statements):
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="it", PolicyDocument=document(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return server.aws("entrepot", key=(key["AccessKeyId"], key["SecretAccessKey"]))

    return make


def key_of(made):
    return made["AccessKey"]["AccessKeyId"], made["AccessKey"]["SecretAccessKey"]


def every(client, size=1000):
    """All accounts, in pages of that size, and how many pages they were."""
    pages = [*client.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": size})]
    return [account["Id"] for page in pages for account in page["Accounts"]], len(pages)


# ── accounts ────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_is_made_with_a_key_of_its_root_user(server, entrepot):
    made = entrepot.create_account(AccountId="111111111111", AccountName="lab")

    assert (made["Account"]["Id"], made["Account"]["Name"]) == ("111111111111", "lab")
    assert abs(made["Account"]["CreateDate"].timestamp() - time.time()) < 60
    identity = server.aws("sts", key=key_of(made)).get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::111111111111:root"
    assert made["Account"] in entrepot.list_accounts()["Accounts"]


def test_an_account_gets_an_id_and_a_name_where_none_are_given(entrepot):
    made = entrepot.create_account()["Account"]

    assert len(made["Id"]) == 12
    assert made["Name"] == made["Id"]
    assert made["Id"] in every(entrepot)[0]


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"AccountId": "1"}, "ValidationException", "'1' cannot be the id of an account: it must be twelve digits."),
        (
            {"AccountName": "a/b"},
            "ValidationException",
            "'a/b' cannot be the name of an account: use 1 to 50 of A-Z a-z 0-9 _+=,.@- and blank.",
        ),
        ({"AccountId": ACCOUNT}, "EntityAlreadyExistsException", f"Account with name {ACCOUNT} already exists."),
        ({"AccountName": ACCOUNT}, "EntityAlreadyExistsException", f"Account with name {ACCOUNT} already exists."),
    ],
)
def test_an_account_that_cannot_be_is_refused(entrepot, members, code, message):
    before = every(entrepot)

    with refused(code, message):
        entrepot.create_account(**members)

    assert every(entrepot) == before


def test_accounts_are_listed_in_pages_by_id(entrepot):
    for number in range(3):
        entrepot.create_account(AccountId=f"00000000000{number}")

    listed, pages = every(entrepot, size=2)

    assert listed == sorted(set(listed))
    assert {"000000000000", "000000000001", "000000000002", ACCOUNT} <= set(listed)
    assert pages == -(-len(listed) // 2)
    assert every(entrepot) == (listed, 1)


def test_a_marker_is_for_whom_it_was_given(entrepot, user):
    marker = entrepot.list_accounts(MaxItems=1)["Marker"]
    other = user(EVERYTHING)

    for wrong in (marker, "x"):
        with refused("ValidationException", "Invalid Marker."):
            other.list_accounts(Marker=wrong)
    with refused("ValidationException"):
        other.list_accounts(MaxItems=1001)


def test_an_account_joins_the_organization_by_a_right_of_its_own(server, entrepot, user):
    limited = user({**EVERYTHING, "Action": ["entrepot:CreateAccount", "organizations:CreateAccount"]})
    before = every(entrepot)
    with refused("AWSOrganizationsNotInUseException", "Your account is not a member of an organization."):
        entrepot.create_account(JoinOrganization=True)
    assert every(entrepot) == before
    organizations = server.aws("organizations")
    organizations.create_organization()

    with refused("AccessDeniedException") as answer:
        limited.create_account(JoinOrganization=True)
    assert "is not authorized to perform: organizations:InviteAccountToOrganization" in answer["Error"]["Message"]
    outside = limited.create_account(JoinOrganization=False)["Account"]["Id"]
    inside = entrepot.create_account(JoinOrganization=True)["Account"]["Id"]

    members = {account["Id"]: account for account in organizations.list_accounts()["Accounts"]}
    assert outside not in members
    assert members[inside]["JoinedMethod"] == "INVITED"


def test_accounts_are_the_default_accounts_business(server, entrepot):
    """Whatever somebody of another account may there: it is asked for what is not its own."""
    made = entrepot.create_account()
    account, key = made["Account"]["Id"], key_of(made)
    iam = server.aws("iam", key=key)
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    iam.create_user(UserName="admin")
    role = iam.create_role(RoleName="admin", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_user_policy(UserName="admin", PolicyName="it", PolicyDocument=document(EVERYTHING))
    iam.put_role_policy(RoleName="admin", PolicyName="it", PolicyDocument=document(EVERYTHING))
    theirs = iam.create_access_key(UserName="admin")["AccessKey"]
    admin = (theirs["AccessKeyId"], theirs["SecretAccessKey"])
    session = server.aws("sts", key=admin).assume_role(RoleArn=role, RoleSessionName="run")["Credentials"]
    clients = {
        f"arn:aws:iam::{account}:root": server.aws("entrepot", key=key),
        f"arn:aws:iam::{account}:user/admin": server.aws("entrepot", key=admin),
        f"arn:aws:sts::{account}:assumed-role/admin/run": session_client(server, "entrepot", session),
    }
    before = every(entrepot)

    for arn, client in clients.items():
        for operation, call in (("CreateAccount", client.create_account), ("ListAccounts", client.list_accounts)):
            told = (
                f"User: {arn} is not authorized to perform: entrepot:{operation} on resource: "
                f"arn:aws:entrepot::{ACCOUNT}:account/* because no resource-based policy allows the "
                f"entrepot:{operation} action"
            )
            with refused("AccessDeniedException", told):
                call()
    assert every(entrepot) == before


def test_a_policy_can_speak_of_one_account(entrepot, user):
    one = f"arn:aws:entrepot::{ACCOUNT}:account/222222222222"
    limited = user({**EVERYTHING, "Resource": one})

    for members in ({}, {"AccountId": ""}, {"AccountId": "*"}, {"AccountId": "333333333333"}):
        with refused("AccessDeniedException"):
            limited.create_account(**members)

    assert limited.create_account(AccountId="222222222222")["Account"]["Id"] == "222222222222"


# ── sessions ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def abroad(server):
    """Clients of another account's root user, by service."""
    key = new_account(server).key
    return lambda service: server.aws(service, key=key)


def role_session(iam, sts, name):
    """A session of a role, made if need be by a user of the same name."""
    account = iam.create_user(UserName=name)["User"]["Arn"].split(":")[4]
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="it", PolicyDocument=document(EVERYTHING))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    client = sts(key=(key["AccessKeyId"], key["SecretAccessKey"]))
    return {
        "role": client.assume_role(RoleArn=role, RoleSessionName="run")["Credentials"],
        "user": client.get_session_token()["Credentials"],
    }


def works(server, credentials):
    return may(session_client(server, "sts", credentials).get_caller_identity)


def test_sessions_of_a_role_or_a_user_end_in_the_callers_account_alone(server, entrepot, iam, abroad):
    def sts(key):
        return server.aws("sts", key=key)

    here, there = role_session(iam, sts, "ci"), role_session(abroad("iam"), sts, "ci")

    entrepot.revoke_sessions(RoleName="ci")
    assert (works(server, here["role"]), works(server, here["user"])) == (False, True)
    entrepot.revoke_sessions(UserName="ci")
    assert not works(server, here["user"])

    assert works(server, there["role"])
    assert works(server, there["user"])
    abroad("entrepot").revoke_sessions(RoleName="ci")
    assert (works(server, there["role"]), works(server, there["user"])) == (False, True)


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({}, "InvalidInputException", "Give either UserName or RoleName"),
        ({"UserName": "a", "RoleName": "a"}, "InvalidInputException", "Give either UserName or RoleName"),
        ({"UserName": "nobody"}, "NoSuchEntityException", "The user with name nobody cannot be found."),
        ({"RoleName": "nobody"}, "NoSuchEntityException", "The role with name nobody cannot be found."),
        ({"UserName": "a/b"}, "ValidationException", None),
    ],
)
def test_whose_sessions_end_is_said_by_one_name(entrepot, abroad, members, code, message):
    for client in (entrepot, abroad("entrepot")):
        with refused(code, message):
            client.revoke_sessions(**members)


def test_a_policy_can_speak_of_the_users_and_roles_whose_sessions_end(iam, user):
    """By their paths, which requests do not have."""
    iam.create_user(UserName="far", Path="/far/")
    iam.create_user(UserName="near")
    limited = user(
        {**EVERYTHING, "Action": "entrepot:RevokeSessions", "Resource": f"arn:aws:iam::{ACCOUNT}:user/far/*"}
    )

    limited.revoke_sessions(UserName="far")

    for members in ({"UserName": "near"}, {"RoleName": "far"}, {"UserName": "far", "RoleName": "far"}, {}):
        with refused("AccessDeniedException"):
            limited.revoke_sessions(**members)


# ── keys of providers ───────────────────────────────────────────────────────────────────────────────


def test_keys_of_a_provider_are_given_replaced_and_taken_back(server, entrepot, iam, abroad):
    issuer, later = Issuer("https://localhost:9/own"), Issuer("https://localhost:9/own")
    arn = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["us"])["OpenIDConnectProviderArn"]
    trust = {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"}
    role = iam.create_role(RoleName="own-job", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    now = int(time.time())
    claims = {"iss": issuer.url, "sub": "job", "aud": "us", "iat": now, "exp": now + 300}
    sts = server.aws("sts")

    def take(by):
        token = by.sign(claims)
        return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="run", WebIdentityToken=token)

    for giver in (issuer, later):
        entrepot.set_provider_keys(OpenIDConnectProviderArn=arn, KeySet=giver.jwks)
        assert take(giver)["SubjectFromWebIdentityToken"] == "job"
    with refused("AccessDeniedException"):
        abroad("entrepot").set_provider_keys(OpenIDConnectProviderArn=arn, KeySet=issuer.jwks)
    with refused("InvalidInputException", "The JWKS document is no JSON object with 'keys'"):
        entrepot.set_provider_keys(OpenIDConnectProviderArn=arn, KeySet="")
    with refused("InvalidInputException", "The JWKS document has no key that signatures can be verified with"):
        entrepot.set_provider_keys(OpenIDConnectProviderArn=arn, KeySet='{"keys": []}')
    with refused("InvalidIdentityToken"):
        take(issuer)
    assert take(later)
    entrepot.set_provider_keys(OpenIDConnectProviderArn=arn)
    with refused("IDPCommunicationError"):
        take(later)


def test_a_provider_that_is_not_there_has_no_keys(entrepot):
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/none.example"

    with refused("NoSuchEntityException", f"OpenIDConnect Provider not found for arn {arn}"):
        entrepot.set_provider_keys(OpenIDConnectProviderArn=arn, KeySet="{}")
