"""How tests of the OCI face push, and how they read refusals."""

from collections.abc import Callable, Iterator
from typing import Any

import urllib3

from tests.support.server import Registry

Answer = urllib3.BaseHTTPResponse


def refusal(answer: Answer) -> tuple[int, str, str]:
    """Status, code and message of an error document, whose form is checked."""
    assert answer.headers["Content-Type"] == "application/json"
    document = answer.json()
    assert set(document) == {"errors"}
    (error,) = document["errors"]
    assert set(error) <= {"code", "message", "detail"}
    return answer.status, error["code"], error["message"]


def begin(registry: Registry, repository: str) -> str:
    """The Location of a new upload session."""
    begun = registry("POST", f"/v2/{repository}/blobs/uploads/")
    assert begun.status == 202, begun.data
    location: str = begun.headers["Location"]
    return location


def append(registry: Registry, location: str, first: int, piece: bytes) -> Answer:
    """PATCH with a piece that says where it belongs."""
    headers = {"Content-Range": f"{first}-{first + len(piece) - 1}", "Content-Type": "application/octet-stream"}
    return registry("PATCH", location, piece, headers=headers)


def finish(
    registry: Registry, location: str, digest: str, piece: bytes | Iterator[bytes] | None = None, **headers: Any
) -> Answer:
    """PUT that closes an upload, with its last piece or without one."""
    mark = "&" if "?" in location else "?"
    return registry("PUT", f"{location}{mark}digest={digest}", piece, headers=headers)


def in_pieces(content: bytes, count: int) -> Iterator[bytes]:
    """*content* cut into *count* pieces; a request with it as its body is chunked and has no length."""
    size = max(1, -(-len(content) // count))
    for start in range(0, len(content), size):
        yield content[start : start + size]


def _post_only(registry: Registry, repository: str, content: bytes, digest: str) -> Answer:
    return registry("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", content)


def _post_and_put(registry: Registry, repository: str, content: bytes, digest: str) -> Answer:
    return finish(registry, begin(registry, repository), digest, content)


def _one_chunk(registry: Registry, repository: str, content: bytes, digest: str) -> Answer:
    done = append(registry, begin(registry, repository), 0, content)
    assert (done.status, done.headers["Range"]) == (202, f"0-{len(content) - 1}"), done.data
    return finish(registry, done.headers["Location"], digest)


def _stream(registry: Registry, repository: str, content: bytes, digest: str) -> Answer:
    done = registry("PATCH", begin(registry, repository), in_pieces(content, 3))
    assert (done.status, done.headers["Range"]) == (202, f"0-{max(len(content) - 1, 0)}"), done.data
    return finish(registry, done.headers["Location"], digest)


def _stream_in_put(registry: Registry, repository: str, content: bytes, digest: str) -> Answer:
    location = begin(registry, repository)
    return registry("PUT", f"{location}?digest={digest}", in_pieces(content, 3))


def _three_chunks(registry: Registry, repository: str, content: bytes, digest: str) -> Answer:
    location, at = begin(registry, repository), 0
    for piece in in_pieces(content, 3):
        done = append(registry, location, at, piece)
        at += len(piece)
        assert (done.status, done.headers["Range"]) == (202, f"0-{at - 1}"), done.data
        location = done.headers["Location"]
    return finish(registry, location, digest)


def _chunks_and_put(registry: Registry, repository: str, content: bytes, digest: str) -> Answer:
    location, at = begin(registry, repository), 0
    *pieces, last = in_pieces(content, 3)
    for piece in pieces:
        location = append(registry, location, at, piece).headers["Location"]
        at += len(piece)
    return finish(registry, location, digest, last, **{"Content-Range": f"{at}-{len(content) - 1}"})


Way = Callable[[Registry, str, bytes, str], Answer]

#: Every way to push a blob; the last answer is that of the request that names the digest.
WAYS: dict[str, Way] = {
    "post only": _post_only,
    "post+put": _post_and_put,
    "chunked single": _one_chunk,
    "stream": _stream,
    "stream in put": _stream_in_put,
    "chunked multi": _three_chunks,
    "chunked multi and put chunk": _chunks_and_put,
}
