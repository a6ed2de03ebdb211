"""Logins, the registry, account settings, and who one is."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.api import push_layer, refused
from tests.support.server import ACCOUNT, Registry


def test_a_login_password_opens_the_registry_for_twelve_hours(ecr, server):
    before = datetime.now(UTC)

    (data,) = ecr.get_authorization_token()["authorizationData"]

    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert user == "AWS"
    assert data["proxyEndpoint"] == f"http://localhost:{server.port}"
    assert abs(data["expiresAt"] - before - timedelta(hours=12)) < timedelta(minutes=1)
    assert Registry(server.url, password)("GET", "/v2/").status == 200


def test_each_registry_that_is_asked_for_has_an_endpoint_of_its_own(ecr, server):
    data = ecr.get_authorization_token(registryIds=[ACCOUNT, "210987654321"])["authorizationData"]

    assert [each["proxyEndpoint"] for each in data] == [
        f"http://localhost:{server.port}",
        f"http://210987654321.dkr.ecr.us-east-1.localhost:{server.port}",
    ]


def test_the_registry_replicates_nothing_yet(ecr):
    answer = ecr.describe_registry()

    assert (answer["registryId"], answer["replicationConfiguration"]) == (ACCOUNT, {"rules": []})


@pytest.mark.parametrize(
    ("name", "value"),
    [("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE"), ("REGISTRY_POLICY_SCOPE", "V2"), ("BLOB_MOUNTING", "ENABLED")],
)
def test_a_setting_has_its_default(ecr, name, value):
    answer = ecr.get_account_setting(name=name)

    assert (answer["name"], answer["value"]) == (name, value)


def test_mounting_can_be_switched_off(ecr, registry, repository):
    source = f"{repository}/source"
    ecr.create_repository(repositoryName=source)
    digest = push_layer(ecr, source, b"to be mounted")
    mount = f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}"

    assert ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")["value"] == "DISABLED"
    try:
        assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"
        assert registry("POST", mount).status == 202
    finally:
        ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert registry("POST", mount).status == 201


@pytest.mark.parametrize(("name", "value"), [("BLOB_MOUNTING", "MAYBE"), ("NO_SUCH_SETTING", "ENABLED")])
def test_an_unknown_setting_or_value_is_refused(ecr, name, value):
    with refused("ValidationException"):
        ecr.put_account_setting(name=name, value=value)


def test_an_unknown_setting_cannot_be_read(ecr):
    with refused("ValidationException"):
        ecr.get_account_setting(name="NO_SUCH_SETTING")


def test_a_caller_learns_who_it_is(server):
    answer = server.aws("sts").get_caller_identity()

    assert (answer["UserId"], answer["Account"], answer["Arn"]) == (
        ACCOUNT,
        ACCOUNT,
        f"arn:aws:iam::{ACCOUNT}:root",
    )
