"""Requests that ask for too much, or never end: security-design 9, rows 48, 49, 50."""

import contextlib
import itertools
import socket
import time
from typing import Any

import pytest

from tests.abuse.raw import PATIENCE, request, send, statuses
from tests.oci.kinds import random_bytes
from tests.oci.wire import begin, finish, refusal
from tests.support.server import digest_of

MIB = 1 << 20

# ── 48: ranges ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [4_000, 40_000], ids=["a row", "a file"])
@pytest.mark.parametrize(
    "header",
    [
        "bytes=" + "0-0," * 7_000,
        "bytes=" + "0-," * 5_000 + "0-",
        "bytes=" + "9" * 20_000 + "-",
        "bytes=-" + "9" * 20_000,
        "bytes=--1",
        "bytes=-1-1",
        "bytes=0-" + "9" * 20,
        "bytes=0x0-0xff",
        "bytes=0-0\t,1-1",
        "bytes" + "=" * 20_000,
    ],
    ids=range(10),
)
def test_abuse_48_many_or_odd_ranges_give_the_blob_once(registry, repository, size, header):
    """Starlette CVE-2025-62727: one range is understood, everything else is ignored."""
    content = random_bytes(repository, size)
    digest = registry.push_blob(repository, content)

    got = registry("GET", f"/v2/{repository}/blobs/{digest}", headers={"Range": header})

    assert (got.status, got.data) == (200, content)
    assert got.headers["Content-Type"] == "application/octet-stream"


def test_abuse_48_a_range_of_100_kb_is_no_request(registry, repository):
    digest = registry.push_blob(repository, b"x" * 40_000)

    got = registry("GET", f"/v2/{repository}/blobs/{digest}", headers={"Range": "bytes=" + "0-0," * 25_000})

    assert got.status == 431


def test_abuse_48_two_ranges_in_two_headers_are_refused(edge):
    login = ("Authorization", edge.registry().headers["Authorization"])
    digest = edge.registry().push_blob("app", b"x" * 100)

    headers = [login, ("Range", "bytes=0-1"), ("Range", "bytes=5-6")]
    assert statuses(send(edge.port, request("GET", f"/v2/app/blobs/{digest}", headers))) == [400]


# ── 49: pages ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "n", [str(2**31), str(2**63), str(2**64), "-1", "-9223372036854775808", "1e9", "9" * 5_000, "٣"]
)
@pytest.mark.parametrize("place", ["{}/tags/list", "_catalog", "{}/referrers/" + digest_of(b"")])
def test_abuse_49_no_page_is_larger_than_the_largest(registry, repository, n, place):
    """Of CVE-2023-2253: nothing is allocated for a number that a client chose."""
    assert refusal(registry("GET", f"/v2/{place.format(repository)}?n={n}"))[:2] == (405, "UNSUPPORTED")


@pytest.mark.parametrize(
    "last", ["zzz", "%00", "%FF", "' OR 1=1 --", "..", "{}", "sha256:" + "f" * 64, "x" * 7_000, "%E2%80%AE"]
)
@pytest.mark.parametrize("place", ["{}/tags/list", "{}/referrers/" + digest_of(b"")])
def test_abuse_49_a_forged_cursor_shows_nothing_else(registry, repository, last, place):
    """``last`` is compared, never followed: what it shows is in this repository."""
    registry.push_image(repository, "v1", seed=b"x")

    answer = registry("GET", f"/v2/{place.format(repository)}?n=5&last={last}").json()

    assert answer.get("tags", []) in ([], ["v1"])
    assert answer.get("manifests", []) == []


def test_abuse_49_pages_come_to_an_end(registry, repository):
    """Also while somebody pushes tags as fast as they are listed: each page begins behind the last."""
    names = (f"t{number:05}" for number in itertools.count())
    for _ in range(3):
        registry.push_image(repository, next(names), seed=b"x")
    path: str | None = f"/v2/{repository}/tags/list?n=1"
    seen = []
    for _ in range(30):
        got = registry("GET", path)
        seen += got.json()["tags"]
        if "Link" not in got.headers:
            break
        registry.push_image(repository, f"a{len(seen):05}", seed=b"x")
        path = got.headers["Link"][1:].partition(">")[0]
    else:
        raise AssertionError("the pages have no end")
    assert seen == ["t00000", "t00001", "t00002"]


# ── 50: bodies ──────────────────────────────────────────────────────────────────────────────────────

