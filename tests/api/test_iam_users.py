"""Users by the API. Source: IAM API reference; IAM user guide, "Removing or deactivating an IAM user"."""

import pytest
from botocore.exceptions import ClientError

from tests.oci.principals import new_account
from tests.support.api import refused

ALL = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'


@pytest.fixture(scope="module")
def iam(server, account):
    """IAM as the root user of an account of this module's own."""
    return server.aws("iam", key=account.key)


@pytest.fixture
def user(iam, request):
    """The name of a new user."""
    name = f"u{abs(hash(request.node.nodeid)):x}"
    iam.create_user(UserName=name)
    return name


def plain(answer):
    del answer["ResponseMetadata"]
    return answer


def test_a_new_user_is_shown_with_all_that_it_was_given(iam, account):
    tags = [{"Key": "team", "Value": "red"}, {"Key": "Stage", "Value": ""}]

    made = iam.create_user(UserName="full", Path="/ci/eu/", Tags=tags)["User"]

    assert made["Arn"] == f"arn:aws:iam::{account.id}:user/ci/eu/full"
    assert made["UserId"].startswith("AIDA")
    assert made["Tags"] == tags
    assert iam.get_user(UserName="full")["User"] == made
    (listed,) = [each for each in iam.list_users()["Users"] if each["UserName"] == "full"]
    assert listed == {name: made[name] for name in ("Path", "UserName", "UserId", "Arn", "CreateDate")}


@pytest.mark.parametrize("name", ["{user}", "{upper}"])
def test_a_name_can_be_taken_once_in_any_case(iam, user, name):
    name = name.format(user=user, upper=user.upper())
    with refused("EntityAlreadyExists", f"User with name {name} already exists."):
        iam.create_user(UserName=name)


@pytest.mark.parametrize(
    ("member", "value", "rule"),
    [
        ("userName", "a b", "Member must satisfy regular expression pattern: [\\w+=,.@-]+"),
        ("userName", "a" * 65, "Member must have length less than or equal to 64"),
        ("path", "x", "Member must satisfy regular expression pattern: (\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)"),
    ],
)
def test_a_name_or_a_path_outside_the_grammar_is_refused(iam, member, value, rule):
    arguments = {"UserName": "ok", member[:1].upper() + member[1:]: value}
    message = f"1 validation error detected: Value at '{member}' failed to satisfy constraint: {rule}"
    with refused("ValidationError", message) as answer:
        iam.create_user(**arguments)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("get_user", {}),
        ("update_user", {"NewUserName": "other"}),
        ("delete_user", {}),
        ("tag_user", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("untag_user", {"TagKeys": ["a"]}),
        ("list_user_tags", {}),
        ("create_access_key", {}),
        ("list_access_keys", {}),
        ("update_access_key", {"AccessKeyId": "AKIAAAAAAAAAAAAAAAAA", "Status": "Inactive"}),
        ("delete_access_key", {"AccessKeyId": "AKIAAAAAAAAAAAAAAAAA"}),
        ("create_login_profile", {"Password": "Passw0rd!"}),
        ("get_login_profile", {}),
        ("update_login_profile", {"Password": "Passw0rd!"}),
        ("delete_login_profile", {}),
        ("list_groups_for_user", {}),
        ("list_mfa_devices", {}),
        ("list_signing_certificates", {}),
        ("list_ssh_public_keys", {}),
        ("list_service_specific_credentials", {}),
    ],
)
def test_every_operation_says_which_user_is_missing(iam, operation, more):
    with refused("NoSuchEntity", "The user with name nobody cannot be found.") as answer:
        getattr(iam, operation)(UserName="nobody", **more)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_users_of_other_accounts_are_not_there(server, iam, user):
    stranger = server.aws("iam", key=new_account(server).key)

    assert stranger.list_users()["Users"] == []
    with refused("NoSuchEntity", f"The user with name {user} cannot be found."):
        stranger.get_user(UserName=user)
    stranger.create_user(UserName=user)  # a name is an account's own


def test_without_a_name_the_caller_is_meant(server, iam, account, user):
    key = iam.create_access_key(UserName=user)["AccessKey"]
    own = server.aws("iam", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=ALL)

    assert own.get_user()["User"]["UserName"] == user
    assert own.list_access_keys()["AccessKeyMetadata"][0]["UserName"] == user
    root = iam.get_user()["User"]
    assert (root["UserId"], root["Arn"]) == (account.id, f"arn:aws:iam::{account.id}:root")
    assert "UserName" not in root


