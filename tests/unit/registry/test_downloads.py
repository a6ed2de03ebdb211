"""Signed addresses. Source: security-design 4.3."""

import itertools
from urllib.parse import urlsplit

import pytest

from entrepot import clock
from entrepot.identity.tokens import Ring
from entrepot.registry import downloads
from entrepot.registry.downloads import Download
from tests.support.pushing import REGISTRY, digest_of
from tests.support.rootkey import root_key

DIGEST = digest_of(b"layer")
RING = Ring(root_key(), "deployment", clock.now)


@pytest.fixture
def address(repository):
    parts = urlsplit(downloads.address(RING, repository, DIGEST, principal="AIDA234567"))
    return parts.path, parts.query


def test_an_address_gives_what_it_was_made_for(repository, address):
    path, query = address

    assert path == f"/_dl/v1/us-east-1/123456789012/{repository.id}/{DIGEST}"
    assert downloads.find(RING, path, query) == Download(REGISTRY, repository.id, DIGEST, "AIDA234567")


def test_an_address_is_good_for_an_hour(address, monkeypatch):
    made = clock.now()

    monkeypatch.setattr(clock, "now", lambda: made + downloads.LIFETIME - 2)
    assert downloads.find(RING, *address)
    monkeypatch.setattr(clock, "now", lambda: made + downloads.LIFETIME + 1)
    assert downloads.find(RING, *address) is None


def test_no_character_of_an_address_can_be_changed(address):
    path, query = address
    for position, character in itertools.product(range(len(path)), "0a/"):
        changed = path[:position] + character + path[position + 1 :]
        assert changed == path or downloads.find(RING, changed, query) is None
    for position, character in itertools.product(range(len(query)), "0a&"):
        changed = query[:position] + character + query[position + 1 :]
        assert changed == query or downloads.find(RING, path, changed) is None


@pytest.mark.parametrize("more", ["&exp=9999999999", "&x=1", "\n", "#", "%20"])
def test_nothing_can_be_added_to_an_address(address, more):
    path, query = address

    assert downloads.find(RING, path, query + more) is None
    assert downloads.find(RING, path + more, query) is None


def test_fields_cannot_be_shifted_into_one_another(repository):
    """CVE-2026-58426: where fields are joined, ``1`` and ``23`` sign as ``12`` and ``3``."""
    address = downloads.address(RING, repository, DIGEST, principal="A1")
    path, query = address.split("?")
    shifted = query.replace("&kid=1&by=A1&", "&kid=1&by=A&").replace("exp=", "exp=1")

    assert downloads.find(RING, path, query)
    assert downloads.find(RING, path, shifted) is None


def test_an_address_of_another_deployment_gives_nothing(address):
    assert downloads.find(Ring(root_key(bytes(32)), "deployment", clock.now), *address) is None
