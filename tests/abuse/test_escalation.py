"""
The ways by which people with a small right have made it a large one.

Each is gone by eve, who has just the right that it takes: it leads on exactly where it does at AWS. Where that right
is for something else, where she has a boundary, or where she asks with a session's credentials, it leads no further
than AWS says. Source: security-design 9, row 25; the published lists of escalation paths of AWS IAM.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.abuse.play import ADMINISTRATOR, Person, Play, allow, may, policy, trust
from tests.oci.principals import new_account
from tests.support.api import refused

EVERYTHING = allow("*")


@pytest.fixture
def play(server):
    return Play(server)


def makes_repositories(who: Person, play: Play) -> bool:
    """What eve is after, in most paths."""
    return may(who.ecr.create_repository, repositoryName="won")


def empties_the_vault(who: Person, play: Play) -> bool:
    """What eve is after, where a repository is at stake."""
    return may(who.ecr.delete_repository, repositoryName="vault", force=True)


def nothing_more(who: Person, play: Play) -> bool:
    """The step itself is what eve is after."""
    return True


@dataclass(frozen=True)
class Path:
    """
    *prepare* sets the scene; *run* goes the path as whoever it is given, and gives who is to have won.

    *bounded*: it leads on although eve has a boundary that allows the rights of the path and nothing else.
    """

    rights: tuple[str, ...]
    run: Callable[[Play, Person], Person]
    prepare: Callable[[Play], object] = lambda play: None
    goal: Callable[[Person, Play], bool] = makes_repositories
    bounded: bool = False


# ── the scenes ──────────────────────────────────────────────────────────────────────────────────────


def _own_policy(play: Play) -> None:
    arn = play.managed("own", allow("ecr:DescribeImages"))
    play.iam.attach_user_policy(UserName="eve", PolicyArn=arn)


def _old_version(play: Play) -> None:
    arn = play.managed("own", EVERYTHING)
    play.iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("ecr:DescribeImages")), SetAsDefault=True)
    play.iam.attach_user_policy(UserName="eve", PolicyArn=arn)


def _group(play: Play) -> None:
    play.iam.create_group(GroupName="people")
    play.iam.add_user_to_group(GroupName="people", UserName="eve")


def _administrators(play: Play) -> None:
    play.iam.create_group(GroupName="administrators")
    play.iam.attach_group_policy(GroupName="administrators", PolicyArn=ADMINISTRATOR)


def _page(play: Play) -> None:
    play.role("page", play.herself)


def _deputy(play: Play) -> None:
    play.role("deputy", rights=[EVERYTHING])
    play.iam.create_instance_profile(InstanceProfileName="machine")


def _small_page(play: Play) -> None:
    """A role of which eve may be, and which is kept small by its boundary alone."""
    limit = play.managed("limit", allow("ecr:DescribeImages"))
    play.role("page", play.herself, rights=[EVERYTHING], PermissionsBoundary=limit)


def _forbidden(play: Play) -> None:
    play.give(allow("ecr:*"), name="large")
    play.give({**allow("ecr:CreateRepository"), "Effect": "Deny"}, name="deny")


def _forbidden_by_attachment(play: Play) -> None:
    play.give(allow("ecr:*"), name="large")
    arn = play.managed("deny", {**allow("ecr:CreateRepository"), "Effect": "Deny"})
    play.iam.attach_user_policy(UserName="eve", PolicyArn=arn)


def _forbidden_by_group(play: Play) -> None:
    play.give(allow("ecr:*"), name="large")
    _group(play)
    document = policy({**allow("ecr:CreateRepository"), "Effect": "Deny"})
    play.iam.put_group_policy(GroupName="people", PolicyName="deny", PolicyDocument=document)


def _by_tag(play: Play) -> None:
    play.give(allow("ecr:*", Condition={"StringEquals": {"aws:PrincipalTag/rank": "high"}}), name="ranks")
    play.iam.tag_user(UserName="eve", Tags=[{"Key": "rank", "Value": "low"}])


def _by_missing_tag(play: Play) -> None:
    play.give(allow("ecr:*", Condition={"Null": {"aws:PrincipalTag/guest": "true"}}), name="members")
    play.iam.tag_user(UserName="eve", Tags=[{"Key": "guest", "Value": "yes"}])


def _page_by_tag(play: Play) -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/rank": "high"}}
    play.role("page", play.herself, rights=[allow("ecr:*", Condition=condition)])


def _by_name(play: Play) -> None:
    play.give(allow("ecr:*", Condition={"StringEquals": {"aws:username": "chief"}}), name="chief")


def _sleeping_key(play: Play) -> None:
    play.iam.update_access_key(UserName="boss", AccessKeyId=play.boss.key[0], Status="Inactive")


def _vault(play: Play) -> None:
    play.root.ecr.create_repository(repositoryName="vault")


def _vault_by_tag(play: Play) -> None:
    _vault(play)
    play.give(allow("ecr:DeleteRepository", Condition={"StringEquals": {"ecr:ResourceTag/owner": "eve"}}), name="own")


# ── the steps ───────────────────────────────────────────────────────────────────────────────────────


def _new_version(play: Play, who: Person) -> Person:
    who.iam.create_policy_version(
        PolicyArn=play.arn("policy/own"), PolicyDocument=policy(EVERYTHING), SetAsDefault=True
    )
    return who


def _first_version(play: Play, who: Person) -> Person:
    who.iam.set_default_policy_version(PolicyArn=play.arn("policy/own"), VersionId="v1")
    return who


def _key_of_boss(play: Play, who: Person) -> Person:
    made = who.iam.create_access_key(UserName="boss")["AccessKey"]
    return Person(play.server, (made["AccessKeyId"], made["SecretAccessKey"], None))


def _wake_key(play: Play, who: Person) -> Person:
    who.iam.update_access_key(UserName="boss", AccessKeyId=play.boss.key[0], Status="Active")
    return play.boss


def _password_of_boss(play: Play, who: Person) -> Person:
    who.iam.create_login_profile(UserName="boss", Password="quite-long-1A")
    return who


def _other_password_of_boss(play: Play, who: Person) -> Person:
    who.iam.update_login_profile(UserName="boss", Password="quite-long-2B")
    return who


def _attach_to_herself(play: Play, who: Person) -> Person:
    who.iam.attach_user_policy(UserName="eve", PolicyArn=ADMINISTRATOR)
    return who


def _attach_to_group(play: Play, who: Person) -> Person:
    who.iam.attach_group_policy(GroupName="people", PolicyArn=ADMINISTRATOR)
    return who


def _attach_to_page(play: Play, who: Person) -> Person:
    who.iam.attach_role_policy(RoleName="page", PolicyArn=ADMINISTRATOR)
    return play.eve.assume(play.arn("role/page"))


def _put_on_herself(play: Play, who: Person) -> Person:
    who.iam.put_user_policy(UserName="eve", PolicyName="more", PolicyDocument=policy(EVERYTHING))
    return who


def _put_on_group(play: Play, who: Person) -> Person:
    who.iam.put_group_policy(GroupName="people", PolicyName="more", PolicyDocument=policy(EVERYTHING))
    return who


def _put_on_page(play: Play, who: Person) -> Person:
    who.iam.put_role_policy(RoleName="page", PolicyName="more", PolicyDocument=policy(EVERYTHING))
    return play.eve.assume(play.arn("role/page"))


def _join(play: Play, who: Person) -> Person:
    who.iam.add_user_to_group(GroupName="administrators", UserName="eve")
    return who


def _be_trusted(play: Play, who: Person) -> Person:
    who.iam.update_assume_role_policy(RoleName="deputy", PolicyDocument=trust(play.herself))
    return play.eve.assume(play.arn("role/deputy"))


def _pass_deputy(play: Play, who: Person) -> Person:
    who.iam.add_role_to_instance_profile(InstanceProfileName="machine", RoleName="deputy")
    return who


def _make_role(play: Play, who: Person) -> Person:
    who.iam.create_role(RoleName="mine", AssumeRolePolicyDocument=trust(play.herself))
    who.iam.attach_role_policy(RoleName="mine", PolicyArn=ADMINISTRATOR)
    return play.eve.assume(play.arn("role/mine"))


def _make_user(play: Play, who: Person) -> Person:
    who.iam.create_user(UserName="puppet")
    who.iam.attach_user_policy(UserName="puppet", PolicyArn=ADMINISTRATOR)
    made = who.iam.create_access_key(UserName="puppet")["AccessKey"]
    return Person(play.server, (made["AccessKeyId"], made["SecretAccessKey"], None))


def _free_page(play: Play, who: Person) -> Person:
    who.iam.delete_role_permissions_boundary(RoleName="page")
    return play.eve.assume(play.arn("role/page"))


def _widen_page(play: Play, who: Person) -> Person:
    who.iam.put_role_permissions_boundary(RoleName="page", PermissionsBoundary=ADMINISTRATOR)
    return play.eve.assume(play.arn("role/page"))


def _detach_denial(play: Play, who: Person) -> Person:
    who.iam.detach_user_policy(UserName="eve", PolicyArn=play.arn("policy/deny"))
    return who


def _delete_denial(play: Play, who: Person) -> Person:
    who.iam.delete_user_policy(UserName="eve", PolicyName="deny")
    return who


def _delete_denial_of_group(play: Play, who: Person) -> Person:
    who.iam.delete_group_policy(GroupName="people", PolicyName="deny")
    return who


def _leave(play: Play, who: Person) -> Person:
    who.iam.remove_user_from_group(GroupName="people", UserName="eve")
    return who


def _tag_herself(play: Play, who: Person) -> Person:
    who.iam.tag_user(UserName="eve", Tags=[{"Key": "Rank", "Value": "high"}])
    return who


def _untag_herself(play: Play, who: Person) -> Person:
    who.iam.untag_user(UserName="eve", TagKeys=["guest"])
    return who


def _tag_page(play: Play, who: Person) -> Person:
    who.iam.tag_role(RoleName="page", Tags=[{"Key": "rank", "Value": "high"}])
    return play.eve.assume(play.arn("role/page"))


def _rename_herself(play: Play, who: Person) -> Person:
    who.iam.update_user(UserName="eve", NewUserName="chief")
    return who


def _write_on_vault(play: Play, who: Person) -> Person:
    statement = {"Effect": "Allow", "Principal": {"AWS": play.herself}, "Action": "ecr:*"}
    who.ecr.set_repository_policy(repositoryName="vault", policyText=policy(statement))
    return who


def _write_on_registry(play: Play, who: Person) -> Person:
    statement = {"Principal": {"AWS": play.herself}, "Action": "ecr:*", "Resource": play.repository("*")}
    who.ecr.put_registry_policy(policyText=policy(statement))
    return who


def _tag_vault(play: Play, who: Person) -> Person:
    who.ecr.tag_resource(resourceArn=play.repository("vault"), tags=[{"Key": "owner", "Value": "eve"}])
    return who


PATHS = {
    "a new version of her own policy": Path(("iam:CreatePolicyVersion",), _new_version, _own_policy),
    "an old version of her own policy": Path(("iam:SetDefaultPolicyVersion",), _first_version, _old_version),
    "a key of an administrator": Path(("iam:CreateAccessKey",), _key_of_boss, bounded=True),
    "a key that was switched off": Path(("iam:UpdateAccessKey",), _wake_key, _sleeping_key, bounded=True),
    "a password for an administrator": Path(
        ("iam:CreateLoginProfile",), _password_of_boss, goal=nothing_more, bounded=True
    ),
    "another password for an administrator": Path(
        ("iam:UpdateLoginProfile",),
        _other_password_of_boss,
        lambda play: play.iam.create_login_profile(UserName="boss", Password="quite-long-1A"),
        goal=nothing_more,
        bounded=True,
    ),
    "a policy attached to herself": Path(("iam:AttachUserPolicy",), _attach_to_herself),
    "a policy attached to her group": Path(("iam:AttachGroupPolicy",), _attach_to_group, _group),
    "a policy attached to her role": Path(("iam:AttachRolePolicy",), _attach_to_page, _page, bounded=True),
    "a policy of her own": Path(("iam:PutUserPolicy",), _put_on_herself),
    "a policy of her group's own": Path(("iam:PutGroupPolicy",), _put_on_group, _group),
    "a policy of her role's own": Path(("iam:PutRolePolicy",), _put_on_page, _page, bounded=True),
    "a better group": Path(("iam:AddUserToGroup",), _join, _administrators),
    "trust of a better role": Path(("iam:UpdateAssumeRolePolicy",), _be_trusted, _deputy, bounded=True),
    "a role passed to a machine": Path(
        ("iam:AddRoleToInstanceProfile", "iam:PassRole"), _pass_deputy, _deputy, goal=nothing_more, bounded=True
    ),
    "a new role": Path(("iam:CreateRole", "iam:AttachRolePolicy"), _make_role, bounded=True),
    "a new user": Path(("iam:CreateUser", "iam:AttachUserPolicy", "iam:CreateAccessKey"), _make_user, bounded=True),
    "a role without its boundary": Path(("iam:DeleteRolePermissionsBoundary",), _free_page, _small_page, bounded=True),
    "a role with a wider boundary": Path(("iam:PutRolePermissionsBoundary",), _widen_page, _small_page, bounded=True),
    "a denial detached": Path(("iam:DetachUserPolicy",), _detach_denial, _forbidden_by_attachment),
    "a denial deleted": Path(("iam:DeleteUserPolicy",), _delete_denial, _forbidden),
    "a denial of her group deleted": Path(("iam:DeleteGroupPolicy",), _delete_denial_of_group, _forbidden_by_group),
    "a group left": Path(("iam:RemoveUserFromGroup",), _leave, _forbidden_by_group),
    "a tag of her own": Path(("iam:TagUser",), _tag_herself, _by_tag),
    "a tag of her own removed": Path(("iam:UntagUser",), _untag_herself, _by_missing_tag),
    "a tag of her role": Path(("iam:TagRole",), _tag_page, _page_by_tag, bounded=True),
    "another name": Path(("iam:UpdateUser",), _rename_herself, _by_name),
    # What a resource's policy grants to her by name is not limited by what her boundary does not mention.
    "a policy on a repository": Path(
        ("ecr:SetRepositoryPolicy",), _write_on_vault, _vault, goal=empties_the_vault, bounded=True
    ),
    "a policy on the registry": Path(("ecr:PutRegistryPolicy",), _write_on_registry, bounded=True),
    "a tag of a repository": Path(("ecr:TagResource",), _tag_vault, _vault_by_tag, goal=empties_the_vault),
}
each_path = pytest.mark.parametrize("path", PATHS.values(), ids=list(PATHS))


def gone(play: Play, path: Path, who: Person) -> bool:
    """Whether the path can be gone, and leads to what eve is after."""
    winner: list[Person] = []
    return may(lambda: winner.append(path.run(play, who))) and path.goal(winner[0], play)


@each_path
def test_abuse_25_who_has_the_right_for_everything_gets_where_aws_lets_her(play, path):
    path.prepare(play)
    assert path.goal is nothing_more or not path.goal(play.eve, play)
    assert not gone(play, path, play.eve)

    play.give(allow(*path.rights))

    assert gone(play, path, play.eve)


@each_path
def test_abuse_25_each_right_of_a_path_is_needed_and_is_that_of_its_step(play, path):
    """All the rights of the service but one, with each in turn as the one."""
    path.prepare(play)
    service = path.rights[0].partition(":")[0]

    for right in path.rights:
        others = {"NotAction": [right, "ecr:*"] if service == "iam" else [right], "Resource": "*"}
        play.iam.put_user_policy(UserName="eve", PolicyName="small", PolicyDocument=policy(others))
        if service == "ecr":
            play.give({**allow("ecr:DeleteRepository", "ecr:CreateRepository"), "Effect": "Deny"}, name="not")
        assert not may(lambda: path.run(play, play.eve)), f"without {right}"
        # Steps before the one that was refused were taken: that is undone, for the next turn.
        for name, delete in (("mine", _unmake_role), ("puppet", _unmake_user)):
            delete(play, name)


def _unmake_role(play: Play, name: str) -> None:
    for role in play.iam.list_roles()["Roles"]:
        if role["RoleName"] == name:
            for attached in play.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                play.iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
            play.iam.delete_role(RoleName=name)


def _unmake_user(play: Play, name: str) -> None:
    for user in play.iam.list_users()["Users"]:
        if user["UserName"] == name:
            for attached in play.iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
                play.iam.detach_user_policy(UserName=name, PolicyArn=attached["PolicyArn"])
            for key in play.iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
                play.iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
            play.iam.delete_user(UserName=name)


@each_path
def test_abuse_25_the_right_for_something_else_leads_nowhere(play, path):
    path.prepare(play)
    elsewhere = [
        play.arn("user/elsewhere*"),
        play.arn("group/elsewhere*"),
        play.arn("role/elsewhere*"),
        play.arn("policy/elsewhere*"),
        play.arn("instance-profile/elsewhere*"),
        play.repository("elsewhere*"),
    ]
    play.give(allow(*path.rights, on=elsewhere))

    assert not gone(play, path, play.eve)


@each_path
def test_abuse_25_with_a_boundary_she_gets_where_aws_lets_her(play, path):
    path.prepare(play)
    play.give(allow(*path.rights))
    play.bound(*path.rights)

    assert gone(play, path, play.eve) == path.bounded


@each_path
def test_abuse_25_credentials_of_a_session_shed_no_limit(play, path):
    """GetSessionToken's open no IAM; whatever else they open, they open no more than she may."""
    path.prepare(play)
    play.give(allow(*path.rights))
    play.bound(*path.rights)
    session = play.eve.session(play.eve.sts.get_session_token())

    is_iam = path.rights[0].startswith("iam:")
    assert gone(play, path, session) == (path.bounded and not is_iam)


