"""The door: every policy that concerns a request, asked anew when something changes and remembered until then."""

import json

import pytest

from entrepot import clock
from entrepot.errors import AccessDenied
from entrepot.identity import attachments, authority, boundaries, inline_policies, policies, users
from entrepot.identity.facts import Facts, Guard
from entrepot.identity.policy import Kind, compile_policy
from entrepot.identity.principals import root_of
from tests.unit.identity.conftest import ACCOUNT

OTHER = "210987654321"
REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/app"
PULL = "ecr:BatchGetImage"


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **condition):
    more = {"Condition": condition} if condition else {}
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.fixture
def grant(world):
    """Give somebody an inline policy."""

    def give(owner, *statements, name="own"):
        world.database.write(
            lambda tx: inline_policies.put(
                tx, owner.id, name, document=document(*statements), kind="user", owner=owner.name
            )
        )

    return give


def may(directory, principal, action=PULL, resource=REPOSITORY, **facts):
    try:
        directory.authorize(principal, action, resource, facts=Facts(**facts))
    except AccessDenied:
        return False
    return True


def test_root_may_everything_at_home_and_nothing_elsewhere(world):
    directory = world.directory()

    assert may(directory, root_of(ACCOUNT), "ecr:DeleteRepository")
    assert may(directory, root_of(ACCOUNT), "iam:CreateUser", "*")
    assert not may(directory, root_of(OTHER))


def test_a_new_user_may_nothing(world):
    ada = world.user("ada")

    with pytest.raises(AccessDenied) as caught:
        world.directory().authorize(ada, PULL, REPOSITORY)
    assert str(caught.value) == (
        f"User: arn:aws:iam::{ACCOUNT}:user/ada is not authorized to perform: ecr:BatchGetImage on resource: "
        f"{REPOSITORY} because no identity-based policy allows the ecr:BatchGetImage action"
    )


def test_everybody_may_ask_who_they_are(world):
    assert may(world.directory(), world.user("ada"), "sts:GetCallerIdentity", "*")


def test_a_policy_counts_from_the_next_request_on_until_it_is_gone(world, grant):
    directory, ada = world.directory(), world.user("ada")
    assert not may(directory, ada)

    grant(ada, allow("ecr:*"))
    assert may(directory, ada)
    grant(ada, allow("ecr:*"), {"Effect": "Deny", "Action": PULL, "Resource": "*"})
    assert not may(directory, ada)
    world.database.write(lambda tx: inline_policies.remove(tx, ada.id, "own", kind="user"))
    assert not may(directory, ada, "ecr:PutImage")


def test_policies_of_aws_can_be_attached(world):
    directory, ada = world.directory(), world.user("ada")
    arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"

    world.database.write(lambda tx: attachments.attach(tx, ada.id, arn, kind="User", account=ACCOUNT))

    assert may(directory, ada)
    assert not may(directory, ada, "ecr:PutImage")


def test_what_is_remembered_is_told_apart_by_what_conditions_look_at(world, grant):
    directory, ada = world.directory(), world.user("ada")
    grant(ada, allow("ecr:*", IpAddress={"aws:SourceIp": "10.0.0.0/8"}))

    for _ in range(2):
        assert may(directory, ada, address="10.1.2.3")
        assert not may(directory, ada, address="192.0.2.1")
        assert not may(directory, ada, address="10.1.2.3", endpoint="vpce-1")


def test_a_decision_is_made_once_as_long_as_nothing_changes(world, grant, monkeypatch):
    directory, ada = world.directory(), world.user("ada")
    grant(ada, allow("ecr:*", IpAddress={"aws:SourceIp": "10.0.0.0/8"}))
    assert may(directory, ada, address="10.1.2.3", agent="docker")

    monkeypatch.setattr("entrepot.identity.authority.decide", None)  # whoever asks now gets a TypeError

    assert may(directory, ada, address="10.1.2.3", agent="podman")
    with pytest.raises(TypeError):
        may(directory, ada, address="10.1.2.4")


