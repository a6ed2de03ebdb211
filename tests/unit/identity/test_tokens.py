"""Sealed tokens: what opens, and everything that does not."""

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.identity.faults import TokenInvalid
from entrepot.identity.tokens import Ring, never_back
from entrepot.rootkey import VersionMissing
from tests.support.rootkey import root_key

NOON = 1_767_441_600.0  # 2026-01-03 12:00 UTC
DAY = 86_400
KINDS = ("docker-login", "sts", "public-bearer", "cursor", "download-url", "console")


class Watch:
    """A clock that stands until it is set."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def ring(watch=None, key=bytes(range(32)), deployment="d1"):
    return Ring(root_key(key), deployment, watch or Watch())


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_what_was_sealed_opens_under_the_same_label_and_context(plain, context):
    token = ring().seal("cursor", plain, context=context)

    assert ring().open("cursor", token, context=context) == plain


def test_what_was_made_before_a_restore_is_void_after_it():
    before = ring()
    made = before.seal("sts", b"who"), before.mac("download-url", b"what", version=1)
    for restored_at in (NOON, NOON + 1):
        after = Ring(root_key(), "d1", Watch(), restored_at=restored_at)

        assert after.mac("download-url", b"what", version=1) != made[1]
        with pytest.raises(TokenInvalid):
            after.open("sts", made[0])
        made = after.seal("sts", b"who"), after.mac("download-url", b"what", version=1)
        assert after.open("sts", made[0]) == b"who"


def test_a_token_is_ascii_without_colon_or_padding_and_begins_so_that_scanners_find_it():
    token = ring().seal("docker-login", b"x" * 100)

    assert token.startswith("rg1_")
    assert set(token[4:]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_sealing_the_same_twice_gives_two_tokens():
    tokens = ring()

    assert tokens.seal("cursor", b"x") != tokens.seal("cursor", b"x")


@pytest.mark.parametrize(("made", "used"), [*itertools.permutations(KINDS, 2)])
def test_abuse_32_a_token_of_one_kind_fails_as_any_other_kind(made, used):
    token = ring().seal(made, b"plain")

    with pytest.raises(TokenInvalid):
        ring().open(used, token)


@pytest.mark.parametrize("kind", KINDS)
def test_abuse_32_a_token_of_one_deployment_fails_in_another(kind):
    token = ring(deployment="d1").seal(kind, b"plain")

    with pytest.raises(TokenInvalid):
        ring(deployment="d2").open(kind, token)
    with pytest.raises(TokenInvalid):
        ring(key=bytes(31) + b"\x01").open(kind, token)


@pytest.mark.parametrize(("made", "used"), [*itertools.permutations(KINDS, 2)])
def test_abuse_32_a_signature_of_one_kind_is_none_of_another(made, used):
    assert ring().mac(made, b"a", b"b", version=1) != ring().mac(used, b"a", b"b", version=1)


def test_abuse_32_a_token_of_one_context_fails_in_another():
    token = ring().seal("cursor", b"plain", context=b"ListImages")

    with pytest.raises(TokenInvalid):
        ring().open("cursor", token, context=b"DescribeImages")


def test_abuse_33_a_token_with_any_byte_changed_is_refused():
    """Each character in turn, set to others that may stand there and to some that may not."""
    tokens = ring()
    token = tokens.seal("docker-login", b"who I am")

    for place in range(len(token)):
        for other in "AQgw-_Zz09=+/:. \u00e9\x00":
            if other != token[place]:
                with pytest.raises(TokenInvalid):
                    tokens.open("docker-login", token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 5, 11, 20, 27, 28, 40, 48, 49, -1, -2])
def test_abuse_33_a_token_cut_short_is_refused(cut):
    token = ring().seal("docker-login", b"who I am")

    with pytest.raises(TokenInvalid):
        ring().open("docker-login", token[:cut])


@pytest.mark.parametrize("more", ["=", "==", "A", "\n", " ", "." + "A" * 20])
def test_abuse_33_a_token_with_something_behind_it_is_refused(more):
    token = ring().seal("docker-login", b"who I am")

    with pytest.raises(TokenInvalid):
        ring().open("docker-login", token + more)


@given(st.text(max_size=100))
def test_any_other_text_is_refused(text):
    with pytest.raises(TokenInvalid):
        ring().open("docker-login", "rg1_" + text)


def test_a_token_of_a_megabyte_is_refused():
    with pytest.raises(TokenInvalid):
        ring().open("docker-login", "rg1_" + "A" * 1_000_000)


@pytest.mark.parametrize(("later", "opens"), [(0, True), (DAY, True), (2 * DAY, True), (3 * DAY, False), (-DAY, False)])
def test_the_keys_of_today_and_of_two_days_back_open_and_no_others(later, opens):
    token = ring().seal("cursor", b"plain")
    then = ring(Watch(NOON + later))

    if opens:
        assert then.open("cursor", token) == b"plain"
    else:
        with pytest.raises(TokenInvalid):
            then.open("cursor", token)


def test_the_day_changes_at_midnight_utc():
    before, after = Watch(NOON + DAY / 2 - 1), Watch(NOON + DAY / 2)

    days = [base64.urlsafe_b64decode(ring(watch).seal("cursor", b"")[4:12])[1:5].hex() for watch in (before, after)]

    assert days == ["01352507", "01352508"]  # 20260103 and 20260104


def test_a_signature_tells_fields_apart_however_they_are_cut():
    tokens = ring()

    assert tokens.mac("download-url", b"a", b"b/c", version=1) != tokens.mac("download-url", b"a/b", b"c", version=1)
    assert tokens.mac("download-url", b"ab", b"", version=1) != tokens.mac("download-url", b"", b"ab", version=1)


def test_abuse_33_turning_the_clock_back_revives_nothing():
    wall, steady = Watch(NOON), Watch(50.0)
    now = never_back(wall, steady)

    steady.now += 1000
    wall.now -= 7 * DAY

    assert now() == NOON + 1000


def test_a_clock_that_runs_ahead_counts():
    wall, steady = Watch(NOON), Watch(50.0)
    now = never_back(wall, steady)

    wall.now += DAY

    assert now() == NOON + DAY


def _ring_sealing(version, *, root=None):
    root = root or root_key(v2=bytes(range(32, 64)))
    root.seals = version
    return Ring(root, "d1", Watch())


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_of_every_version_open_and_say_which_it_is(kind):
    old, new = ring().seal(kind, b"old"), _ring_sealing(2).seal(kind, b"new")

    tokens = _ring_sealing(2)

    assert (tokens.open(kind, old), tokens.open(kind, new)) == (b"old", b"new")
    assert [base64.urlsafe_b64decode(token[4:12])[0] for token in (old, new)] == [1, 2]
    with pytest.raises(TokenInvalid):
        ring().open(kind, new)


def test_abuse_33_a_token_is_good_under_the_version_that_it_was_sealed_under_alone():
    raw = bytearray(base64.urlsafe_b64decode(ring().seal("cursor", b"x")[4:] + "=="))
    for version in (0, 2, 3, 255):
        raw[0] = version
        with pytest.raises(TokenInvalid):
            _ring_sealing(2).open("cursor", "rg1_" + base64.urlsafe_b64encode(raw).decode().rstrip("="))


def test_a_signature_is_of_one_version():
    tokens = _ring_sealing(2)

    assert tokens.version == 2
    assert tokens.mac("download-url", b"a", version=1) == ring().mac("download-url", b"a", version=1)
    assert tokens.mac("download-url", b"a", version=2) != tokens.mac("download-url", b"a", version=1)
    with pytest.raises(VersionMissing):
        ring().mac("download-url", b"a", version=2)