# ── boundaries ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("right", ["iam:DeleteUserPermissionsBoundary", "iam:PutUserPermissionsBoundary"])
def test_abuse_25_a_boundary_goes_with_the_right_to_take_it_off_and_only_so(play, right):
    """She has everything, and a boundary that keeps her small: whether that holds is for the boundary to say."""
    play.give(EVERYTHING)
    play.bound("ecr:DescribeImages")

    def take_off() -> None:
        if right.startswith("iam:Delete"):
            play.eve.iam.delete_user_permissions_boundary(UserName="eve")
        else:
            play.eve.iam.put_user_permissions_boundary(UserName="eve", PermissionsBoundary=ADMINISTRATOR)

    assert not may(take_off)
    assert not makes_repositories(play.eve, play)
    play.iam.create_policy_version(
        PolicyArn=play.arn("policy/limit-eve"), PolicyDocument=policy(allow(right)), SetAsDefault=True
    )
    assert may(take_off)
    assert makes_repositories(play.eve, play)


def test_abuse_25_who_may_only_make_people_with_a_boundary_gets_no_more_than_it_allows(play):
    """The delegation that AWS describes: whatever is made carries the boundary, and nobody takes it off."""
    limit = play.managed("limit", allow("ecr:DescribeRepositories", "iam:*"))
    bounded = {"StringEquals": {"iam:PermissionsBoundary": limit}}
    play.give(
        allow("iam:CreateUser", "iam:CreateRole", "iam:AttachUserPolicy", "iam:AttachRolePolicy", Condition=bounded),
        allow("iam:PutUserPermissionsBoundary", "iam:PutRolePermissionsBoundary", Condition=bounded),
        allow("iam:CreateAccessKey", on=play.arn("user/puppets/*")),
    )

    play.eve.iam.create_user(UserName="puppet", Path="/puppets/", PermissionsBoundary=limit)
    play.eve.iam.attach_user_policy(UserName="puppet", PolicyArn=ADMINISTRATOR)
    made = play.eve.iam.create_access_key(UserName="puppet")["AccessKey"]
    puppet = Person(play.server, (made["AccessKeyId"], made["SecretAccessKey"], None))
    assert may(puppet.ecr.describe_repositories)
    assert not makes_repositories(puppet, play)
    play.eve.iam.create_role(RoleName="mine", AssumeRolePolicyDocument=trust(play.herself), PermissionsBoundary=limit)
    play.eve.iam.attach_role_policy(RoleName="mine", PolicyArn=ADMINISTRATOR)
    assert not makes_repositories(play.eve.assume(play.arn("role/mine")), play)

    for call, arguments in (
        ("create_user", {"UserName": "free"}),
        ("create_user", {"UserName": "free", "PermissionsBoundary": ADMINISTRATOR}),
        ("create_role", {"RoleName": "free", "AssumeRolePolicyDocument": trust(play.herself)}),
        ("attach_user_policy", {"UserName": "boss", "PolicyArn": ADMINISTRATOR}),
        ("attach_user_policy", {"UserName": "eve", "PolicyArn": ADMINISTRATOR}),
        ("put_user_permissions_boundary", {"UserName": "puppet", "PermissionsBoundary": ADMINISTRATOR}),
        ("put_role_permissions_boundary", {"RoleName": "mine", "PermissionsBoundary": ADMINISTRATOR}),
        ("delete_user_permissions_boundary", {"UserName": "puppet"}),
        ("delete_role_permissions_boundary", {"RoleName": "mine"}),
    ):
        assert not may(getattr(play.eve.iam, call), **arguments), call


