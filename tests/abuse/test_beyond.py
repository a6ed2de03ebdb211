"""
Our own service gives nobody more than policies that were written for AWS meant to: security-design 9, row 25.

Whoever may make accounts has the keys of their root users, and whoever sets the keys of a provider can sign tokens for
every role that trusts it.
"""

import json
from typing import Any

import pytest

from tests.abuse.play import Person, Statement, allow, may, policy
from tests.support.server import ACCOUNT, Server
from tests.support.web_identity import Issuer

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example"
KEYS = Issuer("https://issuer.example").jwks
OURS = ("entrepot:*", "organizations:CreateAccount", "iam:UpdateOpenIDConnectProviderThumbprint")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of its own: these are people of its default account."""
    with Server(tmp_path_factory.mktemp("beyond") / "data") as server:
        server.aws("iam").create_open_id_connect_provider(Url="https://issuer.example")
        yield server


@pytest.fixture
def person(server, request):
    """Makes somebody of the default account who has some of AWS's policies, or what statements say."""
    iam, name = server.aws("iam"), f"{abs(hash(request.node.name)):x}"

    def make(*statements: Statement, managed: tuple[str, ...] = (), bound: Statement | None = None) -> Person:
        iam.create_user(UserName=name)
        for each in managed:
            iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::aws:policy/{each}")
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="it", PolicyDocument=policy(*statements))
        if bound:
            made = iam.create_policy(PolicyName=name, PolicyDocument=policy(bound))["Policy"]["Arn"]
            iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=made)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Person(server, (key["AccessKeyId"], key["SecretAccessKey"], None))

    return make


def done_by(who: Person) -> set[str]:
    """Which of our operations somebody gets through."""
    calls: dict[str, tuple[Any, dict[str, str]]] = {
        "CreateAccount": (who.entrepot.create_account, {}),
        "ListAccounts": (who.entrepot.list_accounts, {}),
        "RevokeSessions": (who.entrepot.revoke_sessions, {"UserName": "alice"}),
        "SetProviderKeys": (
            who.entrepot.set_provider_keys,
            {"OpenIDConnectProviderArn": PROVIDER, "KeySet": KEYS},
        ),
    }
    return {name for name, (call, members) in calls.items() if may(call, **members)}


@pytest.fixture(autouse=True, scope="module")
def alice(server):
    server.aws("iam").create_user(UserName="alice")


ALL = {"CreateAccount", "ListAccounts", "RevokeSessions", "SetProviderKeys"}
NOTHING: set[str] = set()


@pytest.mark.parametrize(
    ("managed", "does"),
    [
        (("AdministratorAccess",), ALL),
        (("IAMFullAccess", "ReadOnlyAccess", "AmazonEC2ContainerRegistryFullAccess"), NOTHING),
    ],
    ids=["administrator", "every other policy"],
)
def test_abuse_25_of_the_policies_of_aws_only_everything_has_it_in(person, managed, does):
    assert done_by(person(managed=managed)) == does


@pytest.mark.parametrize(
    ("statement", "does"),
    [
        (allow(*OURS), ALL),
        # Source: PowerUserAccess, AWS managed policy reference.
        (
            {"NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
            {"ListAccounts", "RevokeSessions"},
        ),
        (allow("iam:*", "organizations:*", "sts:*"), NOTHING),
        (allow("entrepot:*"), {"ListAccounts", "RevokeSessions"}),
    ],
    ids=["both rights", "all but IAM", "all of IAM", "ours alone"],
)
def test_abuse_25_what_makes_more_of_somebody_needs_our_right_and_that_of_aws(person, statement, does):
    assert done_by(person(statement)) == does


def test_abuse_25_a_boundary_bounds_it(person):
    assert done_by(person(allow("*"), bound=allow("entrepot:ListAccounts", "iam:*"))) == {"ListAccounts"}


def test_abuse_25_a_denial_of_either_right_is_enough(person):
    deny = {**allow("organizations:CreateAccount", "entrepot:SetProviderKeys"), "Effect": "Deny"}

    assert done_by(person(allow("*"), deny)) == ALL - {"CreateAccount", "SetProviderKeys"}


def test_abuse_25_credentials_that_do_not_open_iam_do_not_open_it(person):
    """A key of a new account would outlive them, and so would a token of a provider whose keys are one's own."""
    who = person(allow("*"))
    federated = who.sts.get_federation_token(Name="bob", Policy=policy(allow("*")))

    assert done_by(who.session(who.sts.get_session_token())) == NOTHING
    assert done_by(who.session(federated)) == NOTHING


def test_abuse_25_a_session_does_what_its_own_policy_leaves_it(person, server):
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam, who = server.aws("iam"), person(allow("*"))
    role = iam.create_role(RoleName="deputy", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName="deputy", PolicyName="it", PolicyDocument=policy(allow("*")))

    assert done_by(who.assume(role)) == ALL
    assert done_by(who.assume(role, Policy=policy(allow("entrepot:ListAccounts")))) == {"ListAccounts"}
