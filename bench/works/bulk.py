"""
One large blob: pushed in one piece, pushed in 64 MiB chunks, pulled; as it comes, and sealed at rest by us alone.

The client is the kernel: sendfile one way, one large buffer the other, so that what is measured is the server.
"""

import http.client
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench import content, machine
from bench.content import accept, begin_upload, path_of, small_image, with_digest
from bench.figures import Figure, Target
from bench.servers import DISTRIBUTION_2, DISTRIBUTION_3, LIMIT, Place, Server, running
from bench.work import Measure, Prepare, Scale, Work

_CHUNK = 64 << 20
_GIB = 1 << 30
_GB = 1e9
_PEERS = (DISTRIBUTION_2, DISTRIBUTION_3)
# As the others keep it; and as we do unless we are told otherwise.
_PLAIN, _SEALED = (Place({"ENTREPOT_DEFAULT_AT_REST": kind}) for kind in ("disk", "service"))
_PUSH_TARGETS = {DISTRIBUTION_2: Target(2.5), DISTRIBUTION_3: Target(1.5, or_of_limit=0.8)}

Push = Callable[[Server, str, Path, str], None]


def push_whole(server: Server, repository: str, path: Path, digest: str) -> None:
    """POST, then one PUT of the whole file."""
    connection = server.connect()
    place = with_digest(begin_upload(connection, server, repository), digest)
    _send(connection, server, "PUT", place, path=path, first=0, size=path.stat().st_size)
    connection.close()


def push_chunks(server: Server, repository: str, path: Path, digest: str) -> None:
    """POST, a PATCH for every 64 MiB, PUT."""
    connection = server.connect()
    place, size = begin_upload(connection, server, repository), path.stat().st_size
    for first in range(0, size, _CHUNK):
        answer = _send(connection, server, "PATCH", place, path=path, first=first, size=min(_CHUNK, size - first))
        place = path_of(answer.headers["Location"])
    content.ask(connection, "PUT", with_digest(place, digest), body=b"", headers=server.headers)
    connection.close()


def pull(server: Server, path: str) -> int:
    """GET the path and drop what comes; gives the bytes."""
    connection = server.connect()
    connection.request("GET", path, headers=server.headers)
    answer, buffer, size = connection.getresponse(), memoryview(bytearray(machine.MIB)), 0
    if answer.status != http.client.OK:
        accept(answer)
    while count := answer.readinto(buffer):
        size += count
    connection.close()
    return size


def _send(
    connection: http.client.HTTPConnection,
    server: Server,
    method: str,
    place: str,
    *,
    path: Path,
    first: int,
    size: int,
) -> http.client.HTTPResponse:
    connection.putrequest(method, place, skip_accept_encoding=True)
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size), **server.headers}
    if method == "PATCH":
        headers["Content-Range"] = f"{first}-{first + size - 1}"
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    with path.open("rb") as file:
        connection.sock.sendfile(file, first, size)
    return accept(connection.getresponse())


@contextmanager
def _pushing(name: str, scale: Scale, *, key: str, push: Push, place: Place) -> Iterator[Measure]:
    """Each round into an empty registry, after a small push that warms it."""
    path = content.large_file(scale.folder, scale.blob)

    def measure(_number: int) -> Mapping[str, float]:
        digest = content.renew(path)
        with running(name, scale.folder, workers=scale.workers, place=place) as server:
            server.create_repository("bulk")
            content.push(server, "bulk", small_image(), tag="1")
            os.sync()
            cpu, started = server.cpu_seconds(), time.perf_counter()
            push(server, "bulk", path, digest)
            seconds = time.perf_counter() - started
            used = server.cpu_seconds() - cpu
        return {key: scale.blob / seconds / _GB, f"{key}-cpu": used * _GIB / scale.blob}

    yield measure


@contextmanager
def _push_limit(_name: str, scale: Scale, *, key: str) -> Iterator[Measure]:
    def measure(_number: int) -> Mapping[str, float]:
        slowest = min(machine.sha256_rate(scale.blob), machine.disk_rate(scale.folder, scale.blob))
        return {key: slowest / _GB}

    yield measure


@contextmanager
def _pulling(name: str, scale: Scale, *, key: str, place: Place) -> Iterator[Measure]:
    path = content.large_file(scale.folder, scale.blob)
    digest = content.renew(path)
    with running(name, scale.folder, workers=scale.workers, place=place) as server:
        where = _offer(server, path, digest)
        pull(server, where)

        def measure(_number: int) -> Mapping[str, float]:
            cpu, started = server.cpu_seconds(), time.perf_counter()
            size = pull(server, where)
            seconds = time.perf_counter() - started
            used = server.cpu_seconds() - cpu
            assert size == scale.blob, "the blob came back shorter"
            return {key: size / seconds / _GB, f"{key}-cpu": used * _GIB / size}

        yield measure


@contextmanager
def _opening(_name: str, scale: Scale, *, key: str) -> Iterator[Measure]:
    """What one core opens: no sealed pull can be faster, as long as one connection has one core."""

    def measure(_number: int) -> Mapping[str, float]:
        rate = machine.aes_rate(scale.blob)
        return {key: rate / _GB, f"{key}-cpu": _GIB / rate}

    yield measure


def _offer(server: Server, path: Path, digest: str) -> str:
    """Put the blob there; gives where it is to be had."""
    if server.name == LIMIT:
        os.link(path, server.folder / "blob")
        return "/blob"
    server.create_repository("bulk")
    push_whole(server, "bulk", path, digest)
    os.sync()
    return f"/v2/bulk/blobs/{digest}"


def _push_work(key: str, title: str, push: Push, place: Place) -> Work:
    speed = Figure(key, title, "GB/s", targets=_PUSH_TARGETS, limit="GB/s, the slower of SHA-256 and disk")
    cpu = Figure(f"{key}-cpu", f"{title}: processor of the server", "s/GiB", better="less")
    limit = partial(_push_limit, key=key)
    return Work(key, [speed, cpu], partial(_pushing, key=key, push=push, place=place), peers=_PEERS, limit=limit)


def _pull_work(key: str, title: str, place: Place, *, processor: float, limit: Prepare, bounds: str) -> Work:
    targets = dict.fromkeys(_PEERS, Target(0.95))
    speed = Figure(key, title, "GB/s", targets=targets, limit=f"GB/s, {bounds}")
    cpu = Figure(
        f"{key}-cpu",
        f"{title}: processor of the server",
        "s/GiB",
        better="less",
        targets=dict.fromkeys(_PEERS, Target(processor)),
        limit=f"s/GiB, {bounds}",
    )
    return Work(key, [speed, cpu], partial(_pulling, key=key, place=place), peers=_PEERS, limit=limit, rounds=7)


WORKS = (
    _push_work("push", "push a large blob, one PUT", push_whole, _PLAIN),
    _push_work("push-sealed", "push a large blob, one PUT, sealed by us", push_whole, _SEALED),
    _push_work("push-chunks", "push a large blob, 64 MiB chunks", push_chunks, _PLAIN),
    _push_work("push-chunks-sealed", "push a large blob, 64 MiB chunks, sealed by us", push_chunks, _SEALED),
    _pull_work(
        "pull",
        "pull a large blob",
        _PLAIN,
        processor=1.6,
        limit=partial(_pulling, key="pull", place=_PLAIN),
        bounds="nginx",
    ),
    _pull_work(
        "pull-sealed",
        "pull a large blob that is sealed by us",
        _SEALED,
        processor=2,
        limit=partial(_opening, key="pull-sealed"),
        bounds="AES-256-GCM of one core",
    ),
)
