"""The URL table: which row a path chooses."""

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.names import Registry, is_repository_name
from entrepot.oci.messages import Request
from entrepot.oci.routes import ROUTES, Address, address_of

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/v2/", ("", "", "")),
        ("/v2", ("", "", "")),
        ("/v2/_catalog", ("", "_catalog", "")),
        ("/v2/app/tags/list", ("app", "tags", "")),
        ("/v2/a/b/c/tags/list", ("a/b/c", "tags", "")),
        ("/v2/app/manifests/latest", ("app", "manifests", "latest")),
        (f"/v2/app/manifests/{DIGEST}", ("app", "manifests", DIGEST)),
        (f"/v2/app/blobs/{DIGEST}", ("app", "blobs", DIGEST)),
        (f"/v2/app/referrers/{DIGEST}", ("app", "referrers", DIGEST)),
        ("/v2/app/blobs/uploads/", ("app", "uploads", "")),
        ("/v2/app/blobs/uploads", ("app", "uploads", "")),
        ("/v2/app/blobs/uploads/0b6c", ("app", "upload", "0b6c")),
        # Names may contain the words of the table.
        ("/v2/blobs/uploads/manifests/latest", ("blobs/uploads", "manifests", "latest")),
        ("/v2/manifests/manifests/manifests", ("manifests", "manifests", "manifests")),
        ("/v2/tags/list/tags/list", ("tags/list", "tags", "")),
        ("/v2/a/blobs/uploads/blobs/uploads/0b6c", ("a/blobs/uploads", "upload", "0b6c")),
        (f"/v2/a/uploads/blobs/{DIGEST}", ("a/uploads", "blobs", DIGEST)),
    ],
)
def test_the_last_two_segments_choose_the_row(path, address):
    assert address_of(path) == Address(*address)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/app",
        "/v2/app/",
        "/v2//",
        "/v2/app/tags",
        "/v2/app/tags/lists",
        "/v2/app/manifests",
        "/v2/app/uploads/0b6c",
        "/v2/app/other/uploads/0b6c",
        "/v2/_catalog/",
        "/v2/app/Manifests/latest",
        "/v2/app/manifests/latest/",
        "/v2/app/blobs/uploads/0b6c/",
    ],
)
def test_an_address_that_the_specification_does_not_have_is_none(path):
    assert address_of(path) is None


# The segments of a name, the words of the table among them.
_words = st.sampled_from(
    ["app", "blobs", "uploads", "manifests", "tags", "list", "referrers", "v2", "a.b", "a__b", "0--1"]
)


@given(st.lists(_words, min_size=1, max_size=5).map("/".join), st.sampled_from(["manifests", "blobs", "referrers"]))
def test_every_name_of_the_grammar_comes_out_as_it_went_in(name, kind):
    assert is_repository_name(name)
    assert address_of(f"/v2/{name}/{kind}/{DIGEST}") == Address(name, kind, DIGEST)


@given(st.text(max_size=200))
def test_whatever_follows_v2_is_an_address_of_the_table_or_none(rest):
    address = address_of(f"/v2/{rest}")

    assert address is None or any(kind == address.kind for _, kind in ROUTES)


@given(st.from_regex(re.compile(r"[a-z/%:._-]{0,60}"), fullmatch=True))
def test_nothing_of_a_path_is_lost_or_added(rest):
    address = address_of(f"/v2/{rest}")

    if address is not None and address.name:
        assert rest.startswith(f"{address.name}/")
        assert rest.endswith(address.reference)


def _request(method, query=b"", headers=()):
    scope = {"method": method, "headers": list(headers), "query_string": query}
    registry = Registry("123456789012", "us-east-1")
    return Request(SimpleNamespace(), scope, None, registry=registry, name="app", reference="x")  # type: ignore[arg-type]


ARN = "arn:aws:ecr:us-east-1:123456789012:repository/"


@pytest.mark.parametrize("route", ROUTES.items(), ids=lambda route: " ".join(route[0]) if route[0] else "")
def test_every_route_asks_for_rights_in_the_registry_that_was_addressed(route):
    """Abuse 69 begins here: a route without rights is one that somebody forgot."""
    (method, kind), row = route

    alternatives = row.rights(_request(method))

    assert alternatives
    assert all(action.startswith("ecr:") for rights in alternatives for action, _ in rights)
    assert all(resource.startswith(ARN) for rights in alternatives for _, resource in rights)
    assert all(rights for rights in alternatives) or kind == ""


@pytest.mark.parametrize(
    ("method", "kind", "rights"),
    [
        ("GET", "", [[]]),
        ("GET", "_catalog", [["DescribeRepositories *"]]),
        ("GET", "tags", [["ListImages app"]]),
        ("GET", "referrers", [["BatchGetImage app"]]),
        ("GET", "manifests", [["BatchGetImage app"]]),
        ("HEAD", "manifests", [["BatchGetImage app"]]),
        ("PUT", "manifests", [["PutImage app"]]),
        ("DELETE", "manifests", [["BatchDeleteImage app"]]),
        ("GET", "blobs", [["GetDownloadUrlForLayer app"]]),
        ("HEAD", "blobs", [["BatchCheckLayerAvailability app"], ["GetDownloadUrlForLayer app"]]),
        ("DELETE", "blobs", [["BatchDeleteImage app"]]),
        ("POST", "uploads", [["InitiateLayerUpload app"]]),
        ("PATCH", "upload", [["UploadLayerPart app"]]),
        ("PUT", "upload", [["CompleteLayerUpload app", "UploadLayerPart app"]]),
        ("GET", "upload", [["UploadLayerPart app"]]),
        ("DELETE", "upload", [["InitiateLayerUpload app"]]),
    ],
)
def test_the_rights_of_a_route_are_those_of_ecr(method, kind, rights):
    """Source: ecr-api C.2."""
    alternatives = ROUTES[method, kind].rights(_request(method))

    assert [
        [f"{action[4:]} {resource.removeprefix(ARN)}" for action, resource in one] for one in alternatives
    ] == rights


def test_a_mount_asks_to_read_its_source_and_can_do_without():
    alternatives = ROUTES["POST", "uploads"].rights(_request("POST", b"mount=" + DIGEST.encode() + b"&from=other/app"))

    assert alternatives == (
        (("ecr:InitiateLayerUpload", ARN + "app"), ("ecr:GetDownloadUrlForLayer", ARN + "other/app")),
        (("ecr:InitiateLayerUpload", ARN + "app"),),
    )


def test_a_whole_blob_in_one_request_asks_for_all_three_rights():
    (rights,) = ROUTES["POST", "uploads"].rights(_request("POST", b"digest=" + DIGEST.encode()))

    assert [action for action, _ in rights] == [
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
    ]


def test_a_closing_request_without_a_body_adds_no_bytes():
    (rights,) = ROUTES["PUT", "upload"].rights(_request("PUT", headers=[(b"content-length", b"0")]))

    assert [action for action, _ in rights] == ["ecr:CompleteLayerUpload"]