_ENDLESS = {
    ("GET", "/v2/"): 401,
    ("PUT", "/v2/app/manifests/v1"): 413,
    ("PUT", "/v2/app/manifests/" + digest_of(b"")): 413,
    ("GET", "/v2/app/manifests/v1"): 404,
    ("DELETE", "/v2/app/manifests/v1"): 404,
    ("GET", "/v2/app/tags/list"): 200,
    ("GET", "/v2/_catalog"): 200,
    ("GET", "/v2/app/blobs/" + digest_of(b"x")): 404,
    ("DELETE", "/v2/app/blobs/" + digest_of(b"x")): 404,
    ("POST", "/v2/app/blobs/uploads/"): 202,
    ("PATCH", "/v2/app/blobs/uploads/x"): 404,
    ("PUT", "/v2/app/blobs/uploads/x?digest=" + digest_of(b"x")): 404,
    ("PUT", "/v2/app/blobs/uploads/x"): 400,
    ("DELETE", "/v2/app/blobs/uploads/x"): 404,
    ("POST", "/v2/no/such/blobs/uploads/?digest=" + digest_of(b"x")): 404,
    ("POST", "/v2/no/such/blobs/uploads/"): 404,
    ("POST", "/"): 400,
    ("PUT", "/_dl/v1/x"): 405,
    ("GET", "/healthz"): 200,
    ("POST", "/v2/App/blobs/uploads/"): 400,
}
# A body is read to its limit, and then for some MiB more, so that whoever sends it hears why. The rest is the
# kernel's: what it takes from the client before anybody reads.
_MOST_TAKEN = 4 * MIB + 8 * MIB + 16 * MIB


def _pour(server: Any, head: bytes, *, most: int) -> tuple[int, bytes]:
    """Send chunks until there is an answer, the connection ends, or *most* bytes are gone; how many, and the answer."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    sent, received = 0, b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(head)
        connection.settimeout(2)
        try:
            while sent < most and not received:
                connection.sendall(chunk)
                sent += 0x10000
                connection.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    received = connection.recv(65536)
                connection.settimeout(2)
            while piece := connection.recv(65536):
                received += piece
        except (TimeoutError, ConnectionError):
            pass
    return sent, received


@pytest.mark.parametrize(("method", "path"), _ENDLESS)
def test_abuse_50_a_body_without_an_end_is_not_taken(edge, method, path):
    """CVE-2017-11468: limits hold before anything is buffered, on every route."""
    headers = [("Transfer-Encoding", "chunked"), ("Content-Type", "application/vnd.oci.image.manifest.v1+json")]
    if (method, path) != ("GET", "/v2/"):
        headers.append(("Authorization", edge.registry().headers["Authorization"]))

    sent, answer = _pour(edge, request(method, path, headers), most=64 * MIB)

    assert sent < _MOST_TAKEN
    # Who is still sending when the connection is closed may be told by a reset, which wipes out the answer.
    assert statuses(answer) in ([], [_ENDLESS[method, path]]), answer
    assert edge.registry()("GET", "/v2/app/tags/list").status == 200


@pytest.mark.parametrize("size", [100, 100_000])
def test_abuse_50_a_body_that_is_shorter_than_it_says_is_no_blob(edge, size):
    """What came of a PATCH is kept for the client to resume; a PUT or POST that breaks off leaves nothing."""
    registry = edge.registry()
    login = ("Authorization", registry.headers["Authorization"])
    content = random_bytes(f"short {size}", size)
    digest = digest_of(content)
    location = begin(registry, "app")

    for target in (f"{location}?digest={digest}", f"/v2/app/blobs/uploads/?digest={digest}"):
        method = "PUT" if target.startswith(location) else "POST"
        head = request(method, target, [login, ("Content-Length", str(size * 2))])
        with socket.create_connection(("127.0.0.1", edge.port)) as connection:
            connection.sendall(head + content)

    assert registry("HEAD", f"/v2/app/blobs/{digest}").status == 404
    done = finish(registry, location, digest, content)
    for _ in range(200):
        if done.status != 409:  # the broken one has been let go
            break
        time.sleep(0.05)
        done = finish(registry, location, digest, content)
    assert done.status == 201


def test_abuse_50_a_body_that_is_longer_than_it_says_is_cut_where_it_says(edge):
    """The rest is no part of it, and no request either."""
    registry = edge.registry()
    login = ("Authorization", registry.headers["Authorization"])
    location, content = begin(registry, "app"), random_bytes("long", 1_000)
    head = request("PUT", f"{location}?digest={digest_of(content[:500])}", [login, ("Content-Length", "500")])

    answer = send(edge.port, head + content)

    assert statuses(answer) == [201]
    assert registry("GET", f"/v2/app/blobs/{digest_of(content[:500])}").data == content[:500]


@pytest.mark.parametrize(
    "length", ["-1", "+5", "5.0", "0x5", "5 5", "18446744073709551616", "99999999999999999999999", ""]
)
def test_abuse_50_a_length_that_is_no_number_is_no_request(edge, length):
    login = ("Authorization", edge.registry().headers["Authorization"])

    answer = send(edge.port, request("PUT", "/v2/app/manifests/v1", [login, ("Content-Length", length)]) + b"xxxxx")

    assert statuses(answer) == [400]


def test_abuse_50_more_headers_than_anybody_sends_are_refused(edge):
    login = ("Authorization", edge.registry().headers["Authorization"])

    for headers in (
        [(f"X-{number}", "x") for number in range(150)],
        [("X-Long", "x" * 40_000)],
        [("Cookie", "x" * 4_000)] * 12,
    ):
        assert statuses(send(edge.port, request("GET", "/v2/", [login, *headers])))[0] in {400, 431}
    assert statuses(send(edge.port, request("GET", "/v2/" + "x" * 9_000, [login])))[0] in {400, 414, 431}
