"""Passwords for docker login: whose they are, and when they stop to count."""

import cbor2
import pytest

from entrepot import clock
from entrepot.identity import credentials, users
from entrepot.identity.faults import LoginExpired, LoginInvalid
from entrepot.identity.logins import LIFETIME, Kind
from tests.support.identities import dismiss

ACCOUNT = "123456789012"


@pytest.fixture
def travel():
    gone = []

    def go(seconds):
        gone.append(seconds)
        clock.travel(seconds)

    yield go
    clock.travel(-sum(gone))


@pytest.fixture
def ann(world):
    return world.user("ann")


@pytest.fixture
def key(world, ann):
    return world.key(ann)


def test_a_password_says_who_and_until_when(world, ann, key):
    directory = world.directory()

    login = directory.logins.issue(ann, key.id, "us-east-1")
    opened = directory.logins.open(login.password)

    assert (opened.principal, opened.access_key_id) == (ann, key.id)
    assert opened.expires_at == login.expires_at
    assert login.expires_at - 43_200 <= clock.now()


def test_a_password_opens_in_another_process_of_the_deployment(world, ann, key):
    login = world.directory().logins.issue(ann, key.id, "us-east-1")

    assert world.directory().logins.open(login.password).principal == ann


def test_a_password_counts_until_its_last_second_and_then_says_that_it_expired(world, ann, key, travel):
    directory = world.directory()
    login = directory.logins.issue(ann, key.id, "us-east-1")

    travel(LIFETIME - 5)
    directory.logins.open(login.password)
    travel(6)

    with pytest.raises(LoginExpired, match=r"^Your authorization token has expired. Reauthenticate and try again.$"):
        directory.logins.open(login.password)


def test_a_password_older_than_its_key_is_just_invalid(world, ann, key, travel):
    login = world.directory().logins.issue(ann, key.id, "us-east-1")

    travel(4 * 86_400)

    with pytest.raises(LoginInvalid):
        world.directory().logins.open(login.password)


def test_abuse_33_a_password_from_more_than_five_minutes_ahead_is_refused(world, ann, key):
    directory = world.directory()
    now = int(clock.now())

    def forged(issued_at):
        claims = (bytes(16), "user", ann.id, ACCOUNT, None, key.id, issued_at, issued_at + LIFETIME, "us-east-1")
        return directory.ring.seal(Kind.PRIVATE, cbor2.dumps(claims))

    directory.logins.open(forged(now + 200))
    with pytest.raises(LoginInvalid):
        directory.logins.open(forged(now + 400))


def test_abuse_31_a_password_ends_with_its_access_key(world, ann, key):
    directory = world.directory()
    password = directory.logins.issue(ann, key.id, "us-east-1").password
    directory.logins.open(password)

    world.database.write(lambda tx: credentials.switch(tx, key.id, active=False))
    with pytest.raises(LoginInvalid):
        directory.logins.open(password)

    world.database.write(lambda tx: credentials.switch(tx, key.id, active=True))
    assert directory.logins.open(password).principal == ann

    world.database.write(lambda tx: credentials.remove(tx, key.id))
    with pytest.raises(LoginInvalid):
        directory.logins.open(password)


def test_abuse_29_a_namesake_created_later_is_somebody_else(world, ann, key):
    directory = world.directory()
    password = directory.logins.issue(ann, key.id, "us-east-1").password

    world.database.write(lambda tx: dismiss(tx, users.get(tx, ACCOUNT, name="ann")))
    namesake = world.user("ann")
    world.key(namesake)

    assert namesake.id != ann.id
    with pytest.raises(LoginInvalid):
        directory.logins.open(password)


def test_abuse_33_a_password_with_any_byte_changed_is_refused(world, ann, key):
    directory = world.directory()
    password = directory.logins.issue(ann, key.id, "us-east-1").password

    for place in range(len(password)):
        changed = "A" if password[place] != "A" else "B"
        with pytest.raises(LoginInvalid):
            directory.logins.open(password[:place] + changed + password[place + 1 :])


@pytest.mark.parametrize("password", ["", "rg1_", "secret", "rg1_" + "A" * 200, "é" * 50])
def test_any_other_password_is_refused(world, password):
    with pytest.raises(LoginInvalid):
        world.directory().logins.open(password)


def test_neither_password_nor_secret_shows_when_printed(world, ann, key):
    """Source: security-design §8.7."""
    directory = world.directory()
    login = directory.logins.issue(ann, key.id, "us-east-1")

    shown = repr([login, key, directory.credential(key.id)])

    assert login.password not in shown
    assert key.secret not in shown
