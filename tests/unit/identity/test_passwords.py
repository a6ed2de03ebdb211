"""Passwords, as they are kept and judged. Source: OWASP Password Storage; IAM user guide, "password policy"."""

import pytest

from entrepot.identity import passwords
from entrepot.identity.faults import PasswordRefused
from entrepot.identity.passwords import Rules


def test_only_the_newest_password_is_the_current_one():
    first = passwords.keep("one")
    second = passwords.keep("two", before=first)

    assert passwords.is_current("one", first)
    assert passwords.is_current("two", second)
    assert not passwords.is_current("one", second)
    assert not passwords.is_current("ONE", first)


def test_the_same_password_is_never_kept_twice_alike():
    assert passwords.keep("one") != passwords.keep("one")


def test_old_passwords_are_known_again_as_far_back_as_is_asked_for():
    kept = None
    for password in ("one", "two", "three"):
        kept = passwords.keep(password, before=kept)

    with pytest.raises(PasswordRefused):
        passwords.keep("one", before=kept, unlike_last=3)
    passwords.keep("one", before=kept, unlike_last=2)


def test_no_more_old_passwords_are_kept_than_a_rule_can_ask_for(monkeypatch):
    monkeypatch.setattr(passwords, "_derive", lambda password, salt: password.encode())
    kept = passwords.keep("p0")
    for number in range(1, 40):
        kept = passwords.keep(f"p{number}", before=kept)

    with pytest.raises(PasswordRefused):
        passwords.keep("p16", before=kept, unlike_last=24)
    assert len(kept.split(" ")) == 5 + 25


def test_a_password_that_was_kept_otherwise_is_an_error_and_no_match():
    with pytest.raises(ValueError, match="does not know"):
        passwords.is_current("one", "argon2 14 8 5 AAAA AAAA")


@pytest.mark.parametrize("password", ["Passw0rd", "passw0rd!", "PASSW0RD!", "Password!"])
def test_three_of_four_kinds_are_enough_by_the_usual_rules(password):
    passwords.check(password, None, unlike=("x",))


@pytest.mark.parametrize("password", ["Pass0!", "password", "passw0rd", "päßwörter", "Lab-Name-1"])
def test_what_the_usual_rules_refuse(password):
    with pytest.raises(PasswordRefused):
        passwords.check(password, None, unlike=("123456789012", "Lab-Name-1"))


def test_rules_survive_their_row():
    rules = Rules(12, require_symbols=True, max_password_age=90, hard_expiry=False)

    assert Rules.from_json(rules.as_json()) == rules