# ── keys and names ──────────────────────────────────────────────────────────────────────────────────


def test_abuse_25_a_right_on_her_own_keys_reaches_no_key_of_others(play):
    """A call that names no user means the caller, whatever key it names."""
    play.give(allow("iam:*AccessKey*", on="arn:aws:iam::*:user/*${aws:username}"))
    theirs = play.boss.key[0]

    for call, arguments in (
        ("update_access_key", {"Status": "Inactive"}),
        ("delete_access_key", {}),
    ):
        with refused("NoSuchEntity"):
            getattr(play.eve.iam, call)(AccessKeyId=theirs, **arguments)
        with refused("NoSuchEntity"):
            getattr(play.eve.iam, call)(AccessKeyId=theirs, UserName="eve", **arguments)
        with refused("AccessDenied"):
            getattr(play.eve.iam, call)(AccessKeyId=theirs, UserName="boss", **arguments)
    assert may(play.boss.ecr.describe_repositories)


@pytest.mark.parametrize("name", ["BOSS", "Boss", "boss ", "boss/", "/boss", "admins/boss", "*", "bos?", "bóss"])
def test_abuse_25_a_denial_is_not_got_round_by_another_spelling(play, name):
    """She may do everything with users, but nothing with the one: no way of writing its name is another's."""
    play.iam.update_user(UserName="boss", NewPath="/admins/")
    forbidden = {**allow("iam:*", on=[play.arn("user/boss"), play.arn("user/admins/*")]), "Effect": "Deny"}
    play.give(allow("iam:*"), forbidden)

    with refused_somehow():
        play.eve.iam.create_access_key(UserName=name)
    with refused_somehow():
        play.eve.iam.get_user(UserName=name)
    assert len(play.iam.list_access_keys(UserName="boss")["AccessKeyMetadata"]) == 1


