"""Clients are installed whole or not at all, once, and what is missing has a reason."""

import subprocess

import pytest

from tools import clients


class Source:
    """A client that fails as often as it is told to, half installed each time."""

    name = "fake/client/v1"

    def __init__(self, failures, error=None):
        self.failures, self.tries = failures, 0
        self.error = error or OSError("the network is down")

    def install(self, folder):
        self.tries += 1
        (folder / "half").touch()
        if self.tries <= self.failures:
            raise self.error
        (folder / "client").touch()


@pytest.fixture
def install(tmp_path, monkeypatch):
    def installed(source):
        monkeypatch.setattr(clients, "CACHE", tmp_path)
        monkeypatch.setattr(clients, "SYSTEM", {})
        monkeypatch.setattr(clients, "CACHED", {"client": (source, "client")})
        monkeypatch.setattr(clients, "_refresh", lambda: None)
        return clients.install(["client"])

    return installed


def test_a_client_is_installed_once_and_found_by_its_name(install, tmp_path):
    source = Source(failures=0)

    assert install(source) == {}
    assert install(source) == {}

    assert clients.find("client") == tmp_path / "fake/client/v1/client"
    assert source.tries == 1


def test_a_registry_may_fail_twice(install):
    source = Source(failures=2)

    assert install(source) == {}
    assert clients.find("client") is not None


def test_what_is_half_installed_is_neither_found_nor_left_behind(install, tmp_path):
    assert install(Source(failures=3)) == {"client": "the network is down"}
    assert clients.find("client") is None
    assert list((tmp_path / "fake/client").iterdir()) == []


def test_what_cannot_be_had_here_is_not_tried_again(install):
    source = Source(failures=9, error=clients.NotHere("needs Go"))

    assert install(source) == {"client": "needs Go"}
    assert source.tries == 1


def test_a_failed_program_is_reported_by_its_last_words(install):
    failed = subprocess.CalledProcessError(1, ["go"], stderr="go: downloading\ngo: no such module\n")

    assert install(Source(failures=3, error=failed)) == {"client": "go: no such module"}


def test_a_client_that_is_not_installed_is_not_found(tmp_path, monkeypatch):
    monkeypatch.setattr(clients, "CACHE", tmp_path)

    assert clients.find("crane") is None


def test_every_client_has_one_name_and_a_place_of_its_own():
    places = {(source.name, inside) for source, inside in clients.CACHED.values()}

    assert len(places) == len(clients.CACHED)
    assert not set(clients.CACHED) & set(clients.SYSTEM)
