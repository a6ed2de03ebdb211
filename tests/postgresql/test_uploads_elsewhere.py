"""Uploads that one node has begun and another goes on with: blobs in a folder that both see, and in a bucket."""

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgresql import cluster
from tests.support.server import Server, digest_of
from tests.support.weed import Weed

# Two servers start, and one of them starts again.
pytestmark = pytest.mark.timeout(300)

_NAME = "elsewhere/app"
_PIECE = 6 << 20


@pytest.fixture(scope="module", params=["files", "bucket"])
def nodes(request, tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("elsewhere")
    shared: dict[str, Any] = {"database": cluster().new(), "keys": folder / "keys", "jobs": False}
    if request.param == "files":
        shared["storage"] = (folder / "blobs").as_uri()
    else:
        weed: Weed = request.getfixturevalue("weed")
        shared |= {"storage": weed.place(), "variables": weed.variables}
    with Server(folder / "one", **shared) as one, Server(folder / "two", **shared) as two:
        one.aws("ecr").create_repository(repositoryName=_NAME)
        yield one, two


def _pulled(node, digest):
    return node.registry()("GET", f"/v2/{_NAME}/blobs/{digest}").data


@pytest.mark.parametrize("closing", [b"", b"the end"])
@pytest.mark.parametrize("last", [0, 1])
def test_pieces_may_come_to_any_node(nodes, closing, last):
    """The digest is that of all bytes, whichever node has seen which."""
    faces = [node.registry() for node in nodes]
    pieces = [os.urandom(size) for size in (100, _PIECE, 70_000, _PIECE)]
    content = b"".join(pieces) + closing
    location = faces[0]("POST", f"/v2/{_NAME}/blobs/uploads/").headers["location"]

    for number, piece in enumerate(pieces):
        begun = sum(map(len, pieces[:number]))
        headers = {"Content-Range": f"{begun}-{begun + len(piece) - 1}"}
        assert faces[number % 2]("PATCH", location, piece, headers=headers).status == 202
    wrong = faces[last]("PUT", f"{location}?digest={digest_of(b'other bytes')}", closing)
    done = faces[last]("PUT", f"{location}?digest={digest_of(content)}", closing)

    assert (wrong.status, done.status) == (400, 201)
    assert [_pulled(node, digest_of(content)) == content for node in nodes] == [True, True]


def test_parts_by_the_api_may_come_to_any_node(nodes):
    apis = [node.aws("ecr") for node in nodes]
    parts = [os.urandom(_PIECE) for _ in range(3)]
    content = b"".join(parts)
    upload = apis[1].initiate_layer_upload(repositoryName=_NAME)["uploadId"]
    this = {"repositoryName": _NAME, "uploadId": upload}

    for number, part in enumerate(parts):
        first = number * _PIECE
        apis[number % 2].upload_layer_part(
            **this, partFirstByte=first, partLastByte=first + _PIECE - 1, layerPartBlob=part
        )
    apis[1].complete_layer_upload(**this, layerDigests=[digest_of(content)])

    assert [_pulled(node, digest_of(content)) == content for node in nodes] == [True, True]


def test_an_upload_in_whose_middle_a_node_was_killed_goes_on_elsewhere_once_its_claim_has_run_out(nodes):
    one, two = nodes
    first, lost, rest = os.urandom(_PIECE), os.urandom(_PIECE), os.urandom(_PIECE)
    face = one.registry()
    location = face("POST", f"/v2/{_NAME}/blobs/uploads/").headers["location"]
    assert face("PATCH", location, first).status == 202
    head = (
        f"PATCH {location} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {face.headers['Authorization']}\r\n"
        f"Content-Length: {2 * _PIECE}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", one.port), timeout=60) as running:
        running.sendall(head.encode() + lost)
        while one.sql("SELECT count(*) FROM uploads WHERE writer IS NOT NULL") == [(0,)]:
            time.sleep(0.02)
        one.kill()
    other = two.registry()

    assert other("PATCH", location, rest).status == 409  # somebody may still be writing
    ((until,),) = two.sql("SELECT max(writer_until) FROM uploads")
    two.sql("UPDATE uploads SET writer_until = writer_until - 60")
    begun = other("GET", location).headers["range"]
    assert other("PATCH", location, rest, headers={"Content-Range": f"{_PIECE}-{2 * _PIECE - 1}"}).status == 202
    done = other("PUT", f"{location}?digest={digest_of(first + rest)}")

    assert until <= time.time() + 60
    assert begun == f"0-{_PIECE - 1}"
    assert done.status == 201
    assert _pulled(two, digest_of(first + rest)) == first + rest
    one.start()
    assert _pulled(one, digest_of(first + rest)) == first + rest