def refused_somehow() -> Any:
    return pytest.raises(Exception, match=r"AccessDenied|NoSuchEntity|ValidationError")


def test_abuse_25_a_policy_is_named_by_its_whole_address(play):
    """A right on policies under one path holds for those, however the address of another is dressed up."""
    secret = play.managed("secret", allow("ecr:DescribeImages"))
    play.give(allow("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", on=play.arn("policy/hers/*")))

    for arn in (
        secret,
        play.arn("policy/hers/../secret"),
        play.arn("policy/hers/secret"),
        play.arn("policy/hers//secret"),
        f"{play.arn('policy/hers/')}:{secret}",
        "arn:aws:iam::aws:policy/hers/x",
        ADMINISTRATOR,
    ):
        with refused_somehow():
            play.eve.iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(EVERYTHING), SetAsDefault=True)
    assert [each["VersionId"] for each in play.iam.list_policy_versions(PolicyArn=secret)["Versions"]] == ["v1"]


def test_abuse_25_nothing_of_another_account_is_attached_or_changed(play, server):
    abroad = Play(server)
    theirs = abroad.managed("large", EVERYTHING)
    play.give(EVERYTHING)
    limited = play.user("limited")
    play.give(allow("iam:*"), user="limited")

    for who in (play.root, play.eve, limited):
        for call, arguments in (
            ("attach_user_policy", {"UserName": "limited"}),
            ("create_policy_version", {"PolicyDocument": policy(EVERYTHING)}),
            ("delete_policy", {}),
            ("get_policy", {}),
        ):
            with refused_somehow():
                getattr(who.iam, call)(PolicyArn=theirs, **arguments)
    assert not makes_repositories(limited, play)


