"""Temporary credentials: what they say, what opens them, and what ends them early."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, update

from entrepot import clock
from entrepot.database import Statement
from entrepot.identity import sessions
from entrepot.identity.faults import LoginInvalid, TokenInvalid
from entrepot.identity.rows import raise_generation
from entrepot.identity.session_faults import PackedPolicyTooLarge
from entrepot.identity.sessions import Session
from entrepot.identity.tables import roles, users
from entrepot.identity.users import get
from tests.support.identities import dismiss

ACCOUNT = "123456789012"
ROLE = "AROAAAAAAAAAAAAAAAAAA"

_ROLE = Statement(insert(roles))
_VOID_ROLE = Statement(update(roles).where(roles.c.id == ROLE).values(valid_after=bindparam("at")))
_VOID_USER = Statement(update(users).where(users.c.id == bindparam("user")).values(valid_after=bindparam("at")))


@pytest.fixture
def role(world):
    row: dict[str, Any] = {
        "id": ROLE,
        "account": ACCOUNT,
        "name": "builder",
        "path": "/ci/",
        "description": "",
        "trust": "{}",
    }
    row |= {"max_session": 3600, "boundary": None, "created_at": 0.0, "valid_after": 0.0}
    world.database.write(lambda tx: tx.run(_ROLE, **row, last_used_at=None, last_used_region=None))
    return ROLE


def session(kind="role", principal=ROLE, **members):
    now = clock.now()
    name = "" if kind == "user" else "run-1"
    return replace(Session(kind, principal, ACCOUNT, name, now, now + 900), **members)


def void(world, statement, **params):
    def work(tx):
        tx.run(statement, at=clock.now() + 1, **params)
        raise_generation(tx)

    world.database.write(work)


def test_a_token_holds_the_whole_session(world):
    ring = world.directory().ring
    full = session(
        depth=2,
        source_identity="ann",
        tags=(("team", "a"), ("Stage", "")),
        transitive=("team",),
        policy='{"Version":"2012-10-17","Statement":[]}',
        policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
        mfa_at=12.5,
        provider="arn:aws:iam::123456789012:oidc-provider/token.example.com",
        subject="repo:a/b:ref:refs/heads/main",
        audience="sts.amazonaws.com",
    )

    issued = sessions.issue(ring, full)
    opened = sessions.open_token(ring, issued.access_key_id, token=issued.token)

    assert opened == (full, issued.secret)
    assert issued.expires_at == full.expires_at
    assert sessions.account_of_key(issued.access_key_id) == ACCOUNT


def test_a_token_opens_for_its_own_access_key_only(world):
    ring = world.directory().ring
    one, other = sessions.issue(ring, session()), sessions.issue(ring, session())

    with pytest.raises(TokenInvalid):
        sessions.open_token(ring, other.access_key_id, token=one.token)


def test_abuse_32_a_session_token_is_no_login_and_a_login_is_no_session_token(world, role):
    directory = world.directory()
    issued = sessions.issue(directory.ring, session())
    credential = directory.credential(issued.access_key_id, issued.token)
    login = directory.logins.issue(credential.principal, issued.access_key_id, "us-east-1")

    with pytest.raises(LoginInvalid):
        directory.logins.open(issued.token)
    assert directory.credential(issued.access_key_id, login.password) is None


def test_a_session_of_a_role_is_somebody_with_the_role_behind_it(world, role):
    directory = world.directory()
    issued = sessions.issue(directory.ring, session())

    found = directory.credential(issued.access_key_id, issued.token)

    assert found.secret == issued.secret
    assert found.principal.id == f"{ROLE}:run-1"
    assert found.principal.arn == "arn:aws:sts::123456789012:assumed-role/builder/run-1"
    assert found.principal.source.arn == "arn:aws:iam::123456789012:role/ci/builder"


def test_a_users_own_session_is_the_user(world):
    ann = world.user("ann")
    directory = world.directory()
    issued = sessions.issue(directory.ring, session("user", ann.id))

    found = directory.credential(issued.access_key_id, issued.token)

    assert replace(found.principal, session=None) == ann
    assert found.principal.session is not None


def test_a_federated_user_is_named_by_the_session_and_has_the_users_rights_behind_it(world):
    ann = world.user("ann")
    directory = world.directory()
    issued = sessions.issue(directory.ring, session("federated", ann.id))

    found = directory.credential(issued.access_key_id, issued.token)

    assert found.principal.id == "123456789012:run-1"
    assert found.principal.arn == "arn:aws:sts::123456789012:federated-user/run-1"
    assert found.principal.source == ann


def test_a_role_that_is_told_so_ends_its_older_sessions_and_their_logins(world, role):
    directory = world.directory()
    issued = sessions.issue(directory.ring, session())
    principal = directory.credential(issued.access_key_id, issued.token).principal
    password = directory.logins.issue(principal, issued.access_key_id, "us-east-1").password
    assert directory.logins.open(password).principal == principal

    void(world, _VOID_ROLE)
    later = sessions.issue(directory.ring, session(issued_at=clock.now() + 2))

    assert directory.credential(issued.access_key_id, issued.token) is None
    assert directory.credential(later.access_key_id, later.token) is not None
    with pytest.raises(LoginInvalid):
        directory.logins.open(password)


def test_a_login_outlasts_its_session_unless_it_is_capped(world, role):
    directory = world.directory()
    ours = session()
    principal = directory.principal_in(ours)

    usual = directory.logins.issue(principal, "ASIA1", "us-east-1")
    capped = directory.logins.issue(principal, "ASIA1", "us-east-1", capped=True)

    assert usual.expires_at - int(ours.issued_at) >= 43_199
    assert capped.expires_at == int(ours.expires_at)
    assert directory.logins.open(capped.password).expires_at == capped.expires_at


def test_a_user_who_is_told_so_or_is_gone_has_no_older_sessions(world):
    ann = world.user("ann")
    directory = world.directory()
    issued = sessions.issue(directory.ring, session("user", ann.id))
    assert directory.credential(issued.access_key_id, issued.token) is not None

    void(world, _VOID_USER, user=ann.id)
    assert directory.credential(issued.access_key_id, issued.token) is None
    assert directory.principal(ann.id) == ann

    later = sessions.issue(directory.ring, session("user", ann.id, issued_at=clock.now() + 2))
    assert directory.credential(later.access_key_id, later.token) is not None
    world.database.write(lambda tx: dismiss(tx, get(tx, ACCOUNT, name="ann")))
    assert directory.credential(later.access_key_id, later.token) is None


def test_abuse_33_a_token_with_any_character_changed_is_nobodys(world, role):
    directory = world.directory()
    issued = sessions.issue(directory.ring, session())

    for place in range(len(issued.token)):
        changed = "A" if issued.token[place] != "A" else "B"
        token = issued.token[:place] + changed + issued.token[place + 1 :]
        assert directory.credential(issued.access_key_id, token) is None


def test_policies_and_tags_that_do_not_fit_are_refused(world):
    ring = world.directory().ring
    tags = tuple((f"{clock.new_uuid()}-{number}", "".join(clock.new_uuid() for _ in range(7))) for number in range(50))

    with pytest.raises(PackedPolicyTooLarge, match=r"^Packed policy consumes \d{3,}% of allotted space"):
        sessions.issue(ring, session(tags=tags))


def test_how_much_room_is_used_is_said_of_policies_and_tags_only():
    assert sessions.packed_percent(session()) is None
    assert sessions.packed_percent(session(policy='{"Version":"2012-10-17"}')) == 2


@pytest.mark.parametrize(
    ("kind", "mfa_at", "action", "confined"),
    [
        ("role", None, "iam:GetUser", False),
        ("user", None, "iam:GetUser", True),
        ("user", 1.0, "iam:GetUser", False),
        ("user", None, "sts:AssumeRole", False),
        ("user", 1.0, "sts:GetSessionToken", True),
        ("user", None, "ecr:PutImage", False),
        ("federated", None, "iam:GetUser", True),
        ("federated", None, "sts:AssumeRole", True),
        ("federated", None, "sts:GetCallerIdentity", False),
    ],
)
def test_what_sessions_of_users_are_of_no_use_for(kind, mfa_at, action, confined):
    assert sessions.confines(session(kind, "AIDA", mfa_at=mfa_at), action) is confined


@pytest.mark.parametrize("key", ["AKIAAAAAAAAAAAAAAAAA", "ASIA", "ASIA1", "ASIA7777777777777777", "ASIAé"])
def test_other_ids_of_access_keys_say_no_account(key):
    assert sessions.account_of_key(key) is None


def test_neither_secret_nor_token_shows_when_printed(world):
    issued = sessions.issue(world.directory().ring, session())

    assert issued.secret not in repr(issued)
    assert issued.token not in repr(issued)
