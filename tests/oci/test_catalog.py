"""The catalog. Source: Docker Registry HTTP API V2, "Listing Repositories"; the specification has none."""

import re

import pytest

from tests.oci.wire import refusal
from tests.support.server import Server

NAMES = ["alpha", "alpha/beta", "alpha/beta/gamma", "b", "delta"]


@pytest.fixture(scope="module")
def catalogued(server: Server):
    """The registry of an account that has only these repositories."""
    key = _new_account(server)
    ecr = server.aws("ecr", key=key)
    for name in reversed(NAMES[:3] + ["bb", "delta"]):
        ecr.create_repository(repositoryName=name)
    registry = server.registry(key=key)
    account = server.aws("sts", key=key).get_caller_identity()["Account"]
    registry.headers["Host"] = f"{account}.dkr.ecr.us-east-1.localhost:{server.port}"
    return registry


def _new_account(server: Server) -> tuple[str, str]:
    """The access key of a new account's root user."""
    words = server.command("account", "create").stdout.split()
    return words[words.index("id", 2) + 1], words[-1]


def test_the_catalog_lists_the_account_that_was_addressed_in_lexical_order(catalogued):
    got = catalogued("GET", "/v2/_catalog")

    assert (got.status, got.json()) == (200, {"repositories": [*NAMES[:3], "bb", "delta"]})


@pytest.mark.parametrize("n", [1, 2, 5])
def test_pages_follow_each_other_by_link(catalogued, n):
    path, found = f"/v2/_catalog?n={n}", []
    while path:
        got = catalogued("GET", path)
        assert 0 < len(got.json()["repositories"]) <= n
        found += got.json()["repositories"]
        match = re.fullmatch(r'<(/v2/_catalog\?[^>]+)>; rel="next"', got.headers.get("Link", ""))
        path = match[1] if match else None

    assert found == [*NAMES[:3], "bb", "delta"]


def test_n_and_last_go_on_behind_last(catalogued):
    got = catalogued("GET", "/v2/_catalog?n=2&last=alpha/beta")

    assert got.json()["repositories"] == ["alpha/beta/gamma", "bb"]


def test_the_catalog_has_the_limits_of_tags(catalogued):
    assert refusal(catalogued("GET", "/v2/_catalog?n=1001"))[:2] == (405, "UNSUPPORTED")
    assert catalogued("GET", "/v2/_catalog?n=0").json() == {"repositories": []}
