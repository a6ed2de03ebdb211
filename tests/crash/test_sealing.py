"""Blobs at rest under a real server: nothing of them is found, the setting may change, and no crash reseals any."""

import contextlib
import os
import socket
import threading

import pytest
import urllib3

from entrepot.sealing.envelope import HEADER, SEGMENT, STREAM_HEAD, stream_size
from tests.oci.wire import WAYS, append, begin, finish
from tests.support import weed
from tests.support.server import Server, digest_of

MARKER = b"a sentence that nobody shall find at rest, "


@pytest.fixture
def start(engines, request, tmp_path):
    """Starts a server on one place, with some default_at_rest; the one before has to have ended."""
    place = engines.place(getattr(request, "param", "sqlite-file"))
    if "storage" in place.settings:  # the engine shall not hide what we do not
        place.settings["storage"] += "&encryption=none"
    with contextlib.ExitStack() as servers:

        def start(default_at_rest="service"):
            settings = {**place.settings, "default_at_rest": default_at_rest, "jobs": False}
            server = Server(tmp_path / "data", variables=place.variables, **settings)
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


def anywhere(server, engines, marker):
    """Files of the server and of its engines, and objects of its bucket, in which the marker is found."""
    found = [path for path, content in server.at_rest() if marker in content]
    if place := server.settings.get("ENTREPOT_STORAGE"):
        found += [name for name, content in weed.lying(place).items() if marker in content]
        files = (path for path in (engines.weed.folder / "data").rglob("*") if path.is_file())
        found += [path for path in files if marker in path.read_bytes()]
    return found


def blob(number, size=1_700_000):
    return str(number).encode() + MARKER * (size // len(MARKER))


@pytest.mark.parametrize(
    "start",
    ["sqlite-file", pytest.param("postgresql-file", marks=pytest.mark.long), "postgresql-s3-sealed"],
    indirect=True,
)
def test_nothing_of_a_blob_is_found_however_it_is_pushed(start, engines):
    server = start()
    registry = server.registry()

    for number, push in enumerate(WAYS.values()):
        answer = push(registry, "app", blob(number), digest_of(blob(number)))
        assert answer.status == 201, answer.data
        small = blob(number, size=10_000)
        assert push(registry, "app", small, digest_of(small)).status == 201
    for size in (1_700_000, 10_000):
        append(registry, begin(registry, "app"), 0, blob("unfinished", size=size))

    assert anywhere(server, engines, MARKER) == []
    for number in range(len(WAYS)):
        small = blob(number, size=10_000)
        assert registry("GET", f"/v2/app/blobs/{digest_of(small)}").data == small
        content = blob(number)
        url = f"/v2/app/blobs/{digest_of(content)}"
        assert registry("GET", url).data == content
        part = registry("GET", url, headers={"Range": "bytes=1048000-1049999"})
        assert (part.status, part.data) == (206, content[1_048_000:1_050_000])
    assert "no damage" in server.command("verify").stdout
    server.stop()

    server = start("disk")
    for size in (900, 1_700_000):  # it would be found: in a row, and where blobs are
        sentence = os.urandom(20).hex().encode()
        server.registry().push_blob("app", sentence.ljust(size))
        assert anywhere(server, engines, sentence) != []


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
@pytest.mark.parametrize("start", ["sqlite-file", "postgresql-s3-sealed"], indirect=True)
def test_abuse_62_no_two_ciphertexts_share_key_and_nonce(start, engines):
    """``kill -9`` in the middle of a request; the client sends other bytes for the same place."""
    server = start()
    registry = server.registry()
    location = append(registry, begin(registry, "app"), 0, blob("first")).headers["Location"]
    upload, first = location.rpartition("/")[2], len(blob("first"))
    sealed: dict[tuple[bytes, int], bytes] = {}  # by salt and prefix, and number

    for _ in range(4):
        with _sending(server, registry, location, os.urandom(20_000_000), at=first):
            _until(lambda: any(_is_new(stream, sealed) for stream in _streams(server, engines, upload, first)))
            server.kill()
        for stream in _streams(server, engines, upload, first):
            _note(stream, sealed)
        server.start()
        server.sql("UPDATE uploads SET writer_until = 0")  # a minute later: see test_crashes

    registry = server.registry()
    assert registry("GET", location).headers["Range"] == f"0-{first - 1}"
    whole = blob("first") + blob("second")
    assert finish(registry, location, digest_of(whole), blob("second")).status == 201
    assert registry("GET", f"/v2/app/blobs/{digest_of(whole)}").data == whole
    assert len({stream for stream, _ in sealed}) == 5


def _streams(server, engines, upload, first):
    """Every stream of an upload that lies at rest, whole or begun; the first of them has *first* plain bytes."""
    place = server.settings.get("ENTREPOT_STORAGE")
    if place is None:
        ((_, content),) = lying(server, upload).items()
        end = HEADER + stream_size(first)
        return [content[HEADER:end], content[end + 8 :]]
    segments = {name: content for name, content in weed.lying(place).items() if name.startswith(f"{upload}/")}
    whole = [content[HEADER if "/000000000000-" in name else 0 :] for name, content in sorted(segments.items())]
    return whole + weed.unfinished(place, engines.weed.filer)


def _is_new(stream, sealed):
    return len(stream) > 2 * SEGMENT and (stream[1:STREAM_HEAD], 0) not in sealed


def _note(stream, sealed):
    """Add the segments of a stream to what was *sealed*: under one key and nonce, never another one."""
    assert stream[0] == STREAM_HEAD
    for number, start in enumerate(range(0, len(stream), SEGMENT)):
        segment = stream[start or STREAM_HEAD : start + SEGMENT]
        before = sealed.setdefault((stream[1:STREAM_HEAD], number), segment)
        size = min(len(before), len(segment))
        assert before[:size] == segment[:size]


@contextlib.contextmanager
def _sending(server, registry, location, content, *, at):
    """While a PATCH lacks its last byte."""
    with socket.create_connection((server.host, server.port)) as connection:
        head = (
            f"PATCH {location} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
            f"Authorization: {registry.headers['Authorization']}\r\n"
            f"Content-Range: {at}-{at + len(content) - 1}\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        connection.sendall(head.encode() + content[:-1])
        yield


def _until(condition):
    """Return once *condition* holds; the test's own limit of time ends it."""
    pause = threading.Event()
    while not condition():
        pause.wait(0.05)