def test_what_depends_on_the_time_is_not_remembered(world, grant):
    directory, ada = world.directory(), world.user("ada")
    now = int(clock.now())
    grant(ada, allow("ecr:*", NumericLessThan={"aws:EpochTime": str(now + 100)}))

    assert directory.authorize(ada, PULL, REPOSITORY) is False
    clock.travel(200)
    try:
        assert not may(directory, ada)
    finally:
        clock.travel(-200)
    assert may(directory, ada)


def test_who_asks_can_rely_on_what_does_not_depend_on_the_time(world, grant):
    directory, ada = world.directory(), world.user("ada")
    grant(ada, allow("ecr:*"))

    assert directory.authorize(ada, PULL, REPOSITORY) is True


def test_variables_are_filled_in_from_who_asks(world, grant):
    directory, ada, bob = world.directory(), world.user("ada"), world.user("bob")
    home = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/home/"
    for somebody in (ada, bob):
        grant(somebody, allow("ecr:*", home + "${aws:username}/*"))

    assert may(directory, ada, resource=home + "ada/app")
    assert not may(directory, bob, resource=home + "ada/app")


def test_across_accounts_both_sides_have_to_agree(world, grant):
    directory, ada = world.directory(), world.user("ada")
    foreign = f"arn:aws:ecr:us-east-1:{OTHER}:repository/app"
    text = document({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "ecr:*"})
    text = text.replace(', "Resource": "*"', "")
    guard = Guard(OTHER, compile_policy(text, Kind.REPOSITORY))

    def reason():
        with pytest.raises(AccessDenied) as caught:
            directory.authorize(ada, PULL, foreign, guard=guard)
        return str(caught.value).partition(" because ")[2]

    assert reason() == "no identity-based policy allows the ecr:BatchGetImage action"
    grant(ada, allow("ecr:*"))
    directory.authorize(ada, PULL, foreign, guard=guard)
    with pytest.raises(AccessDenied, match="because no resource-based policy allows"):
        directory.authorize(ada, PULL, foreign)


def test_a_boundary_limits(world, grant):
    directory, ada = world.directory(), world.user("ada")
    grant(ada, allow("ecr:*"))
    made = world.database.write(
        lambda tx: policies.create(
            tx, ACCOUNT, name="bound", path="/", description="", document=document(allow("ecr:Describe*"))
        )
    )
    assert may(directory, ada)

    world.database.write(lambda tx: boundaries.put(tx, users.get(tx, ACCOUNT, name="ada"), made.arn))

    with pytest.raises(AccessDenied, match="because no permissions boundary allows the ecr:BatchGetImage action"):
        directory.authorize(ada, PULL, REPOSITORY)
    assert may(directory, ada, "ecr:DescribeImages")


def test_abuse_68_whatever_is_asked_little_is_remembered_and_all_of_it_right(world, grant, monkeypatch):
    """Of resources that a client makes up, and of values that it sends: what is remembered has a most."""
    monkeypatch.setattr(authority, "_MOST_PAIRS", 20)
    monkeypatch.setattr(authority, "_MOST_DECISIONS", 5)
    monkeypatch.setattr(authority, "_MOST_GRANTED", 10)
    directory, ada, bob = world.directory(), world.user("ada"), world.user("bob")
    grant(bob, allow("ecr:*", f"{REPOSITORY}-1*"))
    grant(ada, allow("ecr:*", f"{REPOSITORY}-1*", StringLike={"aws:UserAgent": "good-*"}))
    mine = directory._current().authority

    for number in range(100):
        name = f"{REPOSITORY}-{number}"
        assert may(directory, ada, resource=name, agent="good-1") == str(number).startswith("1")
        assert may(directory, ada, resource=f"{REPOSITORY}-1", agent=f"good-{number}")
        assert not may(directory, ada, f"ecr:Made{number}Up", f"{REPOSITORY}-1", agent=f"bad-{number}")
        assert may(directory, bob, f"ecr:Made{number}Up", name) == str(number).startswith("1")
        assert may(directory, bob, f"ecr:Made{number}Up", f"{REPOSITORY}-1")
        assert len(mine._granted) <= 10
        assert len(mine._pairs) <= 20
        assert max(len(pair.decisions) for pair in mine._pairs.values()) <= 5
    assert directory._current().authority is mine
