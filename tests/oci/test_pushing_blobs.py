"""Pushing blobs. Source: OCI distribution-spec 1.1, "Push"."""

import pytest

from tests.oci.kinds import random_bytes
from tests.oci.wire import WAYS, append, begin, finish, in_pieces, refusal
from tests.support.server import digest_of

# Up to 16 KiB a blob is a row; what is larger is a file.
SIZES = {"a row": 1_000, "a file": 40_000, "larger than a piece": 2_500_000}


@pytest.fixture(params=SIZES)
def content(request, repository, algorithm) -> bytes:
    return random_bytes(f"{repository} {algorithm}", SIZES[request.param])


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def test_a_blob_is_there_after_its_push_and_gone_after_its_deletion(registry, repository, algorithm, content, way):
    """
    The response MUST be 201 Created … with Location: <blob-location>, a pullable blob URL.

    "Pushing blobs"; HEAD, GET and DELETE of what was pushed: "Pulling blobs", "Deleting Blobs".
    """
    digest = digest_of(content, algorithm)

    pushed = way(registry, repository, content, digest)

    assert pushed.status == 201, pushed.data
    assert pushed.headers["Docker-Content-Digest"] == digest
    location = pushed.headers["Location"]
    assert location == f"/v2/{repository}/blobs/{digest}"
    assert registry("GET", location).data == content
    head = registry("HEAD", location)
    assert (head.status, head.headers["Content-Length"], head.data) == (200, str(len(content)), b"")
    assert registry("DELETE", location).status == 202
    assert registry("HEAD", location).status == 404
    assert refusal(registry("GET", location))[:2] == (404, "BLOB_UNKNOWN")


