"""The account of what was skipped, and the guard around the tests."""

import socket
from collections import Counter

import pytest

from tests.support.network import free_port, is_loopback
from tests.support.skips import forbidden, wanted

pytest_plugins = ["pytester"]

SUITE = """
import pytest
from tests.support.skips import want

def test_that_wants_a_client():
    want("crane")

def test_that_wants_it_again():
    want("crane")

@pytest.mark.skip(reason="on Tuesdays")
def test_that_is_skipped_in_another_way():
    raise AssertionError

def test_that_passes():
    pass
"""
CONFTEST = """
from tests.support.skips import Account

def pytest_configure(config):
    config.pluginmanager.register(Account(), "skips")
"""


@pytest.fixture
def suite(pytester, monkeypatch):
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv("ENTREPOT_TEST_ALLOWED_SKIPS", raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(SUITE)
    return pytester


def test_a_run_ends_with_the_count_of_what_it_skipped(suite):
    result = suite.runpytest_inprocess()

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["skipped for want of: crane (2), on Tuesdays (1)"])


def test_a_skip_that_is_not_allowed_fails_the_run(suite, monkeypatch):
    monkeypatch.setenv("ENTREPOT_TEST_ALLOWED_SKIPS", "crane")

    result = suite.runpytest_inprocess()

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED: skipped, and not on the list of what may be: on Tuesdays"])


def test_skips_that_are_allowed_by_name_do_not_fail_the_run(suite, monkeypatch):
    monkeypatch.setenv("ENTREPOT_TEST_ALLOWED_SKIPS", "crane, on Tuesdays")

    assert suite.runpytest_inprocess().ret == pytest.ExitCode.OK


def test_a_module_that_is_skipped_whole_counts_too(suite, monkeypatch):
    monkeypatch.setenv("ENTREPOT_TEST_ALLOWED_SKIPS", "crane,on Tuesdays")
    suite.makepyfile(test_whole="import pytest\npytest.skip('no data', allow_module_level=True)\n")

    result = suite.runpytest_inprocess()

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED: *: no data"])


def test_a_run_in_which_nothing_passes_is_no_success(suite, monkeypatch):
    monkeypatch.setenv("ENTREPOT_TEST_ALLOWED_SKIPS", "crane,on Tuesdays")

    result = suite.runpytest_inprocess("-k", "wants or skipped")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED: no test has passed"])


@pytest.mark.parametrize(
    ("counts", "allowed", "passed", "expected"),
    [
        (Counter(), None, 0, None),
        (Counter(crane=1), None, 0, None),
        (Counter(), "", 1, None),
        (Counter(), "", 0, "no test has passed"),
        (Counter(crane=1), "", 9, "skipped, and not on the list of what may be: crane"),
        (Counter(helm=1, crane=1), "helm", 9, "skipped, and not on the list of what may be: crane"),
    ],
)
def test_only_named_skips_are_allowed_where_a_list_is_given(counts, allowed, passed, expected):
    assert forbidden(counts, allowed=allowed, passed=passed) == expected


def test_reasons_are_counted_by_what_was_wanted():
    assert wanted(["Skipped: for want of: crane", "for want of: crane", "Skipped: on Tuesdays"]) == {
        "crane": 2,
        "on Tuesdays": 1,
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "123456789012.dkr.ecr.x.localhost"])
def test_loopback_is_known_by_its_form(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "::", "example.com", "localhost.example.com"])
def test_everything_else_is_not_loopback(host):
    assert not is_loopback(host)


def test_no_test_leaves_the_machine():
    with socket.socket() as connection, pytest.raises(AssertionError, match="only loopback may be reached"):
        connection.connect(("192.0.2.1", 80))


def test_tests_reach_loopback():
    port = free_port()

    with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as connection:
        assert connection.getpeername() == ("127.0.0.1", port)
