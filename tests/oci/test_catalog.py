"""The catalog. Source: Docker Registry HTTP API V2, "Listing Repositories"; the specification has none."""

import re

import pytest

from tests.oci.principals import new_account
from tests.oci.wire import refusal
from tests.support.server import Registry, Server

NAMES = ["alpha", "alpha/beta", "alpha/beta/gamma", "bb", "delta"]


@pytest.fixture(scope="module")
def catalogued(server: Server) -> Registry:
    """The registry of an account that has only these repositories."""
    account = new_account(server)
    ecr = server.aws("ecr", key=account.key)
    for name in reversed(NAMES):
        ecr.create_repository(repositoryName=name)
    return account.registry(server)


def test_the_catalog_lists_the_account_that_was_addressed_in_lexical_order(catalogued):
    got = catalogued("GET", "/v2/_catalog")

    assert (got.status, got.json()) == (200, {"repositories": NAMES})


@pytest.mark.parametrize("n", [1, 2, 5])
def test_pages_follow_each_other_by_link(catalogued, n):
    path: str | None = f"/v2/_catalog?n={n}"
    found: list[str] = []
    while path:
        got = catalogued("GET", path)
        assert 0 < len(got.json()["repositories"]) <= n
        found += got.json()["repositories"]
        match = re.fullmatch(r'<(/v2/_catalog\?[^>]+)>; rel="next"', got.headers.get("Link", ""))
        path = match[1] if match else None

    assert found == NAMES


def test_n_and_last_go_on_behind_last(catalogued):
    got = catalogued("GET", "/v2/_catalog?n=2&last=alpha/beta")

    assert got.json()["repositories"] == ["alpha/beta/gamma", "bb"]


def test_the_catalog_has_the_limits_of_tags(catalogued):
    assert refusal(catalogued("GET", "/v2/_catalog?n=1001"))[:2] == (405, "UNSUPPORTED")
    assert catalogued("GET", "/v2/_catalog?n=0").json() == {"repositories": []}