def test_bytes_with_another_digest_are_refused_and_not_kept(registry, repository, algorithm, content, way):
    """
    A digest that does not match the content: 400 Bad Request, DIGEST_INVALID.

    "Error Codes": provided digest did not match uploaded content.
    """
    digest = digest_of(b"something else", algorithm)

    pushed = way(registry, repository, content, digest)

    assert refusal(pushed) == (
        400,
        "DIGEST_INVALID",
        "None of the provided layer digests match the calculated layer digest",
    )
    assert registry("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404
    assert registry("HEAD", f"/v2/{repository}/blobs/{digest_of(content, algorithm)}").status == 404


@pytest.mark.parametrize("text", [b"", b"{}"], ids=["empty", "emptyJSON"])
@pytest.mark.parametrize("way", ["post+put", "stream", "stream in put"])
def test_the_smallest_blobs_are_blobs(registry, repository, algorithm, text, way):
    """Source: OCI image-spec 1.1, "Guidance for an Empty Descriptor"; zero bytes are bytes too."""
    digest = digest_of(text, algorithm)

    pushed = WAYS[way](registry, repository, text, digest)

    assert pushed.status == 201, pushed.data
    got = registry("GET", pushed.headers["Location"])
    assert (got.status, got.data, got.headers["Content-Length"]) == (200, text, str(len(text)))


def test_an_empty_blob_can_be_posted_in_one_request(registry, repository, algorithm):
    """POST with ?digest= and the body: 201 Created. "Single POST"."""
    digest = digest_of(b"", algorithm)

    assert registry("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", b"").status == 201
    assert registry("HEAD", f"/v2/{repository}/blobs/{digest}").headers["Content-Length"] == "0"


def test_a_post_with_a_digest_and_no_body_opens_a_session(registry, repository, algorithm, content):
    """Registries that do not support single request uploads SHOULD return 202 Accepted. "Single POST"."""
    digest = digest_of(content, algorithm)

    begun = registry("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}")

    assert begun.status == 202
    assert finish(registry, begun.headers["Location"], digest, content).status == 201


def test_after_a_wrong_digest_the_session_goes_on(registry, repository, algorithm, content):
    """Source: ours; what was uploaded is not lost by a mistake in the last request."""
    location = begin(registry, repository)
    assert append(registry, location, 0, content).status == 202

    assert refusal(finish(registry, location, digest_of(b"", algorithm)))[:2] == (400, "DIGEST_INVALID")
    assert refusal(finish(registry, location, digest_of(content, algorithm), b"more"))[:2] == (400, "DIGEST_INVALID")

    assert registry("GET", location).headers["Range"] == f"0-{len(content) - 1}"
    assert finish(registry, location, digest_of(content, algorithm)).status == 201


@pytest.mark.parametrize("digest", ["", "sha256:baddigeststring", "sha256:" + "A" * 64, "md5:" + "0" * 32, "x"])
def test_an_upload_cannot_be_closed_under_what_is_no_digest(registry, repository, digest):
    """DIGEST_INVALID. "Error Codes"."""
    location = begin(registry, repository)

    assert refusal(finish(registry, location, digest, b"bytes"))[:2] == (400, "DIGEST_INVALID")
    assert refusal(registry("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", b"x"))[:2] == (
        400,
        "DIGEST_INVALID",
    )
    assert registry("GET", location).status == 204


def test_a_session_tells_where_to_go_on(registry, repository):
    """
    The response MUST contain Location … and the client SHOULD treat it as opaque.

    "POST then PUT", "Pushing a blob in chunks".
    """
    begun = registry("POST", f"/v2/{repository}/blobs/uploads/")

    assert (begun.status, begun.headers["Range"], begun.data) == (202, "0-0", b"")
    assert begun.headers["Location"] == f"/v2/{repository}/blobs/uploads/{begun.headers['Docker-Upload-UUID']}"


def test_a_piece_out_of_order_is_refused_and_the_upload_resumes(registry, repository, algorithm, content):
    """
    If a chunk is uploaded out of order, the registry MUST respond with 416 Requested Range Not Satisfiable.

    GET on the upload MUST give 204 No Content with Location and Range. "Pushing a blob in chunks".
    """
    location = begin(registry, repository)
    first, second = content[: len(content) // 2], content[len(content) // 2 :]

    early = append(registry, location, len(first), second)
    assert refusal(early) == (416, "BLOB_UPLOAD_INVALID", f"First byte of the layer part is {len(first)} instead of 0")
    done = append(registry, location, 0, first)
    assert (done.status, done.headers["Range"]) == (202, f"0-{len(first) - 1}")
    assert append(registry, location, 0, first).status == 416
    assert append(registry, location, len(first) + 1, second).status == 416
    status = registry("GET", location)
    assert (status.status, status.data, status.headers["Range"]) == (204, b"", f"0-{len(first) - 1}")
    assert append(registry, status.headers["Location"], len(first), second).status == 202
    assert finish(registry, location, digest_of(content, algorithm)).status == 201
    assert registry("GET", f"/v2/{repository}/blobs/{digest_of(content, algorithm)}").data == content


def test_a_last_piece_out_of_order_is_refused_in_put_too(registry, repository, algorithm, content):
    """MUST respond with 416. "Pushing a blob in chunks"; the final chunk MAY be in the closing PUT."""
    location, half = begin(registry, repository), len(content) // 2
    digest = digest_of(content, algorithm)
    assert append(registry, location, 0, content[:half]).status == 202

    late = finish(registry, location, digest, content[half:], **{"Content-Range": f"{half + 1}-{len(content)}"})

    assert refusal(late)[:2] == (416, "BLOB_UPLOAD_INVALID")
    assert registry("GET", location).headers["Range"] == f"0-{half - 1}"
    right = {"Content-Range": f"{half}-{len(content) - 1}"}
    assert finish(registry, location, digest, content[half:], **right).status == 201


@pytest.mark.parametrize(("size", "content_range"), [(1000, "0-1999"), (1000, "0-10"), (40_000, "0-40000")])
def test_a_piece_that_is_not_as_long_as_it_says_is_refused(registry, repository, size, content_range):
    """Content-Range: <start>-<end>, Content-Length: <length of chunk>. "Pushing a blob in chunks"."""
    location = begin(registry, repository)

    piece = registry("PATCH", location, b"x" * size, headers={"Content-Range": content_range})

    stated = int(content_range[2:]) + 1
    assert refusal(piece) == (
        400,
        "BLOB_UPLOAD_INVALID",
        f"The layer part has {size} bytes instead of {stated}",
    )
    assert registry("GET", location).headers["Range"] == "0-0"


def test_an_upload_can_be_cancelled(registry, repository, content):
    """DELETE on the upload: 204 No Content, and it is gone. "Cancel" (distribution-spec, dev)."""
    location = begin(registry, repository)
    assert append(registry, location, 0, content).status == 202

    assert registry("DELETE", location).status == 204

    for again in (
        registry("GET", location),
        append(registry, location, len(content), b"x"),
        finish(registry, location, digest_of(content)),
        registry("DELETE", location),
    ):
        assert refusal(again)[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_finished_upload_is_no_session_any_more(registry, repository, content):
    """BLOB_UPLOAD_UNKNOWN. "Error Codes"."""
    location, digest = begin(registry, repository), digest_of(content)
    assert finish(registry, location, digest, content).status == 201

    assert refusal(registry("GET", location))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")
    assert refusal(finish(registry, location, digest, content))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_row_becomes_a_file_in_the_middle_of_an_upload(registry, repository, algorithm):
    """Source: ours; small uploads are kept as rows until they are no longer small."""
    content = random_bytes(repository, 100_000)
    location, at = begin(registry, repository), 0
    for size in (1, 15_000, 1_383, 1, 50_000, 33_615):
        done = append(registry, location, at, content[at : at + size])
        at += size
        assert (done.status, done.headers["Range"]) == (202, f"0-{at - 1}")
    assert at == len(content)

    digest = digest_of(content, algorithm)

    assert finish(registry, location, digest).status == 201
    assert registry("GET", f"/v2/{repository}/blobs/{digest}").data == content


def test_pieces_may_come_without_saying_where_they_belong(registry, repository, algorithm, content):
    """A streamed upload: PATCH without Content-Range, body of unknown length. "Pushing a blob in chunks"."""
    location = begin(registry, repository)
    for piece in in_pieces(content, 2):
        assert registry("PATCH", location, iter([piece])).status == 202

    assert finish(registry, location, digest_of(content, algorithm)).status == 201


def test_the_same_blob_can_be_pushed_again(registry, repository, algorithm, content, way):
    """Source: ours; a push does not ask whether somebody else came first."""
    digest = digest_of(content, algorithm)
    assert way(registry, repository, content, digest).status == 201

    assert way(registry, repository, content, digest).status == 201
    assert registry("GET", f"/v2/{repository}/blobs/{digest}").data == content


def test_a_session_cannot_be_opened_at_an_address_of_one(registry, repository):
    """POST is for /v2/<name>/blobs/uploads/. "Endpoints"."""
    location = begin(registry, repository)

    assert refusal(registry("POST", location))[:2] == (405, "UNSUPPORTED")


@pytest.mark.parametrize("digest_first", [True, False])
def test_the_same_bytes_under_two_algorithms_are_two_blobs(registry, repository, digest_first):
    content = random_bytes(repository, 500)
    first, second = ("sha256", "sha512") if digest_first else ("sha512", "sha256")
    registry.push_blob(repository, content, first)

    assert registry("HEAD", f"/v2/{repository}/blobs/{digest_of(content, second)}").status == 404
    registry.push_blob(repository, content, second)
    assert registry("DELETE", f"/v2/{repository}/blobs/{digest_of(content, first)}").status == 202
    assert registry("GET", f"/v2/{repository}/blobs/{digest_of(content, second)}").data == content
