"""Passwords by the API. Source: IAM API reference; IAM user guide, "Set an account password policy for IAM users"."""

import pytest

from tests.oci.principals import new_account
from tests.support.api import refused

GOOD = "Passw0rd!"


@pytest.fixture
def iam(server):
    """IAM as the root user of a new account, which has no rules of its own yet."""
    return server.aws("iam", key=new_account(server).key)


@pytest.fixture
def own(server, iam):
    """IAM as the user ann, who has a key."""
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    iam.put_user_policy(
        UserName="ann",
        PolicyName="own",
        PolicyDocument='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}',
    )
    return server.aws("iam", key=(key["AccessKeyId"], key["SecretAccessKey"]))


def test_a_login_profile_comes_changes_and_goes(iam):
    iam.create_user(UserName="ann")
    with refused("NoSuchEntity", "Login Profile for User ann cannot be found."):
        iam.get_login_profile(UserName="ann")

    made = iam.create_login_profile(UserName="ann", Password=GOOD, PasswordResetRequired=True)["LoginProfile"]
    assert (made["UserName"], made["PasswordResetRequired"]) == ("ann", True)
    assert iam.get_login_profile(UserName="ann")["LoginProfile"] == made
    with refused("EntityAlreadyExists", "Login Profile for user ann already exists."):
        iam.create_login_profile(UserName="ann", Password=GOOD)

    iam.update_login_profile(UserName="ann", PasswordResetRequired=False)
    changed = iam.get_login_profile(UserName="ann")["LoginProfile"]
    assert (changed["CreateDate"], changed["PasswordResetRequired"]) == (made["CreateDate"], False)

    iam.delete_login_profile(UserName="ann")
    for call in (iam.get_login_profile, iam.delete_login_profile, iam.update_login_profile):
        with refused("NoSuchEntity", "Login Profile for User ann cannot be found."):
            call(UserName="ann")


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("Pass0!", "Password should have a minimum length of 8"),
        (
            "password1",
            "Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols",
        ),
    ],
)
def test_without_rules_of_its_own_an_account_has_the_usual_ones(iam, password, message):
    iam.create_user(UserName="ann")
    with refused("PasswordPolicyViolation", message) as answer:
        iam.create_login_profile(UserName="ann", Password=password)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    with refused("NoSuchEntity"):
        iam.get_login_profile(UserName="ann")


@pytest.mark.parametrize(
    ("rule", "password", "message"),
    [
        ({"MinimumPasswordLength": 10}, "Passw0rd!", "Password should have a minimum length of 10"),
        ({"RequireSymbols": True}, "Passw0rd", "Password should have at least one symbol"),
        ({"RequireNumbers": True}, "Password!", "Password should have at least one number"),
        ({"RequireUppercaseCharacters": True}, "passw0rd!", "Password should have at least one uppercase letter"),
        ({"RequireLowercaseCharacters": True}, "PASSW0RD!", "Password should have at least one lowercase letter"),
    ],
)
def test_the_rules_of_an_account_hold_for_new_passwords(iam, rule, password, message):
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password=GOOD)
    iam.update_account_password_policy(**rule)

    with refused("PasswordPolicyViolation", message):
        iam.update_login_profile(UserName="ann", Password=password)
    iam.update_login_profile(UserName="ann", Password="Passw0rd!Passw0rd!")


def test_rules_are_replaced_as_a_whole_and_taken_away(iam, server):
    with refused("NoSuchEntity") as answer:
        iam.get_account_password_policy()
    account = server.aws("sts", key=_key(iam)).get_caller_identity()["Account"]
    assert answer["Error"]["Message"] == f"The Password Policy with domain name {account} cannot be found."

    iam.update_account_password_policy(
        MaxPasswordAge=90, PasswordReusePrevention=5, HardExpiry=True, RequireSymbols=True
    )
    full = iam.get_account_password_policy()["PasswordPolicy"]
    assert full == {
        "MinimumPasswordLength": 6,
        "RequireSymbols": True,
        "RequireNumbers": False,
        "RequireUppercaseCharacters": False,
        "RequireLowercaseCharacters": False,
        "AllowUsersToChangePassword": False,
        "ExpirePasswords": True,
        "MaxPasswordAge": 90,
        "PasswordReusePrevention": 5,
        "HardExpiry": True,
    }

    iam.update_account_password_policy(MinimumPasswordLength=12)
    replaced = iam.get_account_password_policy()["PasswordPolicy"]
    assert (replaced["MinimumPasswordLength"], replaced["RequireSymbols"]) == (12, False)
    assert replaced["ExpirePasswords"] is False
    assert not replaced.keys() & {"MaxPasswordAge", "PasswordReusePrevention", "HardExpiry"}

    iam.delete_account_password_policy()
    with refused("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found."):
        iam.delete_account_password_policy()