def test_a_renamed_user_keeps_its_id_its_keys_and_its_tags(server, iam, account):
    made = iam.create_user(UserName="before", Tags=[{"Key": "a", "Value": "b"}])["User"]
    key = iam.create_access_key(UserName="before")["AccessKey"]

    iam.update_user(UserName="before", NewUserName="after", NewPath="/moved/")

    found = iam.get_user(UserName="after")["User"]
    assert (found["UserId"], found["CreateDate"]) == (made["UserId"], made["CreateDate"])
    assert found["Tags"] == [{"Key": "a", "Value": "b"}]
    own = server.aws("sts", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    assert own.get_caller_identity()["Arn"] == f"arn:aws:iam::{account.id}:user/moved/after"
    with refused("NoSuchEntity", "The user with name before cannot be found."):
        iam.get_user(UserName="before")


def test_a_user_may_change_the_case_of_its_name_but_not_take_anothers(iam, user):
    iam.create_user(UserName="taken")
    iam.update_user(UserName=user, NewUserName=user.upper())

    with refused("EntityAlreadyExists", "User with name Taken already exists."):
        iam.update_user(UserName=user.upper(), NewUserName="Taken")


def test_a_user_goes_only_when_nothing_of_it_is_left(iam, user):
    iam.create_group(GroupName=f"g-{user}")
    iam.add_user_to_group(GroupName=f"g-{user}", UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    iam.create_login_profile(UserName=user, Password="Passw0rd!")

    for what_to_do, do in (
        (
            "must remove users from group first.",
            lambda: iam.remove_user_from_group(GroupName=f"g-{user}", UserName=user),
        ),
        ("must delete access keys first.", lambda: iam.delete_access_key(UserName=user, AccessKeyId=key)),
        ("must delete login profile first.", lambda: iam.delete_login_profile(UserName=user)),
    ):
        with refused("DeleteConflict", f"Cannot delete entity, {what_to_do}") as answer:
            iam.delete_user(UserName=user)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 409
        do()
    iam.delete_user(UserName=user)

    with refused("NoSuchEntity"):
        iam.get_user(UserName=user)


def test_abuse_29_a_namesake_has_another_id_and_no_tags(iam):
    first = iam.create_user(UserName="namesake", Tags=[{"Key": "a", "Value": "b"}])["User"]
    iam.delete_user(UserName="namesake")

    second = iam.create_user(UserName="namesake")["User"]

    assert second["UserId"] != first["UserId"]
    assert "Tags" not in iam.get_user(UserName="namesake")["User"]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_users_under_a_path_come_in_pages_by_name(server, size):
    iam = server.aws("iam", key=new_account(server).key)
    for name, path in (("d", "/x/"), ("b", "/x/y/"), ("a", "/"), ("c", "/x/y/"), ("E", "/xy/")):
        iam.create_user(UserName=name, Path=path)

    def names(**more):
        pages = iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": size}, **more)
        return [user["UserName"] for page in pages for user in page["Users"]]

    assert names() == ["E", "a", "b", "c", "d"]
    assert names(PathPrefix="/x/") == ["b", "c", "d"]
    assert names(PathPrefix="/x") == ["E", "b", "c", "d"]
    assert names(PathPrefix="/none/") == []


def test_a_full_page_says_that_there_is_more_and_the_last_that_there_is_not(server):
    iam = server.aws("iam", key=new_account(server).key)
    for name in ("a", "b"):
        iam.create_user(UserName=name)

    first = plain(iam.list_users(MaxItems=1))
    last = plain(iam.list_users(MaxItems=1, Marker=first["Marker"]))

    assert first["IsTruncated"] is True
    assert len(first["Marker"]) <= 320  # the longest that the model takes back
    assert last["IsTruncated"] is False
    assert "Marker" not in last


@pytest.mark.parametrize("use", ["made up", "another operation", "another path", "another principal"])
def test_abuse_49_a_marker_is_good_only_where_it_was_given(server, use):
    account = new_account(server)
    iam = server.aws("iam", key=account.key)
    for name in ("a", "b"):
        iam.create_user(UserName=name)
    marker = iam.list_users(MaxItems=1)["Marker"]
    call, arguments = iam.list_users, {"Marker": marker}
    if use == "made up":
        arguments = {"Marker": "AAAA"}
    elif use == "another operation":
        call = iam.list_groups
    elif use == "another path":
        arguments["PathPrefix"] = "/x/"
    else:
        key = iam.create_access_key(UserName="a")["AccessKey"]
        call = server.aws("iam", key=(key["AccessKeyId"], key["SecretAccessKey"])).list_users
        iam.put_user_policy(UserName="a", PolicyName="all", PolicyDocument=ALL)

    with refused("ValidationError", "Invalid Marker."):
        call(**arguments)


@pytest.mark.parametrize("size", [0, 1001, -1])
def test_abuse_49_a_page_has_a_bounded_size(iam, size):
    with refused("ValidationError"):
        iam.list_users(MaxItems=size)


def test_tags_are_merged_kept_in_order_and_removed_by_key_in_any_case(iam, user):
    iam.tag_user(UserName=user, Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}])
    iam.tag_user(UserName=user, Tags=[{"Key": "c", "Value": ""}, {"Key": "B", "Value": "3"}])
    assert [(tag["Key"], tag["Value"]) for tag in iam.list_user_tags(UserName=user)["Tags"]] == [
        ("B", "3"),
        ("a", "2"),
        ("c", ""),
    ]

    iam.untag_user(UserName=user, TagKeys=["A", "C", "never-there"])
    assert plain(iam.list_user_tags(UserName=user)) == {"Tags": [{"Key": "B", "Value": "3"}], "IsTruncated": False}


