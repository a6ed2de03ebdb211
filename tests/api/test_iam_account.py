"""What the API says of an account as a whole. Source: IAM API reference; IAM user guide, "credential reports"."""

import csv

import pytest

from tests.oci.principals import new_account
from tests.support.api import refused


@pytest.fixture
def account(server):
    return new_account(server)


@pytest.fixture
def iam(server, account):
    """IAM as the root user of a new account."""
    return server.aws("iam", key=account.key)


def test_an_account_has_one_alias_that_no_other_has(server, iam, account):
    alias = f"lab-{account.id}"
    assert iam.list_account_aliases()["AccountAliases"] == []

    iam.create_account_alias(AccountAlias="first-" + alias)
    iam.create_account_alias(AccountAlias=alias)

    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    other = server.aws("iam", key=new_account(server).key)
    with refused("EntityAlreadyExists", f"The account alias {alias} already exists."):
        other.create_account_alias(AccountAlias=alias)
    with refused("NoSuchEntity", f"The account alias {alias} cannot be found."):
        other.delete_account_alias(AccountAlias=alias)

    iam.delete_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == []
    other.create_account_alias(AccountAlias=alias)


@pytest.mark.parametrize("alias", ["ab", "-abc", "abc-", "a--b", "ABC", "a" * 64, "a.b"])
def test_an_alias_outside_the_grammar_is_refused(iam, alias):
    with refused("ValidationError"):
        iam.create_account_alias(AccountAlias=alias)


def test_a_summary_counts_what_there_is(iam):
    before = iam.get_account_summary()["SummaryMap"]
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="all")
    iam.create_open_id_connect_provider(Url="https://issuer.example")

    after = iam.get_account_summary()["SummaryMap"]

    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "Users": 1,
        "Groups": 1,
        "Providers": 1,
    }
    assert (after["AccountAccessKeysPresent"], after["UsersQuota"], after["AccessKeysPerUserQuota"]) == (1, 5000, 2)
    assert after["AccountMFAEnabled"] == 0


def test_a_credential_report_has_a_line_for_root_and_for_each_user(iam, account):
    with refused("ReportNotPresent") as answer:
        iam.get_credential_report()
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 410
    iam.create_user(UserName="ann", Path="/x/")
    iam.create_user(UserName="bob")
    iam.create_login_profile(UserName="ann", Password="Passw0rd!")
    iam.update_account_password_policy(MaxPasswordAge=1)
    first = iam.create_access_key(UserName="ann")["AccessKey"]
    iam.update_access_key(UserName="ann", AccessKeyId=first["AccessKeyId"], Status="Inactive")
    iam.create_access_key(UserName="ann")

    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()

    assert report["ReportFormat"] == "text/csv"
    root, ann, bob = csv.DictReader(report["Content"].decode().split("\n"))
    assert (root["user"], root["arn"]) == ("<root_account>", f"arn:aws:iam::{account.id}:root")
    assert (root["access_key_1_active"], root["access_key_2_active"]) == ("true", "false")
    assert ann["arn"] == f"arn:aws:iam::{account.id}:user/x/ann"
    assert (ann["password_enabled"], ann["password_last_used"]) == ("true", "no_information")
    assert ann["password_next_rotation"] > ann["password_last_changed"]
    assert (ann["access_key_1_active"], ann["access_key_2_active"]) == ("false", "true")
    assert ann["access_key_1_last_used_date"] == "N/A"
    assert (bob["password_enabled"], bob["password_last_changed"], bob["access_key_1_active"]) == (
        "false",
        "N/A",
        "false",
    )
    assert all(None not in line and None not in line.values() for line in (root, ann, bob))
