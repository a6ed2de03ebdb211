"""Resources and principals of statements. Source: security-design 1.2."""

import pytest

from entrepot.identity.policy import Caller
from entrepot.identity.policy.arns import resource_matcher, split
from entrepot.identity.policy.compiled import TIME_KEYS
from entrepot.identity.policy.principals import ACCOUNT, DIRECT, NOT, VIA, compile_principal, refused
from tests.unit.identity.policy.asking import ALICE, ALLOW, MALLORY, ROOT, SERVICE, SESSION, ask, policy

_APP = "arn:aws:ecr:us-east-1:111111111111:repository/team/app"


def _means(pattern, arn, **context):
    match, _ = resource_matcher(pattern, variables=True)
    return match(arn, split(arn), {key.replace("_", ":"): value for key, value in context.items()})


@pytest.mark.parametrize(
    ("pattern", "arn", "does"),
    [
        ("*", "*", True),
        ("*", _APP, True),
        (_APP, _APP, True),
        ("arn:aws:ecr:us-east-1:111111111111:repository/*", _APP, True),
        ("arn:aws:ecr:*:*:repository/team/???", _APP, True),
        ("arn:aws:ecr:us-????-1:111111111111:repository/t*p", _APP, True),
        ("arn:aws:ecr:us-east-1:111111111111:repository/Team/app", _APP, False),  # case counts
        ("arn:aws:ecr:*:repository/team/app", _APP, False),  # a star ends with its part
        ("arn:aws:ecr:*", _APP, True),  # what is missing is any
        ("arn:aws:ecr", _APP, True),
        ("arn:aws:iam", _APP, False),
        ("arn:*", "*", False),
        ("?", "*", False),
        ("arn:aws:logs:us-east-1:111111111111:a*c", "arn:aws:logs:us-east-1:111111111111:a:b:c", True),
    ],
)
def test_a_resource_is_matched_part_by_part(pattern, arn, does):
    assert _means(pattern, arn) is does


def test_variables_of_a_resource_are_literal_and_stand_in_its_last_part():
    home = "arn:aws:ecr:*:*:repository/${aws:username}/*"

    assert _means(home, "arn:aws:ecr:r:1:repository/alice/app", aws_username="alice")
    assert not _means(home, "arn:aws:ecr:r:1:repository/bob/app", aws_username="*")
    assert _means(home, "arn:aws:ecr:r:1:repository/*/app", aws_username="*")
    assert not _means(home, "arn:aws:ecr:r:1:repository/alice/app")
    assert not _means(home, "*", aws_username="alice")
    assert not _means("arn:aws:ecr:*:${aws_account}:repository/*", _APP, aws_account="111111111111")


def test_not_resource_without_a_value_for_its_variable_means_everything():
    statement = {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:ecr:*:*:repository/${aws:username}"}

    assert ask(identity=[policy(statement)]).allowed
    assert not ask(identity=[policy(statement)], context={"aws:username": "team/app"}).allowed


def test_not_resource_of_everything_means_nothing():
    assert not ask(identity=[policy({"Effect": "Allow", "Action": "*", "NotResource": "*"})]).allowed


def test_a_policy_knows_the_keys_that_a_decision_by_it_depends_on():
    asked = policy(
        {**ALLOW, "Condition": {"DateLessThan": {"aws:CurrentTime": "2030-01-01"}}},
        {**ALLOW, "Resource": "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/Team}"},
        {**ALLOW, "Condition": {"StringEquals": {"ecr:ResourceTag/Owner": "${aws:userid}"}}},
    )

    assert asked.keys == {"aws:currenttime", "aws:principaltag/team", "ecr:resourcetag/owner", "aws:userid"}
    assert asked.keys & TIME_KEYS == {"aws:currenttime"}


_ROLE = SESSION.source_arn


@pytest.mark.parametrize(
    ("principal", "caller", "how"),
    [
        ("*", ALICE, DIRECT),
        ("*", None, DIRECT),
        ({"AWS": ["x", "*"]}, None, DIRECT),
        ("*", SERVICE, NOT),
        ({"AWS": ALICE.arn}, ALICE, DIRECT),
        ({"AWS": ALICE.id}, ALICE, DIRECT),
        ({"AWS": "111111111111"}, ALICE, ACCOUNT),
        ({"AWS": "arn:aws:iam::111111111111:root"}, ALICE, ACCOUNT),
        ({"AWS": ["111111111111", ALICE.arn]}, ALICE, DIRECT),
        ({"AWS": "arn:aws:iam::111111111111:root"}, ROOT, ACCOUNT),
        ({"AWS": "111111111111"}, MALLORY, NOT),
        ({"AWS": "111111111111"}, None, NOT),
        ({"AWS": _ROLE}, SESSION, VIA),
        ({"AWS": SESSION.source_id}, SESSION, VIA),
        ({"AWS": SESSION.arn}, SESSION, DIRECT),
        ({"AWS": _ROLE}, Caller(_ROLE, "111111111111", "role"), VIA),
        ({"Service": "replication.ecr.amazonaws.com"}, SERVICE, DIRECT),
        ({"AWS": "replication.ecr.amazonaws.com"}, SERVICE, NOT),
        ({"Federated": "accounts.google.com"}, Caller("accounts.google.com", "", "web identity"), DIRECT),
        ({"Service": ALICE.arn}, ALICE, NOT),
        ("111111111111", ALICE, NOT),
        (None, ALICE, NOT),
    ],
)
def test_how_a_caller_is_meant(principal, caller, how):
    assert compile_principal(principal, granting=True)(caller) == how


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"AWS": ["111111111111", "arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:user/a/b"]},
        {"AWS": "arn:aws:sts::111111111111:assumed-role/ci/build"},
        {"AWS": "arn:aws:sts::111111111111:federated-user/bob"},
        {"AWS": "AIDAALICE000000000001"},
        {"Service": "ecr.amazonaws.com", "Federated": "arn:aws:iam::111111111111:oidc-provider/gitlab.com/x"},
        {"Federated": "accounts.google.com"},
    ],
)
def test_forms_of_principals_that_may_be_saved(principal):
    assert refused(principal) is None


@pytest.mark.parametrize(
    ("principal", "said"),
    [
        ("111111111111", '"AWS":"111111111111"'),
        ({"AWS": "arn:aws:iam::111111111111:role/*"}, '"AWS":"arn:aws:iam::111111111111:role/*"'),
        ({"AWS": "arn:aws:iam::111111111111:group/a"}, '"AWS":"arn:aws:iam::111111111111:group/a"'),
        ({"AWS": "arn:aws:iam::*:root"}, '"AWS":"arn:aws:iam::*:root"'),
        ({"AWS": ["111111111111", "11111111111"]}, '"AWS":"11111111111"'),
        ({"CanonicalUser": "abc"}, '"CanonicalUser":"abc"'),
        ({"Service": "*"}, '"Service":"*"'),
        ({"Federated": "*"}, '"Federated":"*"'),
    ],
)
def test_forms_of_principals_that_may_not(principal, said):
    assert refused(principal) == said
