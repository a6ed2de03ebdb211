"""Access keys by the API. Source: IAM API reference; IAM user guide, "Managing access keys for IAM users"."""

import pytest
from botocore.exceptions import ClientError

from tests.support.api import refused

NOBODYS = "AKIAAAAAAAAAAAAAAAAA"


@pytest.fixture(scope="module")
def iam(server, account):
    """IAM as the root user of an account of this module's own."""
    return server.aws("iam", key=account.key)


@pytest.fixture
def user(iam, request):
    """The name of a new user."""
    name = f"k{abs(hash(request.node.nodeid)):x}"
    iam.create_user(UserName=name)
    return name


def pair(key):
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_a_new_key_signs_and_is_listed_without_its_secret(server, iam, account, user):
    made = iam.create_access_key(UserName=user)["AccessKey"]

    assert (made["UserName"], made["Status"]) == (user, "Active")
    assert made["AccessKeyId"].startswith("AKIA")
    whoami = server.aws("sts", key=pair(made)).get_caller_identity()
    assert whoami["Arn"] == f"arn:aws:iam::{account.id}:user/{user}"
    listed = iam.list_access_keys(UserName=user)
    del made["SecretAccessKey"]
    assert listed["AccessKeyMetadata"] == [made]
    assert listed["IsTruncated"] is False


def test_a_user_has_two_keys_at_most(iam, user):
    for _ in range(2):
        iam.create_access_key(UserName=user)

    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2") as answer:
        iam.create_access_key(UserName=user)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_abuse_31_a_key_that_is_switched_off_or_deleted_proves_nothing(server, iam, user):
    made = iam.create_access_key(UserName=user)["AccessKey"]
    sts, key_id = server.aws("sts", key=pair(made)), made["AccessKeyId"]
    sts.get_caller_identity()

    iam.update_access_key(UserName=user, AccessKeyId=key_id, Status="Inactive")
    assert iam.list_access_keys(UserName=user)["AccessKeyMetadata"][0]["Status"] == "Inactive"
    with refused("InvalidClientTokenId"):
        sts.get_caller_identity()

    iam.update_access_key(UserName=user, AccessKeyId=key_id, Status="Active")
    sts.get_caller_identity()

    iam.delete_access_key(UserName=user, AccessKeyId=key_id)
    with refused("InvalidClientTokenId"):
        sts.get_caller_identity()


@pytest.mark.parametrize("whose", ["nobody's", "another's", "the root user's"])
def test_a_key_is_changed_only_under_the_name_of_its_owner(iam, account, user, whose):
    other = f"o{user}"
    iam.create_user(UserName=other)
    key_id = {
        "nobody's": NOBODYS,
        "another's": iam.create_access_key(UserName=other)["AccessKey"]["AccessKeyId"],
        "the root user's": account.key[0],
    }[whose]

    for call in (
        lambda: iam.update_access_key(UserName=user, AccessKeyId=key_id, Status="Inactive"),
        lambda: iam.delete_access_key(UserName=user, AccessKeyId=key_id),
    ):
        with refused("NoSuchEntity", f"The Access Key with id {key_id} cannot be found."):
            call()


@pytest.mark.parametrize("status", ["Expired", "Off", "active"])
def test_a_key_is_active_or_inactive(iam, user, status):
    key_id = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    with pytest.raises(ClientError) as caught:
        iam.update_access_key(UserName=user, AccessKeyId=key_id, Status=status)
    assert caught.value.response["Error"]["Code"] == ("InvalidInput" if status == "Expired" else "ValidationError")
    assert iam.list_access_keys(UserName=user)["AccessKeyMetadata"][0]["Status"] == "Active"


def test_the_root_user_has_keys_of_its_own(server, account):
    root = server.aws("iam", key=account.key)

    made = root.create_access_key()["AccessKey"]

    assert {key["AccessKeyId"] for key in root.list_access_keys()["AccessKeyMetadata"]} == {
        account.key[0],
        made["AccessKeyId"],
    }
    second = server.aws("sts", key=pair(made))
    assert second.get_caller_identity()["Arn"] == f"arn:aws:iam::{account.id}:root"
    root.delete_access_key(AccessKeyId=made["AccessKeyId"])


def test_a_key_that_was_never_used_says_so(iam, user):
    key_id = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]

    used = iam.get_access_key_last_used(AccessKeyId=key_id)

    assert used["UserName"] == user
    assert used["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}


def test_the_last_use_of_nobodys_key_is_not_told(server, iam):
    for key_id in (NOBODYS, server.root_key()[0]):
        with refused("NoSuchEntity", f"The Access Key with id {key_id} cannot be found."):
            iam.get_access_key_last_used(AccessKeyId=key_id)