def _key(iam):
    credentials = iam._request_signer._credentials
    return credentials.access_key, credentials.secret_key


@pytest.mark.parametrize(
    ("member", "value"), [("MinimumPasswordLength", 5), ("MaxPasswordAge", 1096), ("PasswordReusePrevention", 25)]
)
def test_rules_out_of_bounds_are_refused(iam, member, value):
    with refused("ValidationError"):
        iam.update_account_password_policy(**{member: value})
    with refused("NoSuchEntity"):
        iam.get_account_password_policy()


def test_users_change_their_own_password_when_they_know_the_old_one(iam, own):
    with refused("NoSuchEntity", "Login Profile for User ann cannot be found."):
        own.change_password(OldPassword=GOOD, NewPassword="Another1!")
    iam.create_login_profile(UserName="ann", Password=GOOD, PasswordResetRequired=True)

    with refused("AccessDenied", "The old password was incorrect."):
        own.change_password(OldPassword="Wrong-0ne", NewPassword="Another1!")
    with refused("PasswordPolicyViolation"):
        own.change_password(OldPassword=GOOD, NewPassword="short")
    own.change_password(OldPassword=GOOD, NewPassword="Another1!")

    assert iam.get_login_profile(UserName="ann")["LoginProfile"]["PasswordResetRequired"] is False
    with refused("AccessDenied", "The old password was incorrect."):
        own.change_password(OldPassword=GOOD, NewPassword="Third-0ne")


def test_an_account_may_let_all_its_users_change_their_password(iam, own):
    iam.create_login_profile(UserName="ann", Password=GOOD)
    iam.delete_user_policy(UserName="ann", PolicyName="own")
    with refused("AccessDenied") as answer:
        own.change_password(OldPassword=GOOD, NewPassword="Another1!")
    assert "because no identity-based policy allows the iam:ChangePassword action" in answer["Error"]["Message"]

    iam.update_account_password_policy(AllowUsersToChangePassword=True)
    own.change_password(OldPassword=GOOD, NewPassword="Another1!")

    denial = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:ChangePassword","Resource":"*"}}'
    iam.put_user_policy(UserName="ann", PolicyName="not", PolicyDocument=denial)
    with refused("AccessDenied") as answer:
        own.change_password(OldPassword="Another1!", NewPassword=GOOD)
    assert "with an explicit deny in an identity-based policy" in answer["Error"]["Message"]


def test_who_is_no_user_has_no_password_to_change(iam):
    with refused("InvalidUserType"):
        iam.change_password(OldPassword=GOOD, NewPassword="Another1!")


def test_old_passwords_are_not_taken_again_for_so_many_changes(iam, own):
    iam.update_account_password_policy(PasswordReusePrevention=2)
    iam.create_login_profile(UserName="ann", Password="First-0ne")
    own.change_password(OldPassword="First-0ne", NewPassword="Second-0ne")

    for again in ("First-0ne", "Second-0ne"):
        with refused("PasswordPolicyViolation"):
            own.change_password(OldPassword="Second-0ne", NewPassword=again)
    own.change_password(OldPassword="Second-0ne", NewPassword="Third-0ne")
    own.change_password(OldPassword="Third-0ne", NewPassword="First-0ne")


def test_abuse_44_a_password_is_kept_as_a_hash_only(server, iam):
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="Canary-0ne!")

    kept = [row[0] for row in server.sql("select hash from login_profiles")]
    assert kept
    assert all(each.startswith("scrypt 14 8 5 ") for each in kept)
    assert not any("Canary" in each for each in kept)
    assert "Canary" not in server.log.read_text()
