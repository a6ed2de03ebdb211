"""Ranges of blobs. Source: OCI distribution-spec 1.1, "Pulling blobs"; RFC 9110, 14."""

import pytest

from tests.oci.kinds import random_bytes
from tests.oci.wire import WAYS
from tests.support.server import digest_of

SIZES = {"a row": 4_000, "a file": 40_000}


@pytest.fixture(params=SIZES, scope="module")
def content(request) -> bytes:
    return random_bytes(f"ranges {request.param}", SIZES[request.param])


@pytest.fixture(scope="module")
def blob(registry, ecr, content) -> str:
    """The path of a blob."""
    name = f"ranges/{len(content)}"
    ecr.create_repository(repositoryName=name)
    location: str = WAYS["post+put"](registry, name, content, digest_of(content)).headers["Location"]
    return location


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("500-1499", slice(500, 1500)),
        ("500-", slice(500, None)),
        ("-500", slice(-500, None)),
        ("2000-5000", slice(2000, 5001)),
        ("0-0", slice(0, 1)),
        ("0-", slice(0, None)),
        ("-100000", slice(0, None)),
        ("3000-9999999999999999999", slice(3000, None)),
    ],
)
def test_a_range_gives_its_bytes(registry, blob, content, header, part):
    """206 Partial Content … MUST generate a Content-Range header field. RFC 9110, 15.3.7."""
    expected = content[part]
    first = part.indices(len(content))[0]

    got = registry("GET", blob, headers={"Range": f"bytes={header}"})

    assert (got.status, got.data) == (206, expected)
    assert got.headers["Content-Length"] == str(len(expected))
    assert got.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(content)}"
    assert got.headers["Docker-Content-Digest"] == digest_of(content)


@pytest.mark.parametrize("header", ["500-0", "50000-100000", "40000-", "-0"])
def test_a_range_that_no_byte_lies_in_is_refused(registry, blob, content, header):
    """416 (Range Not Satisfiable) … SHOULD send Content-Range: bytes */<length>. RFC 9110, 15.5.17."""
    got = registry("GET", blob, headers={"Range": f"bytes={header}"})

    assert (got.status, got.headers["Content-Range"]) == (416, f"bytes */{len(content)}")


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "lines=1-2", "bytes=a-b", "bytes=", "bytes=5-6,", "0-1"])
def test_what_is_no_single_range_gives_everything(registry, blob, content, header):
    """An origin server MUST ignore a Range header field that contains a range unit it does not understand. 14.2."""
    got = registry("GET", blob, headers={"Range": header})

    assert (got.status, got.data) == (200, content)


def test_ranges_are_offered(registry, blob):
    """Accept-Ranges: bytes. RFC 9110, 14.3."""
    assert registry("HEAD", blob).headers["Accept-Ranges"] == "bytes"


def test_head_answers_for_the_whole_blob(registry, blob, content):
    """Range is only defined for GET. RFC 9110, 14.2."""
    got = registry("HEAD", blob, headers={"Range": "bytes=0-1"})

    assert (got.status, got.headers["Content-Length"], got.data) == (200, str(len(content)), b"")


def test_ranges_put_together_are_the_blob(registry, blob, content):
    pieces = [
        registry("GET", blob, headers={"Range": f"bytes={start}-{start + 999}"}).data
        for start in range(0, len(content), 1000)
    ]

    assert b"".join(pieces) == content


def test_a_manifest_comes_whole(registry, repository):
    digest, text = registry.push_image(repository, "v1", seed=repository.encode())

    got = registry("GET", f"/v2/{repository}/manifests/{digest}", headers={"Range": "bytes=0-9"})

    assert (got.status, got.data) == (200, text)


def test_an_empty_blob_has_no_range(registry, repository):
    registry.push_blob(repository, b"")

    got = registry("GET", f"/v2/{repository}/blobs/{digest_of(b'')}", headers={"Range": "bytes=0-0"})

    assert (got.status, got.headers["Content-Range"]) == (416, "bytes */0")
