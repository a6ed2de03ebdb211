"""Groups by the API. Source: IAM API reference."""

import pytest

from tests.oci.principals import new_account
from tests.support.api import refused


@pytest.fixture(scope="module")
def iam(server, account):
    """IAM as the root user of an account of this module's own."""
    return server.aws("iam", key=account.key)


@pytest.fixture
def group(iam, request):
    """The name of a new group."""
    name = f"g{abs(hash(request.node.nodeid)):x}"
    iam.create_group(GroupName=name)
    return name


@pytest.fixture
def user(iam, group):
    """The name of a new user."""
    name = f"u{group[1:]}"
    iam.create_user(UserName=name)
    return name


def test_a_new_group_is_shown_with_its_path_and_no_members(iam, account):
    made = iam.create_group(GroupName="admins", Path="/staff/")["Group"]

    assert made["Arn"] == f"arn:aws:iam::{account.id}:group/staff/admins"
    assert made["GroupId"].startswith("AGPA")
    found = iam.get_group(GroupName="admins")
    assert (found["Group"], found["Users"], found["IsTruncated"]) == (made, [], False)
    assert made in iam.list_groups()["Groups"]


def test_a_name_can_be_taken_once_in_any_case(iam, group):
    for name in (group, group.upper()):
        with refused("EntityAlreadyExists", f"Group with name {name} already exists."):
            iam.create_group(GroupName=name)


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("get_group", {}),
        ("update_group", {"NewPath": "/x/"}),
        ("delete_group", {}),
        ("add_user_to_group", {"UserName": "ann"}),
        ("remove_user_from_group", {"UserName": "ann"}),
    ],
)
def test_every_operation_says_which_group_is_missing(iam, user, operation, more):
    if "UserName" in more:
        more = {"UserName": user}
    with refused("NoSuchEntity", "The group with name none cannot be found."):
        getattr(iam, operation)(GroupName="none", **more)


def test_a_member_must_exist(iam, group):
    for call in (iam.add_user_to_group, iam.remove_user_from_group):
        with refused("NoSuchEntity", "The user with name nobody cannot be found."):
            call(GroupName=group, UserName="nobody")


def test_members_join_once_and_leave_once(iam, group, user):
    for _ in range(2):
        iam.add_user_to_group(GroupName=group, UserName=user)
    (member,) = iam.get_group(GroupName=group)["Users"]
    assert member == iam.get_user(UserName=user)["User"]
    assert [each["GroupName"] for each in iam.list_groups_for_user(UserName=user)["Groups"]] == [group]

    for _ in range(2):
        iam.remove_user_from_group(GroupName=group, UserName=user)
    assert iam.get_group(GroupName=group)["Users"] == []
    assert iam.list_groups_for_user(UserName=user)["Groups"] == []


def test_members_and_groups_come_in_pages(server):
    iam = server.aws("iam", key=new_account(server).key)
    names = ["a", "b", "c"]
    for name in names:
        iam.create_user(UserName=name)
        iam.create_group(GroupName=name, Path=f"/{name}/")
    for name in names:
        iam.add_user_to_group(GroupName="a", UserName=name)
        iam.add_user_to_group(GroupName=name, UserName="a")

    def paged(operation, member, **arguments):
        pages = iam.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": 2})
        return [each for page in pages for each in page[member]]

    assert [user["UserName"] for user in paged("get_group", "Users", GroupName="a")] == names
    assert [group["GroupName"] for group in paged("list_groups", "Groups")] == names
    assert [group["GroupName"] for group in paged("list_groups", "Groups", PathPrefix="/b")] == ["b"]
    assert [group["GroupName"] for group in paged("list_groups_for_user", "Groups", UserName="a")] == names


def test_a_renamed_group_keeps_its_members(iam, group, user):
    iam.add_user_to_group(GroupName=group, UserName=user)
    before = iam.get_group(GroupName=group)["Group"]

    iam.update_group(GroupName=group, NewGroupName=f"new-{group}", NewPath="/moved/")

    after = iam.get_group(GroupName=f"new-{group}")
    assert after["Group"]["GroupId"] == before["GroupId"]
    assert after["Group"]["Arn"].endswith(f":group/moved/new-{group}")
    assert [each["UserName"] for each in after["Users"]] == [user]
    iam.create_group(GroupName=group)
    with refused("EntityAlreadyExists", f"Group with name {group} already exists."):
        iam.update_group(GroupName=f"new-{group}", NewGroupName=group)


def test_a_group_with_members_is_not_deleted(iam, group, user):
    iam.add_user_to_group(GroupName=group, UserName=user)
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first."):
        iam.delete_group(GroupName=group)

    iam.remove_user_from_group(GroupName=group, UserName=user)
    iam.delete_group(GroupName=group)
    with refused("NoSuchEntity"):
        iam.get_group(GroupName=group)


def test_a_user_is_in_ten_groups_at_most(iam, user):
    for number in range(10):
        iam.create_group(GroupName=f"ten-{number}")
        iam.add_user_to_group(GroupName=f"ten-{number}", UserName=user)
    iam.create_group(GroupName="eleventh")

    with refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10"):
        iam.add_user_to_group(GroupName="eleventh", UserName=user)
    iam.add_user_to_group(GroupName="ten-3", UserName=user)  # is in it already
