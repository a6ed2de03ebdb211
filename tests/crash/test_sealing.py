"""Blobs at rest under a real server: nothing of them is found, the setting may change, and no crash reseals any."""

import contextlib
import os
import socket

import pytest
import urllib3

from entrepot.sealing.envelope import HEADER, stream_size
from tests.oci.wire import WAYS, append, begin, finish
from tests.support.server import Server, digest_of

MARKER = b"a sentence that nobody shall find at rest, "


@pytest.fixture
def start(tmp_path):
    """Starts a server on one folder, with some default_at_rest; the one before has to have ended."""
    with contextlib.ExitStack() as servers:

        def start(default_at_rest="service"):
            server = Server(tmp_path / "data", default_at_rest=default_at_rest, jobs=False)
            servers.enter_context(server)
            with contextlib.suppress(server.aws("ecr").exceptions.RepositoryAlreadyExistsException):
                server.aws("ecr").create_repository(repositoryName="app")
            return server

        yield start


def lying(server, name="*"):
    """The content of every file under the data folder, of blobs and of all else."""
    return {path: path.read_bytes() for path in server.data.rglob(name) if path.is_file()}


def with_marker(server):
    return [path.name for path, content in lying(server).items() if MARKER in content]


def blob(number, size=1_700_000):
    return str(number).encode() + MARKER * (size // len(MARKER))


def test_nothing_of_a_blob_is_found_however_it_is_pushed(start):
    server = start()
    registry = server.registry()

    for number, push in enumerate(WAYS.values()):
        answer = push(registry, "app", blob(number), digest_of(blob(number)))
        assert answer.status == 201, answer.data
        small = blob(number, size=10_000)
        assert push(registry, "app", small, digest_of(small)).status == 201
    for size in (1_700_000, 10_000):
        append(registry, begin(registry, "app"), 0, blob("unfinished", size=size))

    assert with_marker(server) == []
    for number in range(len(WAYS)):
        small = blob(number, size=10_000)
        assert registry("GET", f"/v2/app/blobs/{digest_of(small)}").data == small
        content = blob(number)
        url = f"/v2/app/blobs/{digest_of(content)}"
        assert registry("GET", url).data == content
        part = registry("GET", url, headers={"Range": "bytes=1048000-1049999"})
        assert (part.status, part.data) == (206, content[1_048_000:1_050_000])
    assert "no damage" in server.command("verify").stdout


def test_the_setting_is_for_new_blobs_and_leaves_others_readable(start):
    server = start()
    registry = server.registry()
    registry.push_blob("app", blob("sealed"))
    registry.push_blob("app", blob("sealed", size=9_000))
    location = append(registry, begin(registry, "app"), 0, blob("begun sealed")).headers["Location"]
    server.stop()

    server = start("disk")
    registry = server.registry()
    whole = blob("begun sealed") + blob("and ended")
    answer = finish(registry, location, digest_of(whole), blob("and ended"))
    assert answer.status == 201, answer.data
    assert with_marker(server) == []
    registry.push_blob("app", blob("plain"))
    assert len(with_marker(server)) == 1
    part = registry("GET", f"/v2/app/blobs/{digest_of(blob('plain'))}", headers={"Range": "bytes=5-1500004"})
    assert (part.status, part.data) == (206, blob("plain")[5:1_500_005])
    assert registry("GET", f"/v2/app/blobs/{digest_of(blob('plain'))}").data == blob("plain")
    server.stop()

    server = start()
    registry = server.registry()
    for content in (blob("sealed"), blob("sealed", size=9_000), blob("plain"), whole):
        assert registry("GET", f"/v2/app/blobs/{digest_of(content)}").data == content
    assert "no damage" in server.command("verify").stdout


def test_abuse_61_a_damaged_blob_breaks_off_and_is_told_by_verify(start):
    server = start()
    registry = server.registry()
    content = os.urandom(3_000_000)
    registry.push_blob("app", content)
    (path,) = (path for path in lying(server) if digest_of(content)[7:] in path.name)
    with path.open("r+b") as file:
        file.seek(2_500_000)
        file.write(b"damage")

    with pytest.raises(urllib3.exceptions.HTTPError):
        registry("GET", f"/v2/app/blobs/{digest_of(content)}")

    verified = server.command("verify", check=False)
    assert verified.returncode == 1
    assert f"blob {digest_of(content)} of" in verified.stdout


@pytest.mark.timeout(300)
def test_abuse_62_after_a_crash_no_segment_is_sealed_again(start):
    """``kill -9`` in the middle of a request; the client sends other bytes for the same place."""
    server = start()
    registry = server.registry()
    location = append(registry, begin(registry, "app"), 0, blob("first")).headers["Location"]
    first, seen, sealed = len(blob("first")), set(), []

    for number in range(4):
        with _sending(server, registry, location, os.urandom(5_000_000), at=first):
            server.kill()
        ((_, content),) = lying(server, location.rpartition("/")[2]).items()
        part = content[HEADER + stream_size(first) + 8 :]
        seen.add(part[1:40])
        sealed.append(part[40:200])
        assert len(part) > 1_000_000, number
        server.start()

    registry = server.registry()
    assert registry("GET", location).headers["Range"] == f"0-{first - 1}"
    whole = blob("first") + blob("second")
    assert finish(registry, location, digest_of(whole), blob("second")).status == 201
    assert len(seen) == len(set(sealed)) == 4
    assert registry("GET", f"/v2/app/blobs/{digest_of(whole)}").data == whole


@contextlib.contextmanager
def _sending(server, registry, location, content, *, at):
    """While a PATCH lacks its last byte, and a segment of it lies on the disk."""
    with socket.create_connection((server.host, server.port)) as connection:
        head = (
            f"PATCH {location} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
            f"Authorization: {registry.headers['Authorization']}\r\n"
            f"Content-Range: {at}-{at + len(content) - 1}\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        connection.sendall(head.encode() + content[:-1])
        enough, lies = HEADER + stream_size(at) + 1_000_000, b""
        for _ in range(10_000):
            ((_, lies),) = lying(server, location.rpartition("/")[2]).items()
            if len(lies) > enough:
                break
        assert len(lies) > enough
        yield
