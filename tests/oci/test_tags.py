"""Listing tags. Source: OCI distribution-spec 1.1, "Listing Tags"."""

import re
from itertools import pairwise

import pytest

from tests.oci.wire import refusal
from tests.support.server import Registry, digest_of, manifest

TAGS = ["0.9", "1.0", "1.0-rc.1", "1.10", "A", "Z", "_", "a", "a.b", "a_b", "latest", "v1", "v10", "v2", "z" * 128]


@pytest.fixture(scope="module")
def tagged(registry: Registry, ecr) -> str:
    """A repository with TAGS, all of one image."""
    name = "tags/listed"
    ecr.create_repository(repositoryName=name)
    digest, text = registry.push_image(name, None, seed=b"tags")
    for start in range(0, len(TAGS), 10):
        query = "&".join(f"tag={tag}" for tag in reversed(TAGS[start : start + 10]))
        done = registry.put_manifest(name, f"{digest}?{query}", text)
        assert done.status == 201, done.data
    return name


def _pages(registry, path):
    """Every page, by Link."""
    for _ in range(100):
        got = registry("GET", path)
        assert got.status == 200
        yield got.json()["tags"]
        link = got.headers.get("Link")
        if link is None:
            return
        match = re.fullmatch(r'<(/v2/[^>]+)>; rel="next"', link)
        assert match
        path = match[1]
    raise AssertionError("the pages have no end")


def test_all_tags_come_in_lexical_order(registry, tagged):
    """The list of tags MUST be in lexical order (case-insensitive … in order of bytes)."""
    got = registry("GET", f"/v2/{tagged}/tags/list")

    assert (got.status, got.headers["Content-Type"]) == (200, "application/json")
    assert got.json() == {"name": tagged, "tags": sorted(TAGS)}
    assert "Link" not in got.headers


@pytest.mark.parametrize("n", [1, 2, 4, 14, 15])
def test_n_gives_exactly_n_and_links_go_through_all(registry, tagged, n):
    """The response … MUST NOT contain more than <int> results; Link … RFC 5988 … rel="next"."""
    pages = list(_pages(registry, f"/v2/{tagged}/tags/list?n={n}"))

    assert [tag for page in pages for tag in page] == TAGS
    assert [len(page) for page in pages[:-1]] == [n] * (len(pages) - 1)


def test_n_and_last_go_on_behind_last_without_it(registry, tagged):
    """<tagname> … the response MUST begin non-inclusively after it."""
    for tag, following in pairwise(TAGS):
        assert registry("GET", f"/v2/{tagged}/tags/list?n=1&last={tag}").json()["tags"] == [following]


def test_last_need_not_be_a_tag(registry, tagged):
    assert registry("GET", f"/v2/{tagged}/tags/list?last=v").json()["tags"] == TAGS[-4:]
    assert registry("GET", f"/v2/{tagged}/tags/list?last={'z' * 128}").json()["tags"] == []


def test_n_of_zero_gives_an_empty_list(registry, tagged):
    """When n is zero, this endpoint MUST return an empty list, and MUST NOT include a Link header."""
    got = registry("GET", f"/v2/{tagged}/tags/list?n=0")

    assert (got.status, got.json()["tags"]) == (200, [])
    assert "Link" not in got.headers


@pytest.mark.parametrize("n", ["1001", "99999", str(2**63), "9" * 19])
def test_n_above_a_thousand_is_refused_in_the_words_that_clients_match(registry, tagged, n):
    """Source: ECR; Renovate and crane recognise status and text."""
    assert refusal(registry("GET", f"/v2/{tagged}/tags/list?n={n}")) == (
        405,
        "UNSUPPORTED",
        (
            "Invalid parameter at 'maxResults' failed to satisfy constraint: "
            "'Member must have value less than or equal to 1000'"
        ),
    )


@pytest.mark.parametrize("n", ["-1", "", "x", "1.5", "0x10", "%D9%A1", "+1", "1e3", "9" * 100, " 1"])
def test_n_that_is_no_number_is_refused(registry, tagged, n):
    assert refusal(registry("GET", f"/v2/{tagged}/tags/list?n={n}"))[:2] == (405, "UNSUPPORTED")


def test_a_repository_without_tags_has_an_empty_list(registry, repository):
    """The list of tags MAY be empty if there are no tags on the repository."""
    got = registry("GET", f"/v2/{repository}/tags/list")

    assert (got.status, got.json()) == (200, {"name": repository, "tags": []})


def test_a_repository_that_is_not_there_has_no_list(registry):
    assert refusal(registry("GET", "/v2/no/such/repository/tags/list")) == (
        404,
        "NAME_UNKNOWN",
        "The repository with name 'no/such/repository' does not exist in the registry with id '123456789012'",
    )


def test_a_tag_moves_to_another_image(registry, repository):
    """If the manifest … by a tag that exists: the tag then points at it. "Pushing Manifests"."""
    first, _ = registry.push_image(repository, "latest", seed=b"1")
    second, text = registry.push_image(repository, "latest", seed=b"2")

    assert registry("GET", f"/v2/{repository}/manifests/latest").data == text
    assert registry("HEAD", f"/v2/{repository}/manifests/latest").headers["Docker-Content-Digest"] == second
    assert registry("HEAD", f"/v2/{repository}/manifests/{first}").status == 200
    assert registry("GET", f"/v2/{repository}/tags/list").json()["tags"] == ["latest"]


@pytest.mark.parametrize("tag", ["a" * 129, "-a", ".a", "a+b", "a%2Fb", "%C3%BC", "a%20b", "a:b", "*"])
def test_what_is_no_tag_is_refused(registry, repository, tag):
    """<reference> as a tag MUST … match [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}. "Pulling manifests"."""
    text = b"{}"

    assert registry.put_manifest(repository, tag, text).status in {400, 404}
    assert registry("GET", f"/v2/{repository}/manifests/{tag}").status in {400, 404}
    assert registry("DELETE", f"/v2/{repository}/manifests/{tag}").status in {400, 404}
    assert registry("GET", f"/v2/{repository}/tags/list").json()["tags"] == []


def test_every_tag_of_a_push_by_digest_is_placed_or_none(registry, repository, ecr):
    """Source: ours; a push is one transaction."""
    config, layer = b"{}", b"layer"
    for content in (config, layer):
        registry.push_blob(repository, content)
    one, two = (str(manifest(config, layer, number=number)).replace("'", '"').encode() for number in (1, 2))
    assert registry.put_manifest(repository, "taken", one).status == 201
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")

    done = registry.put_manifest(repository, f"{digest_of(two)}?tag=free&tag=taken", two)

    assert refusal(done)[:2] == (400, "TAG_INVALID")
    assert registry("GET", f"/v2/{repository}/tags/list").json()["tags"] == ["taken"]
    assert registry("HEAD", f"/v2/{repository}/manifests/{digest_of(two)}").status == 404
