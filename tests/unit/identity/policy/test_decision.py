"""The order in which policies are asked. Source: security-design 1.3; IAM user guide, "Policy evaluation logic"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.identity.policy import Caller, Kind
from tests.unit.identity.policy.asking import (
    ACCOUNT,
    ALICE,
    ALLOW,
    DENY,
    MALLORY,
    NOTHING,
    OTHER,
    REPOSITORY,
    ROLE,
    ROOT,
    SERVICE,
    SESSION,
    ask,
    granting,
    policy,
    repository,
)

_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
_OWN = {"AWS": ACCOUNT}


def _key_policy(principal):
    return policy({"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}, kind=Kind.KEY)


def _trust(principal, action="sts:AssumeRole"):
    return policy({"Effect": "Allow", "Principal": principal, "Action": action}, kind=Kind.TRUST)


def test_nothing_allows_by_itself():
    assert ask().outcome == "ImplicitlyDenied"


def test_a_deny_anywhere_wins_over_every_allow():
    everything = {
        "identity": [policy(ALLOW)],
        "boundary": policy(ALLOW),
        "session": [policy(ALLOW, kind=Kind.SESSION)],
        "resource": granting({"AWS": ALICE.arn}),
        "registry": policy({**ALLOW, "Principal": "*"}, kind=Kind.REGISTRY),
        "scps": [[policy(ALLOW, kind=Kind.SCP)]],
        "endpoint": policy({**ALLOW, "Principal": "*"}, kind=Kind.ENDPOINT),
    }
    denials = {
        "identity": [policy(ALLOW), policy(DENY)],
        "boundary": policy(ALLOW, DENY),
        "session": [policy(ALLOW, DENY, kind=Kind.SESSION)],
        "resource": repository({"Effect": "Deny", "Principal": _OWN, "Action": "ecr:*"}),
        "registry": policy({**DENY, "Principal": "*"}, kind=Kind.REGISTRY),
        "scps": [[policy(ALLOW, kind=Kind.SCP)], [policy(ALLOW, DENY, kind=Kind.SCP)]],
        "rcps": [[policy({**DENY, "Principal": "*"}, kind=Kind.RCP)]],
        "endpoint": policy({**ALLOW, "Principal": "*"}, {**DENY, "Principal": "*"}, kind=Kind.ENDPOINT),
    }

    assert ask(**everything).outcome == "Allowed"
    for side, denial in denials.items():
        decision = ask(**{**everything, side: denial})
        assert decision.outcome == "ExplicitlyDenied", side
        assert decision.layer == {"registry": "resource", "scps": "scp", "rcps": "rcp"}.get(side, side)


@pytest.mark.parametrize(
    ("sides", "reason"),
    [
        ({}, "because no identity-based policy allows the ecr:BatchGetImage action"),
        (
            {"identity": [policy(ALLOW)], "boundary": policy(NOTHING)},
            "because no permissions boundary allows the ecr:BatchGetImage action",
        ),
        (
            {"identity": [policy(ALLOW)], "session": [policy(NOTHING, kind=Kind.SESSION)]},
            "because no session policy allows the ecr:BatchGetImage action",
        ),
        (
            {"identity": [policy(ALLOW)], "scps": [[policy(NOTHING, kind=Kind.SCP)]]},
            "because no service control policy allows the ecr:BatchGetImage action",
        ),
        (
            {
                "identity": [policy(ALLOW)],
                "endpoint": policy({**NOTHING, "Principal": "*"}, kind=Kind.ENDPOINT),
            },
            "because no VPC endpoint policy allows the ecr:BatchGetImage action",
        ),
        ({"identity": [policy(DENY)]}, "with an explicit deny in an identity-based policy"),
        ({"boundary": policy(DENY)}, "with an explicit deny in a permissions boundary"),
        ({"session": [policy(DENY, kind=Kind.SESSION)]}, "with an explicit deny in a session policy"),
        (
            {"resource": repository({"Effect": "Deny", "Principal": "*", "Action": "*"})},
            "with an explicit deny in a resource-based policy",
        ),
        ({"scps": [[policy(DENY, kind=Kind.SCP)]]}, "with an explicit deny in a service control policy"),
        (
            {"rcps": [[policy({**DENY, "Principal": "*"}, kind=Kind.RCP)]]},
            "with an explicit deny in a resource control policy",
        ),
        (
            {"endpoint": policy({**DENY, "Principal": "*"}, kind=Kind.ENDPOINT)},
            "with an explicit deny in a VPC endpoint policy",
        ),
    ],
)
def test_a_refusal_names_the_kind_of_policy(sides, reason):
    """Source: ecr-api C.4."""
    assert ask(**sides).reason == reason


def test_a_decision_names_the_statement_that_made_it():
    denied = ask(identity=[policy(ALLOW, name="a"), policy(NOTHING, DENY, name="b")])
    allowed = ask(resource=repository({"Effect": "Allow", "Principal": {"AWS": ALICE.arn}, "Action": "ecr:*"}))

    assert (denied.policy, denied.statement) == ("b", 1)
    assert (allowed.layer, allowed.policy, allowed.statement) == ("resource", "repository", 0)


def test_everybody_who_signs_may_ask_who_they_are():
    assert ask(action="sts:GetCallerIdentity", on="*", identity=[policy(DENY)]).allowed
    assert not ask(None, "sts:GetCallerIdentity", on="*").allowed


@pytest.mark.parametrize("principal", [{"AWS": ALICE.arn}, {"AWS": ALICE.id}, "*", {"AWS": "*"}])
def test_a_grant_to_the_caller_itself_is_not_limited_by_what_others_do_not_allow(principal):
    limits = {"boundary": policy(NOTHING), "session": [policy(NOTHING, kind=Kind.SESSION)]}

    assert ask(resource=granting(principal), **limits).allowed


@pytest.mark.parametrize("principal", [{"AWS": ROLE}, {"AWS": SESSION.source_id}])
def test_a_grant_to_a_role_is_limited_by_boundary_and_session(principal):
    assert ask(SESSION, resource=granting(principal)).allowed
    assert ask(SESSION, resource=granting(principal), boundary=policy(NOTHING)).layer == "identity"
    assert not ask(SESSION, resource=granting(principal), session=[policy(NOTHING, kind=Kind.SESSION)]).allowed


def test_a_grant_to_the_account_only_delegates():
    assert not ask(resource=granting(_OWN)).allowed
    assert ask(resource=granting(_OWN), identity=[policy(ALLOW)]).allowed


@pytest.mark.parametrize(
    "principal", [{"AWS": OTHER}, {"AWS": f"arn:aws:iam::{OTHER}:root"}, {"AWS": MALLORY.arn}, "*"]
)
def test_abuse_28_across_accounts_both_sides_must_allow(principal):
    consent = granting(principal)
    wish = [policy(ALLOW)]

    assert ask(MALLORY, resource=consent, identity=wish).allowed
    assert ask(MALLORY, resource=consent).reason.startswith("because no identity-based policy")
    assert ask(MALLORY, identity=wish).reason.startswith("because no resource-based policy")
    assert ask(MALLORY).reason.startswith("because no resource-based policy")


def test_abuse_28_the_registry_s_policy_is_part_of_the_resource_s_side():
    consent = policy({**ALLOW, "Principal": {"AWS": OTHER}}, kind=Kind.REGISTRY)

    assert ask(MALLORY, registry=consent, identity=[policy(ALLOW)]).allowed


def test_the_anonymous_need_a_policy_that_means_everybody():
    assert ask(None, resource=granting("*")).allowed
    assert not ask(None, resource=granting({"AWS": OTHER})).allowed
    assert not ask(None).allowed
    assert not ask(
        None, resource=granting("*"), endpoint=policy({**NOTHING, "Principal": "*"}, kind=Kind.ENDPOINT)
    ).allowed


def test_abuse_27_a_service_must_be_named():
    named = granting({"Service": SERVICE.arn})

    assert ask(SERVICE, resource=named).allowed
    assert not ask(SERVICE, resource=granting("*")).allowed
    assert not ask(SERVICE, resource=granting({"Service": "ec2.amazonaws.com"})).allowed
    assert ask(SERVICE, resource=repository({"Effect": "Deny", "Principal": "*", "Action": "*"})).outcome == (
        "ExplicitlyDenied"
    )


def test_an_endpoint_lets_services_through_where_it_lets_everybody():
    through = policy({**ALLOW, "Principal": "*"}, kind=Kind.ENDPOINT)

    assert ask(SERVICE, resource=granting({"Service": SERVICE.arn}), endpoint=through).allowed


def test_service_control_policies_do_not_limit_services_the_management_account_or_linked_roles():
    none = [[policy(DENY, kind=Kind.SCP)]]
    manager = Caller(ALICE.arn, ACCOUNT, "user", management=True)
    linked = Caller(SESSION.arn, ACCOUNT, "role session", source_arn=ROLE, service_linked=True)

    assert ask(SERVICE, resource=granting({"Service": SERVICE.arn}), scps=none).allowed
    assert ask(manager, identity=[policy(ALLOW)], scps=none).allowed
    assert ask(linked, identity=[policy(ALLOW)], scps=none).allowed
    assert ask(linked, identity=[policy(ALLOW)], rcps=[[policy({**DENY, "Principal": "*"}, kind=Kind.RCP)]]).allowed


def test_every_level_of_service_control_policies_must_allow():
    yes, no = [policy(ALLOW, kind=Kind.SCP)], [policy(NOTHING, kind=Kind.SCP)]

    assert ask(identity=[policy(ALLOW)], scps=[yes, yes]).allowed
    assert ask(identity=[policy(ALLOW)], scps=[yes, [*no, *yes]]).allowed
    assert ask(identity=[policy(ALLOW)], scps=[yes, no]).layer == "scp"
    assert ask(identity=[policy(ALLOW)], scps=[yes, []]).layer == "scp"


def test_the_root_user_may_do_everything_that_nobody_denies():
    assert ask(ROOT).allowed
    assert not ask(ROOT, scps=[[policy(NOTHING, kind=Kind.SCP)]]).allowed
    assert not ask(ROOT, owner=OTHER).allowed


@pytest.mark.parametrize("caller", [ALICE, ROOT])
def test_a_key_is_used_by_its_policy_and_by_others_only_where_it_names_the_account(caller):
    asked = {"on": _KEY, "identity": [policy(ALLOW)]}

    assert not ask(caller, "kms:Decrypt", **asked).allowed
    assert not ask(caller, "kms:Decrypt", resource=_key_policy({"AWS": MALLORY.arn}), **asked).allowed
    assert ask(caller, "kms:Decrypt", resource=_key_policy(_OWN), **asked).allowed


def test_a_role_is_assumed_by_its_trust_policy():
    asked = {"on": f"arn:aws:iam::{ACCOUNT}:role/target"}

    assert ask(action="sts:AssumeRole", resource=_trust({"AWS": ALICE.arn}), **asked).allowed
    assert not ask(action="sts:AssumeRole", resource=_trust(_OWN), **asked).allowed
    assert ask(action="sts:AssumeRole", resource=_trust(_OWN), identity=[policy(ALLOW)], **asked).allowed
    assert not ask(action="sts:AssumeRole", identity=[policy(ALLOW)], **asked).allowed


def test_a_web_identity_must_be_named_as_such():
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com"
    token = Caller(provider, "", "web identity")
    asked = {"action": "sts:AssumeRoleWithWebIdentity", "on": ROLE}

    assert ask(token, resource=_trust({"Federated": provider}, "sts:AssumeRoleWithWebIdentity"), **asked).allowed
    assert not ask(token, resource=_trust("*", "sts:AssumeRoleWithWebIdentity"), **asked).allowed
    assert not ask(token, resource=_trust({"AWS": provider}, "sts:AssumeRoleWithWebIdentity"), **asked).allowed


def _all_but(principal):
    return repository({"Effect": "Deny", "NotPrincipal": principal, "Action": "*"})


@pytest.mark.parametrize("principal", [{"AWS": [ROLE, SESSION.arn]}, {"AWS": ROLE}, {"AWS": SESSION.arn}, _OWN])
def test_a_deny_of_all_but_some_spares_those_who_are_meant_in_any_way(principal):
    assert ask(SESSION, resource=_all_but(principal), identity=[policy(ALLOW)]).allowed


def test_a_deny_of_all_but_some_meets_everybody_else_and_whoever_has_a_boundary():
    """Source: IAM user guide, "NotPrincipal": with a boundary the listed are denied as well."""
    assert ask(resource=_all_but({"AWS": SESSION.arn}), identity=[policy(ALLOW)]).outcome == "ExplicitlyDenied"
    assert ask(resource=_all_but({"AWS": ALICE.arn}), identity=[policy(ALLOW)], boundary=policy(ALLOW)).outcome == (
        "ExplicitlyDenied"
    )


def test_abuse_29_a_namesake_with_another_id_is_not_meant():
    namesake = Caller(ALICE.arn, ACCOUNT, "user", "AIDAALICE000000000002")

    assert ask(resource=granting({"AWS": ALICE.id})).allowed
    assert not ask(namesake, resource=granting({"AWS": ALICE.id})).allowed


def test_what_cannot_be_read_denies_and_does_not_allow():
    unreadable = {"Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}}
    context = {"aws:MultiFactorAuthAge": "soon"}

    assert not ask(identity=[policy({**ALLOW, **unreadable})], context=context).allowed
    assert ask(identity=[policy(ALLOW, {**DENY, **unreadable})], context=context).outcome == "ExplicitlyDenied"


def test_an_action_does_not_mind_case_and_is_not_trimmed():
    assert ask(action="ECR:batchgetIMAGE", identity=[policy({**ALLOW, "Action": "ecr:BatchGet*"})]).allowed
    assert not ask(identity=[policy({**ALLOW, "Action": "ecr:BatchGetImage "})]).allowed


def test_a_grant_that_does_not_say_of_what_grants_nothing():
    assert not ask(identity=[policy({"Effect": "Allow", "Action": "*"})]).allowed
    assert ask(identity=[policy(ALLOW, {"Effect": "Deny", "Action": "*"})]).outcome == "ExplicitlyDenied"


def test_abuse_68_any_number_of_action_names_fills_no_memory():
    asked = policy(ALLOW)

    for number in range(3_000):
        assert ask(action=f"ecr:Action{number}", identity=[asked]).allowed

    assert len(asked.rules.__self__) <= 1_000


_EFFECTS = st.sampled_from(["Allow", "Deny"])
_PRINCIPALS = st.sampled_from(["*", _OWN, {"AWS": OTHER}, {"AWS": ALICE.arn}, {"AWS": ROLE}, {"Service": SERVICE.arn}])
_CONDITIONS = st.sampled_from(
    [
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"NumericLessThan": {"aws:MultiFactorAuthAge": "60"}},
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}},
    ]
)


@st.composite
def _statements(draw, *, named, effects=_EFFECTS):
    statement = {"Effect": draw(effects), "Condition": draw(_CONDITIONS)}
    statement[draw(st.sampled_from(["Action", "NotAction"]))] = draw(
        st.sampled_from(["*", "ecr:*", "ecr:BatchGetImage", "ecr:Put*"])
    )
    if named:
        statement["Principal"] = draw(_PRINCIPALS)
    else:
        statement[draw(st.sampled_from(["Resource", "NotResource"]))] = draw(
            st.sampled_from(["*", REPOSITORY, "arn:aws:ecr:*:*:repository/*", "arn:aws:s3:::x"])
        )
    return statement


_NAMED = {"identity": False, "boundary": False, "session": False, "resource": True, "scps": False}
_KINDS = {"session": Kind.SESSION, "resource": Kind.REPOSITORY, "scps": Kind.SCP}


def _made(side, statements):
    made = policy(*statements, kind=_KINDS.get(side, Kind.IDENTITY))
    return {"identity": [made], "session": [made], "scps": [[made]]}.get(side, made)


@given(
    sides=st.fixed_dictionaries(
        {side: st.lists(_statements(named=named), max_size=3) for side, named in _NAMED.items()}
    ),
    data=st.data(),
    caller=st.sampled_from([ALICE, ROOT, SESSION, MALLORY, SERVICE, None]),
    context=st.fixed_dictionaries(
        {},
        optional={
            "aws:SecureTransport": st.sampled_from(["true", "false", "?"]),
            "aws:PrincipalOrgID": st.sampled_from(["o-1", "o-2"]),
            "aws:MultiFactorAuthAge": st.sampled_from(["1", "100", "soon"]),
            "aws:TagKeys": st.lists(st.sampled_from(["a", "b"])),
        },
    ),
)
def test_another_deny_never_allows_and_another_allow_never_denies(sides, data, caller, context):
    side = data.draw(st.sampled_from(sorted(_NAMED)))
    effect = data.draw(_EFFECTS)
    more = data.draw(_statements(named=_NAMED[side], effects=st.just(effect)))
    before = {name: _made(name, statements) for name, statements in sides.items()}
    after = before | {side: _made(side, [*sides[side], more])}

    was, becomes = (ask(caller, context=context, **asked).allowed for asked in (before, after))

    assert becomes <= was if effect == "Deny" else becomes >= was
