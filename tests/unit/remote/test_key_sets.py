"""Key sets of providers: when they are fetched, and for how long they count. Abuse case 36."""

import json

import pytest

from entrepot import clock
from entrepot.remote.guarded import Unreachable
from entrepot.remote.key_sets import KeySets

ISSUER = "https://token.example.com/jobs"
CONFIGURATION = f"{ISSUER}/.well-known/openid-configuration"
KEYS = "https://keys.example.com/jwks"


class Provider:
    """What a provider answers; *asked* are the addresses that were asked for."""

    def __init__(self):
        self.asked = []
        self.pages = {CONFIGURATION: json.dumps({"issuer": ISSUER, "jwks_uri": KEYS}).encode(), KEYS: b'{"keys":[]}'}

    def __call__(self, url, limit):
        self.asked.append(url)
        if url not in self.pages:
            raise Unreachable
        return self.pages[url]


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def sets(provider):
    return KeySets(provider)


@pytest.fixture
def wait(monkeypatch):
    """Let seconds pass."""
    ticks = [1000.0]
    monkeypatch.setattr(clock, "ticks", lambda: ticks[0])

    def go(seconds):
        ticks[0] += seconds

    return go


def yes(document):
    return True


def no(document):
    return False


def test_keys_are_found_by_the_configuration_and_kept_for_an_hour(sets, provider, wait):
    for _ in range(3):
        assert sets.find(ISSUER, is_enough=yes) == '{"keys":[]}'
        wait(1199)
    assert provider.asked == [CONFIGURATION, KEYS]

    wait(4)
    sets.find(ISSUER, is_enough=yes)

    assert provider.asked == [CONFIGURATION, KEYS] * 2


def test_abuse_36_a_flood_of_unknown_keys_has_them_fetched_once_a_minute(sets, provider, wait):
    for _ in range(10_000):
        assert sets.find(ISSUER, is_enough=no) == '{"keys":[]}'
    assert len(provider.asked) == 2

    wait(60)
    for _ in range(100):
        sets.find(ISSUER, is_enough=no)

    assert len(provider.asked) == 4


def test_abuse_36_a_provider_that_does_not_answer_is_asked_once_a_minute(sets, provider, wait):
    provider.pages.clear()

    assert [sets.find(ISSUER, is_enough=yes) for _ in range(100)] == [None] * 100

    assert provider.asked == [CONFIGURATION]


def test_the_last_good_keys_count_for_a_day(sets, provider, wait):
    sets.find(ISSUER, is_enough=yes)
    provider.pages.clear()

    wait(86_399)
    assert sets.find(ISSUER, is_enough=yes) == '{"keys":[]}'
    wait(61)
    assert sets.find(ISSUER, is_enough=yes) is None


@pytest.mark.parametrize(
    "configuration",
    [
        b"",
        b"[]",
        b"{}",
        json.dumps({"issuer": "https://other.example.com", "jwks_uri": KEYS}).encode(),
        json.dumps({"issuer": ISSUER, "jwks_uri": 5}).encode(),
        json.dumps({"issuer": ISSUER, "jwks_uri": "https://not-there.example.com/"}).encode(),
    ],
)
def test_a_configuration_that_is_another_ones_or_none_gives_no_keys(sets, provider, wait, configuration):
    provider.pages[CONFIGURATION] = configuration

    assert sets.find(ISSUER, is_enough=yes) is None


def test_one_thread_waits_and_the_others_go_on(sets, provider, wait):
    kept = sets._of(ISSUER)

    with kept.busy:
        assert sets.find(ISSUER, is_enough=yes) is None

    assert provider.asked == []


def test_abuse_68_issuers_beyond_a_thousand_push_out_the_oldest(sets, wait):
    for number in range(1001):
        sets.find(f"https://issuer-{number}.example.com", is_enough=yes)

    assert len(sets._kept) == 1000


def test_nothing_is_fetched_where_nobody_was_given_to_fetch_from():
    assert KeySets().find(ISSUER, is_enough=yes) is None
