"""Who may do what in IAM: the ARNs and condition keys that policies are asked about. Source: ecr-api C; IAM guide."""

import json

import pytest

from tests.oci.principals import new_account
from tests.support.api import refused


@pytest.fixture
def account(server):
    return new_account(server)


@pytest.fixture
def root(server, account):
    """IAM as the root user of a new account."""
    return server.aws("iam", key=account.key)


@pytest.fixture
def actor(server, root):
    """IAM as the user actor, who is allowed what the statements say that the fixture is called with."""
    root.create_user(UserName="actor", Path="/staff/")
    key = root.create_access_key(UserName="actor")["AccessKey"]
    client = server.aws("iam", key=(key["AccessKeyId"], key["SecretAccessKey"]))

    def allow(*statements):
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
        root.put_user_policy(UserName="actor", PolicyName="it", PolicyDocument=json.dumps(document))
        return client

    return allow


def on(account, resource):
    return f"arn:aws:iam::{account.id}:{resource}"


def test_who_may_do_nothing_is_told_what_it_lacks(actor, account):
    client = actor({"Action": "ecr:*", "Resource": "*"})
    me = on(account, "user/staff/actor")
    for call, action, resource in (
        (client.list_users, "ListUsers", on(account, "user/")),
        (lambda: client.list_groups(PathPrefix="/x/"), "ListGroups", on(account, "group/x/")),
        (client.get_user, "GetUser", me),
        (lambda: client.get_user(UserName="actor"), "GetUser", me),
        (lambda: client.get_user(UserName="nobody"), "GetUser", on(account, "user/nobody")),
        (lambda: client.create_user(UserName="new", Path="/p/"), "CreateUser", on(account, "user/p/new")),
        (lambda: client.create_access_key(UserName="actor"), "CreateAccessKey", me),
        (lambda: client.change_password(OldPassword="a", NewPassword="b"), "ChangePassword", me),
        (client.get_account_summary, "GetAccountSummary", "*"),
    ):
        message = (
            f"User: {me} is not authorized to perform: iam:{action} on resource: {resource} "
            f"because no identity-based policy allows the iam:{action} action"
        )
        with refused("AccessDenied", message):
            call()


def test_a_rule_about_a_path_holds_for_requests_that_do_not_name_the_path(root, actor, account):
    root.create_user(UserName="boss", Path="/admins/")
    root.create_user(UserName="temp", Path="/temps/")
    client = actor({"Action": "iam:*", "Resource": on(account, "user/temps/*")})

    client.create_access_key(UserName="temp")
    for call in (client.create_access_key, client.delete_user, client.get_user):
        with refused("AccessDenied"):
            call(UserName="boss")


def test_a_rename_needs_the_right_on_both_names(root, actor, account):
    root.create_user(UserName="temp", Path="/temps/")
    client = actor({"Action": "iam:UpdateUser", "Resource": on(account, "user/temps/t*")})

    with refused("AccessDenied") as answer:
        client.update_user(UserName="temp", NewUserName="boss")
    assert on(account, "user/temps/boss") in answer["Error"]["Message"]
    with refused("AccessDenied"):
        client.update_user(UserName="temp", NewPath="/admins/")
    client.update_user(UserName="temp", NewUserName="temp2")


def test_users_manage_their_own_keys_with_the_usual_statement(root, actor):
    root.create_user(UserName="other")
    client = actor({"Action": "iam:*AccessKey*", "Resource": "arn:aws:iam::*:user/*/${aws:username}"})

    made = client.create_access_key()["AccessKey"]["AccessKeyId"]
    assert made in {key["AccessKeyId"] for key in client.list_access_keys()["AccessKeyMetadata"]}
    client.update_access_key(AccessKeyId=made, Status="Inactive")
    client.delete_access_key(AccessKeyId=made)
    with refused("AccessDenied"):
        client.create_access_key(UserName="other")


def test_tags_of_users_decide_and_change_at_once(root, actor):
    root.create_user(UserName="tagged", Tags=[{"Key": "Team", "Value": "red"}])
    client = actor(
        {
            "Action": "iam:GetUser",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": "red", "iam:ResourceTag/Team": "red"}},
        }
    )
    client.get_user(UserName="tagged")

    root.tag_user(UserName="tagged", Tags=[{"Key": "Team", "Value": "blue"}])
    with refused("AccessDenied"):
        client.get_user(UserName="tagged")


def test_tags_of_a_request_decide_and_need_a_right_of_their_own(actor):
    condition = {"StringEquals": {"aws:RequestTag/team": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    client = actor({"Action": ["iam:CreateUser", "iam:TagUser"], "Resource": "*", "Condition": condition})
    client.create_user(UserName="red", Tags=[{"Key": "team", "Value": "red"}])
    for tags in ([{"Key": "team", "Value": "blue"}], [{"Key": "team", "Value": "red"}, {"Key": "x", "Value": ""}]):
        with refused("AccessDenied"):
            client.create_user(UserName="other", Tags=tags)

    client = actor({"Action": "iam:CreateUser", "Resource": "*"})
    with refused("AccessDenied") as answer:
        client.create_user(UserName="other", Tags=[{"Key": "team", "Value": "red"}])
    assert "iam:TagUser" in answer["Error"]["Message"]


def test_abuse_25_who_must_give_a_boundary_cannot_make_or_widen_users_without_it(root, actor, account):
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}
    boundary = root.create_policy(PolicyName="limit", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    condition = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    actions = ["iam:CreateUser", "iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:PutUserPermissionsBoundary"]
    client = actor({"Action": actions, "Resource": "*", "Condition": condition})
    root.create_user(UserName="free")

    client.create_user(UserName="limited", PermissionsBoundary=boundary)
    client.put_user_policy(UserName="limited", PolicyName="p", PolicyDocument=json.dumps(document))
    for call, arguments in (
        (client.create_user, {"UserName": "wild"}),
        (
            client.create_user,
            {"UserName": "wild", "PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
        (client.put_user_policy, {"UserName": "free", "PolicyName": "p", "PolicyDocument": json.dumps(document)}),
        (client.attach_user_policy, {"UserName": "free", "PolicyArn": boundary}),
        (
            client.put_user_permissions_boundary,
            {"UserName": "limited", "PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
        (client.delete_user_permissions_boundary, {"UserName": "limited"}),
    ):
        with refused("AccessDenied"):
            call(**arguments)


def test_abuse_25_the_policy_that_is_attached_decides(root, actor):
    root.create_user(UserName="temp")
    allowed = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
    client = actor(
        {"Action": "iam:AttachUserPolicy", "Resource": "*", "Condition": {"ArnEquals": {"iam:PolicyARN": allowed}}}
    )

    client.attach_user_policy(UserName="temp", PolicyArn=allowed)
    with refused("AccessDenied"):
        client.attach_user_policy(UserName="temp", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def test_what_a_group_may_its_members_may_from_when_they_join_until_they_leave(server, root, account):
    root.create_user(UserName="ann")
    key = root.create_access_key(UserName="ann")["AccessKey"]
    ann = server.aws("iam", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}}
    root.create_group(GroupName="readers")
    root.put_group_policy(GroupName="readers", PolicyName="p", PolicyDocument=json.dumps(document))
    with refused("AccessDenied"):
        ann.list_users()

    root.add_user_to_group(GroupName="readers", UserName="ann")
    ann.list_users()

    root.remove_user_from_group(GroupName="readers", UserName="ann")
    with refused("AccessDenied"):
        ann.list_users()