def test_abuse_25_the_policies_of_aws_are_changed_by_nobody(play):
    for call, arguments in (
        ("create_policy_version", {"PolicyDocument": policy(EVERYTHING), "SetAsDefault": True}),
        ("set_default_policy_version", {"VersionId": "v1"}),
        ("delete_policy", {}),
        ("tag_policy", {"Tags": [{"Key": "a", "Value": "b"}]}),
    ):
        with refused_somehow():
            getattr(play.root.iam, call)(PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess", **arguments)


def test_abuse_25_the_role_of_a_service_is_given_nothing_and_trusts_nobody_else(play):
    play.iam.create_service_linked_role(AWSServiceName="replication.ecr.amazonaws.com")
    name = "AWSServiceRoleForECRReplication"

    for call, arguments in (
        ("attach_role_policy", {"PolicyArn": ADMINISTRATOR}),
        ("put_role_policy", {"PolicyName": "more", "PolicyDocument": policy(EVERYTHING)}),
        ("update_assume_role_policy", {"PolicyDocument": trust(play.herself)}),
        ("delete_role", {}),
    ):
        with refused("UnmodifiableEntity"):
            getattr(play.root.iam, call)(RoleName=name, **arguments)


# ── roles ───────────────────────────────────────────────────────────────────────────────────────────


def test_abuse_25_a_chain_of_roles_is_as_strong_as_each_of_its_links(play):
    """From eve over first to second, each by its own right and its own trust; there is no way past a link."""
    second = play.arn("role/second")
    first = play.role("first", play.herself, rights=[allow("sts:AssumeRole", on=second)])
    play.role("second", first, rights=[EVERYTHING])
    play.give(allow("sts:AssumeRole"))

    assert not may(play.eve.assume, role=second)
    session = play.eve.assume(first)
    assert not makes_repositories(session, play)
    assert makes_repositories(session.assume(second), play)
    # What the second trusts is the first role, not its namesake elsewhere, nor the user behind it.
    play.iam.delete_role_policy(RoleName="first", PolicyName="own")
    assert may(session.assume, role=second)  # its trust names the role itself, which is enough in one account
    play.iam.update_assume_role_policy(RoleName="second", PolicyDocument=trust(play.account.id))
    assert not may(session.assume, role=second)


def test_abuse_25_a_session_policy_widens_nothing(play):
    page = play.role("page", play.herself, rights=[allow("ecr:DescribeRepositories", "sts:AssumeRole")])
    wide = play.eve.assume(page, Policy=policy(EVERYTHING), PolicyArns=[{"arn": ADMINISTRATOR}])
    narrow = play.eve.assume(page, Policy=policy(allow("ecr:ListImages")))

    assert may(wide.ecr.describe_repositories)
    assert not makes_repositories(wide, play)
    assert not may(narrow.ecr.describe_repositories)
    assert not may(narrow.assume, role=page)


def test_abuse_25_a_login_is_as_narrow_as_the_session_that_asked_for_it(play):
    play.root.ecr.create_repository(repositoryName="app")
    page = play.role("page", play.herself, rights=[EVERYTHING])
    wide, narrow = (
        play.eve.assume(page, **more)
        for more in ({}, {"Policy": policy(allow("ecr:GetAuthorizationToken", "ecr:ListImages"))})
    )

    for who, status in ((wide, 202), (narrow, 403)):
        docker = who.docker(play.account)
        assert docker("GET", "/v2/app/tags/list").status == 200
        assert docker("POST", "/v2/app/blobs/uploads/").status == status


def test_abuse_25_session_tags_need_their_right_and_are_what_the_trust_allows(play):
    rights = [allow("ecr:*", Condition={"StringEquals": {"aws:PrincipalTag/rank": "high"}})]
    high, plain = [{"Key": "rank", "Value": "high"}], play.role("plain", play.herself, rights=rights)
    tagging = ("sts:AssumeRole", "sts:TagSession")
    condition = {"StringEquals": {"aws:RequestTag/rank": ["low", "middle"]}}
    limited = play.role("limited", rights=rights, trust=trust(play.herself, actions=tagging, **condition))
    free = play.role("free", rights=rights, trust=trust(play.herself, actions=tagging))

    assert not makes_repositories(play.eve.assume(plain), play)
    assert not may(play.eve.assume, role=plain, Tags=high)
    for tags in (high, [{"Key": "RANK", "Value": "high"}], []):
        assert not may(play.eve.assume, role=limited, Tags=tags)
    both = [{"Key": "rank", "Value": "low"}, {"Key": "Rank", "Value": "high"}]
    for tags in (both, both[::-1]):
        with refused("InvalidParameterValue"):
            play.eve.assume(limited, Tags=tags)
    assert not makes_repositories(play.eve.assume(limited, Tags=[{"Key": "rank", "Value": "low"}]), play)
    assert makes_repositories(play.eve.assume(free, Tags=high), play)


def test_abuse_25_a_tag_that_is_handed_on_is_not_changed_on_the_way(play):
    tagging = ("sts:AssumeRole", "sts:TagSession")
    rights = [allow("ecr:*", Condition={"StringEquals": {"aws:PrincipalTag/rank": "high"}})]
    first = play.role("first", rights=[allow(*tagging)], trust=trust(play.herself, actions=tagging))
    second = play.role("second", rights=rights, trust=trust(play.account.id, actions=tagging))
    low, high = ([{"Key": "rank", "Value": value}] for value in ("low", "high"))

    session = play.eve.assume(first, Tags=low, TransitiveTagKeys=["rank"])

    for tags in (high, [{"Key": "RANK", "Value": "high"}]):
        with refused("InvalidParameterValue"):
            session.assume(second, Tags=tags)
    assert not makes_repositories(session.assume(second), play)
    # A tag that was not handed on is gone, and may be set by whoever may set tags.
    assert makes_repositories(play.eve.assume(first, Tags=low).assume(second, Tags=high), play)


def test_abuse_25_a_tag_of_the_role_yields_to_none_of_another_case(play):
    """One key in whatever case: a session's tag takes the place of the role's, and there are never two."""
    tagging = ("sts:AssumeRole", "sts:TagSession")
    condition = {"StringEquals": {"aws:PrincipalTag/rank": "high"}}
    deny = {**allow("ecr:*", Condition={"StringEquals": {"aws:PrincipalTag/RANK": "low"}}), "Effect": "Deny"}
    page = play.role(
        "page",
        rights=[allow("ecr:*", Condition=condition), deny],
        trust=trust(play.herself, actions=tagging),
        Tags=[{"Key": "Rank", "Value": "low"}],
    )

    assert not makes_repositories(play.eve.assume(page), play)
    assert makes_repositories(play.eve.assume(page, Tags=[{"Key": "rAnK", "Value": "high"}]), play)


def test_abuse_25_who_is_behind_a_chain_stays_who_it_is(play):
    carrying = ("sts:AssumeRole", "sts:SetSourceIdentity")
    condition = {"StringEquals": {"sts:SourceIdentity": "boss"}}
    first = play.role("first", rights=[allow(*carrying)], trust=trust(play.herself, actions=carrying))
    second = play.role("second", rights=[EVERYTHING], trust=trust(first, actions=carrying, **condition))
    only_plain = play.role("plain", play.herself, rights=[EVERYTHING])

    assert not may(play.eve.assume, role=only_plain, SourceIdentity="boss")
    as_eve = play.eve.assume(first, SourceIdentity="eve")
    for more in ({}, {"SourceIdentity": "boss"}, {"SourceIdentity": "eve"}):
        assert not may(as_eve.assume, role=second, **more)
    assert may(play.eve.assume(first, SourceIdentity="boss").assume, role=second)


# ── credentials for a while ─────────────────────────────────────────────────────────────────────────


def test_abuse_25_a_federated_user_is_no_more_than_its_maker_and_its_policy(play):
    play.root.ecr.create_repository(repositoryName="app")
    play.give(allow("sts:GetFederationToken", "ecr:DescribeRepositories", "iam:*"))
    bare = play.eve.session(play.eve.sts.get_federation_token(Name="bare"))
    wide = play.eve.session(play.eve.sts.get_federation_token(Name="wide", Policy=policy(EVERYTHING)))

    assert not may(bare.ecr.describe_repositories)
    assert may(wide.ecr.describe_repositories)
    assert not makes_repositories(wide, play)
    assert not may(wide.iam.list_users)
    for call, arguments in (
        ("get_session_token", {}),
        ("get_federation_token", {"Name": "more"}),
        ("assume_role", {"RoleArn": play.arn("role/any"), "RoleSessionName": "run"}),
    ):
        assert not may(getattr(wide.sts, call), **arguments), call
    play.bound("sts:GetFederationToken")
    assert not may(wide.ecr.describe_repositories)


def test_abuse_25_tags_of_a_federated_user_need_their_right(play):
    play.give(
        allow("sts:GetFederationToken"),
        allow("ecr:*", Condition={"StringEquals": {"aws:PrincipalTag/rank": "high"}}),
    )
    wish = {"Name": "puppet", "Policy": policy(EVERYTHING), "Tags": [{"Key": "rank", "Value": "high"}]}

    assert not may(play.eve.sts.get_federation_token, **wish)
    play.give(allow("sts:TagSession"), name="tagging")
    assert makes_repositories(play.eve.session(play.eve.sts.get_federation_token(**wish)), play)


def test_abuse_25_a_key_that_was_taken_back_leaves_nothing_behind(play):
    """Its logins end with it; rights that are taken away end those of sessions and logins that are about."""
    play.root.ecr.create_repository(repositoryName="app")
    page = play.role("page", play.herself, rights=[EVERYTHING])
    play.give(EVERYTHING)
    login, session = play.eve.docker(play.account), play.eve.assume(page)
    own, role_login = play.eve.session(play.eve.sts.get_session_token()), session.docker(play.account)
    own_login = own.docker(play.account)
    for registry in (login, role_login, own_login):
        assert registry("GET", "/v2/app/tags/list").status == 200

    play.iam.delete_access_key(UserName="eve", AccessKeyId=play.eve.key[0])
    assert login("GET", "/v2/app/tags/list").status == 401
    assert not may(play.eve.ecr.describe_repositories)

    play.iam.delete_user_policy(UserName="eve", PolicyName="small")
    assert own_login("GET", "/v2/app/tags/list").status == 403
    assert not may(own.ecr.describe_repositories)

    # What AWS's console writes to revoke the sessions of a role.
    older = {"DateLessThan": {"aws:TokenIssueTime": "2099-01-01T00:00:00Z"}}
    revoked = policy({**allow("*", Condition=older), "Effect": "Deny"})
    play.iam.put_role_policy(RoleName="page", PolicyName="AWSRevokeOlderSessions", PolicyDocument=revoked)
    assert role_login("GET", "/v2/app/tags/list").status == 403
    assert not may(session.ecr.describe_repositories)


def test_abuse_25_a_login_is_for_its_principal_at_whatever_name(play, server):
    """The login of one registry at the name of another is who it is, and may what both sides allow."""
    abroad = Play(server)
    abroad.root.ecr.create_repository(repositoryName="app")
    play.root.ecr.create_repository(repositoryName="app")
    play.give(EVERYTHING)
    there = play.eve.docker(abroad.account)
    assert play.eve.docker(play.account)("GET", "/v2/app/tags/list").status == 200

    assert there("GET", "/v2/app/tags/list").status == 403
    assert there("GET", "/v2/missing/tags/list").status == 403
    assert there("GET", "/v2/_catalog").status == 403
    assert there("POST", "/v2/app/blobs/uploads/").status == 403
    statement = {"Principal": {"AWS": play.account.id}, "Action": "ecr:ListImages"}
    abroad.root.ecr.set_repository_policy(repositoryName="app", policyText=policy(statement))
    assert there("GET", "/v2/app/tags/list").status == 200
    assert there("POST", "/v2/app/blobs/uploads/").status == 403
    play.give(allow("ecr:GetAuthorizationToken"))
    assert there("GET", "/v2/app/tags/list").status == 403


# ── namesakes ───────────────────────────────────────────────────────────────────────────────────────


def test_abuse_29_a_namesake_of_a_user_has_nothing_of_it(play):
    """Not its groups, policies, boundary, tags, keys, sessions or logins; and nobody who trusted it trusts her."""
    _administrators(play)
    play.root.ecr.create_repository(repositoryName="app")
    old = play.user("ann")
    play.iam.add_user_to_group(GroupName="administrators", UserName="ann")
    play.iam.tag_user(UserName="ann", Tags=[{"Key": "rank", "Value": "high"}])
    play.role("hers", play.arn("user/ann"), rights=[EVERYTHING])
    statement = {"Principal": {"AWS": play.arn("user/ann")}, "Action": "ecr:*"}
    play.root.ecr.set_repository_policy(repositoryName="app", policyText=policy(statement))
    session, login = old.session(old.sts.get_session_token()), old.docker(play.account)

    play.iam.remove_user_from_group(GroupName="administrators", UserName="ann")
    play.iam.delete_access_key(UserName="ann", AccessKeyId=old.key[0])
    play.iam.delete_user(UserName="ann")
    new = play.user("ann")

    assert play.iam.list_groups_for_user(UserName="ann")["Groups"] == []
    assert play.iam.list_user_tags(UserName="ann")["Tags"] == []
    assert not makes_repositories(new, play)
    assert not may(new.ecr.list_images, repositoryName="app")
    assert not may(new.assume, role=play.arn("role/hers"))
    for dead in (old, session):
        assert not may(dead.sts.get_caller_identity)
    assert login("GET", "/v2/app/tags/list").status == 401


def test_abuse_29_a_namesake_of_a_role_has_nothing_of_it(play):
    play.root.ecr.create_repository(repositoryName="app")
    page = play.role("page", play.herself, rights=[EVERYTHING])
    play.role("next", page, rights=[EVERYTHING])
    statement = {"Principal": {"AWS": page}, "Action": "ecr:*"}
    play.root.ecr.set_repository_policy(repositoryName="app", policyText=policy(statement))
    session = play.eve.assume(page)
    login = session.docker(play.account)
    assert may(session.ecr.list_images, repositoryName="app")

    play.iam.delete_role_policy(RoleName="page", PolicyName="own")
    play.iam.delete_role(RoleName="page")
    play.role("page", play.herself)
    new = play.eve.assume(page)

    assert not may(session.sts.get_caller_identity)
    assert login("GET", "/v2/app/tags/list").status == 401
    assert not may(new.ecr.list_images, repositoryName="app")
    assert not may(new.assume, role=play.arn("role/next"))


def test_abuse_29_a_namesake_of_a_repository_has_nothing_of_its_policy_or_tags(play):
    _vault_by_tag(play)
    _tag_vault(play, play.root)
    _write_on_vault(play, play.root)
    play.root.ecr.delete_repository(repositoryName="vault")
    play.root.ecr.create_repository(repositoryName="vault")

    assert not may(play.eve.ecr.list_images, repositoryName="vault")
    assert not empties_the_vault(play.eve, play)


def test_abuse_29_a_namesake_of_a_policy_is_attached_to_nobody(play):
    arn = play.managed("shared", allow("ecr:DescribeRepositories"))
    play.iam.attach_user_policy(UserName="eve", PolicyArn=arn)
    with refused("DeleteConflict"):
        play.iam.delete_policy(PolicyArn=arn)
    play.iam.detach_user_policy(UserName="eve", PolicyArn=arn)
    play.iam.delete_policy(PolicyArn=arn)

    play.managed("shared", EVERYTHING)

    assert not makes_repositories(play.eve, play)


# ── tags and variables ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("agent", "won"), [("*", False), ("w*", False), ("???", False), ("won", True)])
def test_abuse_25_what_a_variable_stands_for_is_no_pattern(play, agent, won):
    play.give(allow("ecr:CreateRepository", on="arn:aws:ecr:*:*:repository/${aws:UserAgent}"))

    assert may(play.eve.client("ecr", agent=agent).create_repository, repositoryName="won") == won


@pytest.mark.parametrize("operator", ["StringLike", "StringEquals", "ArnLike"])
@pytest.mark.parametrize("agent", ["*", "arn:*", "arn:aws:iam::*:user/*"])
def test_abuse_25_what_a_variable_stands_for_in_a_condition_is_no_pattern(play, operator, agent):
    condition = {operator: {"aws:PrincipalArn": "${aws:UserAgent}"}}
    play.give(allow("ecr:CreateRepository", Condition=condition))

    assert not may(play.eve.client("ecr", agent=agent).create_repository, repositoryName="won")


@pytest.mark.parametrize("value", ["*", "a?", "${aws:username}", "a\nb"])
def test_abuse_25_a_tag_holds_nothing_that_policies_read_as_more_than_text(play, value):
    play.give(allow("iam:TagUser"))

    with refused("ValidationError"):
        play.eve.iam.tag_user(UserName="eve", Tags=[{"Key": "team", "Value": value}])


@pytest.mark.parametrize("order", [1, -1])
def test_abuse_25_two_cases_of_a_key_are_not_two_tags(play, order):
    """One for the condition, the other for the repository: such a call is refused, whichever comes first."""
    play.root.ecr.create_repository(repositoryName="vault")
    condition = {"StringEquals": {"aws:RequestTag/owner": "eve"}}
    play.give(allow("ecr:TagResource", "ecr:CreateRepository", Condition=condition))
    tags = [{"Key": "owner", "Value": "eve"}, {"Key": "OWNER", "Value": "boss"}][::order]

    with refused_tags():
        play.eve.ecr.tag_resource(resourceArn=play.repository("vault"), tags=tags)
    with refused_tags():
        play.eve.ecr.create_repository(repositoryName="won", tags=tags)
    assert play.root.ecr.list_tags_for_resource(resourceArn=play.repository("vault"))["tags"] == []


def refused_tags() -> Any:
    return pytest.raises(Exception, match=r"InvalidTagParameter|InvalidParameter|AccessDenied")


def test_abuse_25_a_tag_of_another_case_hides_none(play):
    """Who may write no tag ``owner`` cannot put another beside it: the repository has one owner after all."""
    _vault_by_tag(play)
    play.root.ecr.tag_resource(resourceArn=play.repository("vault"), tags=[{"Key": "Owner", "Value": "boss"}])
    condition = {"ForAllValues:StringNotEqualsIgnoreCase": {"aws:TagKeys": "owner"}}
    play.give(allow("ecr:TagResource", Condition=condition), name="tagging")

    for key in ("owner", "OWNER", "oWNER"):
        with refused_tags():
            play.eve.ecr.tag_resource(resourceArn=play.repository("vault"), tags=[{"Key": key, "Value": "eve"}])
    assert not empties_the_vault(play.eve, play)
    with refused_tags():
        play.root.ecr.tag_resource(resourceArn=play.repository("vault"), tags=[{"Key": "OWNER", "Value": "eve"}])


def test_abuse_25_a_tag_counts_as_it_was_before_the_call_that_changes_it(play):
    _vault(play)
    condition = {"StringEquals": {"aws:ResourceTag/owner": "eve"}}
    play.give(allow("ecr:TagResource", "ecr:UntagResource", Condition=condition))
    mine = [{"Key": "owner", "Value": "eve"}]

    assert not may(play.eve.ecr.tag_resource, resourceArn=play.repository("vault"), tags=mine)
    play.root.ecr.tag_resource(resourceArn=play.repository("vault"), tags=mine)
    assert may(play.eve.ecr.untag_resource, resourceArn=play.repository("vault"), tagKeys=["owner"])
    assert not may(play.eve.ecr.tag_resource, resourceArn=play.repository("vault"), tags=mine)


# ── mistakes in policies ────────────────────────────────────────────────────────────────────────────


def test_abuse_25_all_but_iam_is_all_but_iam(play):
    """``NotAction: iam:*`` allows sessions and policies on repositories, and no change of rights by IAM."""
    page = play.role("page", play.account.id, rights=[allow("iam:*")])
    play.iam.put_user_policy(
        UserName="eve", PolicyName="most", PolicyDocument=policy({"NotAction": "iam:*", "Resource": "*"})
    )

    assert makes_repositories(play.eve, play)
    assert not may(play.eve.iam.list_users)
    assert not may(play.eve.iam.attach_user_policy, UserName="eve", PolicyArn=ADMINISTRATOR)
    assert may(play.eve.assume(page).iam.list_users)  # which is why AWS warns of such a policy


def test_abuse_25_all_resources_but_some_are_all_but_those(play):
    for name in ("vault", "vault2"):
        play.root.ecr.create_repository(repositoryName=name)
    but = {"Action": "ecr:*", "NotResource": play.repository("vault")}
    play.iam.put_user_policy(UserName="eve", PolicyName="most", PolicyDocument=policy(but))

    assert not may(play.eve.ecr.list_images, repositoryName="vault")
    assert may(play.eve.ecr.list_images, repositoryName="vault2")
    assert may(play.eve.ecr.get_authorization_token)
    docker = play.eve.docker(play.account)
    assert docker("GET", "/v2/vault/tags/list").status == 403
    assert docker("GET", "/v2/vault2/tags/list").status == 200


def test_abuse_25_a_denial_of_all_but_some_denies_what_it_says(play):
    play.give(EVERYTHING, {"Effect": "Deny", "NotAction": ["ecr:List*", "ecr:Get*"], "Resource": "*"})
    play.root.ecr.create_repository(repositoryName="app")

    assert may(play.eve.ecr.list_images, repositoryName="app")
    assert not makes_repositories(play.eve, play)
    assert not may(play.eve.iam.list_users)
    assert not may(play.eve.sts.get_federation_token, Name="puppet")
    assert may(play.eve.sts.get_caller_identity)


def test_abuse_25_asking_what_others_may_is_a_right_on_those_others(play):
    play.give(allow("iam:SimulatePrincipalPolicy", "iam:GetContextKeysForPrincipalPolicy", on=play.herself))
    actions = {"ActionNames": ["ecr:PutImage"]}

    answer = play.eve.iam.simulate_principal_policy(PolicySourceArn=play.herself, **actions)
    assert answer["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"
    for other in ("user/boss", "user/nobody", "role/deputy", "user/staff/../boss", "user/staff/eve>boss"):
        assert not may(play.eve.iam.simulate_principal_policy, PolicySourceArn=play.arn(other), **actions)
        assert not may(play.eve.iam.get_context_keys_for_principal_policy, PolicySourceArn=play.arn(other))


def test_abuse_25_what_is_asked_of_the_simulator_is_not_done(play):
    """Policies that are given to it, and who is said to call, count for its answer alone."""
    play.give(allow("iam:SimulatePrincipalPolicy", "iam:SimulateCustomPolicy"))
    wish = {"ActionNames": ["ecr:CreateRepository"], "PolicyInputList": [policy(EVERYTHING)]}

    for answer in (
        play.eve.iam.simulate_principal_policy(PolicySourceArn=play.herself, **wish),
        play.eve.iam.simulate_custom_policy(**wish),
    ):
        assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed"
    assert not makes_repositories(play.eve, play)


def test_abuse_26_a_role_is_passed_by_who_may_pass_that_one_to_that_service(play):
    """A right to fill profiles passes no role; a right to pass one role passes no other, and to no other service."""
    play.role("small")
    play.role("deputy", rights=[EVERYTHING])
    play.iam.create_instance_profile(InstanceProfileName="machine")
    call, fill = play.eve.iam.add_role_to_instance_profile, allow("iam:AddRoleToInstanceProfile")
    elsewhere = {"StringEquals": {"iam:PassedToService": "ecr.amazonaws.com"}}

    for statement in (
        allow("iam:PassRole", on=play.arn("role/small")),
        allow("iam:PassRole", on=play.arn("role/deputy"), Condition=elsewhere),
        allow("iam:PassRole", on=play.arn("instance-profile/machine")),
    ):
        play.give(fill, statement)
        assert not may(call, InstanceProfileName="machine", RoleName="deputy")
    here = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    play.give(fill, allow("iam:PassRole", on=play.arn("role/deputy"), Condition=here))
    assert may(call, InstanceProfileName="machine", RoleName="deputy")


def test_abuse_30_a_group_that_was_left_counts_no_more_for_anybody(play, server):
    """Memberships are replaced, not added to (zot CVE-2025-23208). On every worker, with the next request."""
    _administrators(play)
    play.iam.add_user_to_group(GroupName="administrators", UserName="eve")
    play.root.ecr.create_repository(repositoryName="app")
    login = play.eve.docker(play.account)
    assert login("GET", "/v2/app/tags/list").status == 200

    play.iam.remove_user_from_group(GroupName="administrators", UserName="eve")

    # Each request may come to another worker.
    assert {login("GET", "/v2/app/tags/list").status for _ in range(10)} == {403}
    fresh = [Person(server, play.eve.key) for _ in range(5)]
    assert not any(may(each.ecr.describe_repositories) for each in fresh)
    play.iam.attach_user_policy(UserName="eve", PolicyArn=ADMINISTRATOR)
    assert {login("GET", "/v2/app/tags/list").status for _ in range(10)} == {200}
    play.iam.detach_user_policy(UserName="eve", PolicyArn=ADMINISTRATOR)
    assert {login("GET", "/v2/app/tags/list").status for _ in range(10)} == {403}


def test_abuse_25_the_root_user_of_another_account_is_a_stranger(play, server):
    abroad = Person(server, (*new_account(server).key, None))
    play.role("open", play.account.id, rights=[EVERYTHING])

    assert not may(abroad.assume, role=play.arn("role/open"))
    assert not may(abroad.ecr.describe_repositories, registryId=play.account.id)
    with refused("NoSuchEntity"):
        abroad.iam.get_user(UserName="eve")