def test_tags_come_in_pages(iam, user):
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(5)]
    iam.tag_user(UserName=user, Tags=tags)

    pages = iam.get_paginator("list_user_tags").paginate(UserName=user, PaginationConfig={"PageSize": 2})

    assert [tag for page in pages for tag in page["Tags"]] == tags


@pytest.mark.parametrize(
    ("tags", "code", "message"),
    [
        (
            [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}],
            "InvalidInput",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ),
        ([{"Key": "AWS:x", "Value": "1"}], "InvalidInput", None),
        ([{"Key": "", "Value": "1"}], "ValidationError", None),
        ([{"Key": "a" * 129, "Value": "1"}], "ValidationError", None),
        ([{"Key": "a", "Value": "1" * 257}], "ValidationError", None),
        ([{"Key": "a!", "Value": "1"}], "ValidationError", None),
        ([{"Key": f"k{number}", "Value": ""} for number in range(51)], "ValidationError", None),
    ],
)
def test_bad_tags_are_refused_and_change_nothing(iam, user, tags, code, message):
    iam.tag_user(UserName=user, Tags=[{"Key": "kept", "Value": "as it is"}])
    with refused(code, message):
        iam.tag_user(UserName=user, Tags=tags)
    assert iam.list_user_tags(UserName=user)["Tags"] == [{"Key": "kept", "Value": "as it is"}]

    with refused(code, message):
        iam.create_user(UserName=f"t{user}", Tags=tags)
    with refused("NoSuchEntity"):
        iam.get_user(UserName=f"t{user}")


def test_nobody_has_more_than_fifty_tags(iam, user):
    iam.tag_user(UserName=user, Tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)])
    iam.tag_user(UserName=user, Tags=[{"Key": "K7", "Value": "again"}])

    with refused("LimitExceeded"):
        iam.tag_user(UserName=user, Tags=[{"Key": "one-more", "Value": ""}])


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        ("list_mfa_devices", "MFADevices"),
        ("list_signing_certificates", "Certificates"),
        ("list_ssh_public_keys", "SSHPublicKeys"),
        ("list_service_specific_credentials", "ServiceSpecificCredentials"),
    ],
)
def test_what_no_user_can_have_is_an_empty_list(iam, user, operation, member):
    assert plain(getattr(iam, operation)(UserName=user)) == {member: [], "IsTruncated": False}


def test_there_are_no_virtual_mfa_devices(iam):
    assert plain(iam.list_virtual_mfa_devices()) == {"VirtualMFADevices": [], "IsTruncated": False}
    with refused("ValidationError", "Invalid Marker."):
        iam.list_virtual_mfa_devices(Marker="100")


def test_an_operation_that_is_not_written_says_so(iam):
    with pytest.raises(ClientError, match="CreateVirtualMFADevice is not yet in this version of Entrep"):
        iam.create_virtual_mfa_device(VirtualMFADeviceName="device")
