"""Providers whose keys are fetched: a provider on this machine, which the operator has named."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from tests.support.api import refused
from tests.support.https import https
from tests.support.server import ACCOUNT, Server
from tests.support.web_identity import Issuer


@pytest.fixture(scope="module")
def pages():
    """What the provider answers, by path."""
    return {}


@pytest.fixture(scope="module")
def provider(tmp_path_factory, pages):
    def answer(path):
        return (200, {}, pages[path]) if path in pages else (404, {}, b"")

    with https(tmp_path_factory.mktemp("provider"), answer) as provider:
        yield provider


@pytest.fixture(scope="module")
def issuer(provider, pages):
    made = Issuer(provider.url)
    configuration = {"issuer": made.url, "jwks_uri": f"{made.url}/keys"}
    pages["/.well-known/openid-configuration"] = json.dumps(configuration).encode()
    pages["/keys"] = made.jwks.encode()
    return made


def start(folder, provider, **settings):
    """A server that trusts the provider's certificate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(provider.certificate))
        return Server(folder / "data", **settings).start()


@pytest.fixture(scope="module")
def server(tmp_path_factory, provider):
    server = start(tmp_path_factory.mktemp("web-identity"), provider, private_hosts="localhost=127.0.0.0/8")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def role(server, issuer):
    return trusting(server, issuer)


def trusting(server, issuer):
    """A role that trusts one job of the provider."""
    iam = server.aws("iam")
    arn = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["sts.amazonaws.com"])
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": arn["OpenIDConnectProviderArn"]},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer.url.removeprefix('https://')}:sub": "repo:acme/shop"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="job", AssumeRolePolicyDocument=document)
    return f"arn:aws:iam::{ACCOUNT}:role/job"


def token(issuer, **header):
    now = int(time.time())
    claims = {"iss": issuer.url, "sub": "repo:acme/shop", "aud": "sts.amazonaws.com", "exp": now + 300, "iat": now}
    return issuer.sign(claims, header=header)


def assume(server, role, web_identity_token):
    return server.aws("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="job-1", WebIdentityToken=web_identity_token
    )


def test_the_keys_of_a_provider_are_fetched_once(server, role, issuer, provider):
    for _ in range(3):
        assume(server, role, token(issuer))

    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]


def test_abuse_34_keys_that_a_token_names_are_not_fetched(server, role, issuer, provider):
    assume(server, role, token(issuer))
    before = len(provider.asked)
    thief = Issuer(issuer.url)

    with refused("InvalidIdentityToken"):
        assume(server, role, token(thief, jku=f"{issuer.url}/theirs", x5u=f"{issuer.url}/theirs"))

    assert len(provider.asked) == before


def test_abuse_36_a_flood_of_unknown_keys_asks_the_provider_no_more(server, role, issuer, provider):
    assume(server, role, token(issuer))
    before = len(provider.asked)

    for number in range(50):
        with refused("InvalidIdentityToken"):
            assume(server, role, token(issuer, kid=f"key-{number}"))

    assert len(provider.asked) == before


def test_abuse_40_a_provider_inside_is_not_called_unless_the_operator_names_it(tmp_path, issuer, provider):
    before = len(provider.asked)
    server = start(tmp_path, provider)
    try:
        role = trusting(server, issuer)
        with pytest.raises(ClientError) as caught:
            assume(server, role, token(issuer))
    finally:
        server.stop()

    assert caught.value.response["Error"]["Code"] == "IDPCommunicationError"
    assert "127.0.0.1" not in caught.value.response["Error"]["Message"]
    assert len(provider.asked) == before
