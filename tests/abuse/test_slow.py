"""Clients that are slow on purpose: security-design 9, row 54."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.abuse.raw import statuses
from tests.oci.kinds import random_bytes
from tests.oci.wire import begin
from tests.support.server import Server, digest_of

# Limits by address count for the attacker, and spare the healthy, who come from 127.0.0.1.
_ATTACKER = "127.0.0.2"
_SOCKETS = 2_000


@pytest.fixture(scope="module")
def large(server: Server, ecr) -> str:
    """The path of a blob that fits into no socket's buffers."""
    ecr.create_repository(repositoryName="slow/app")
    registry = server.registry()
    digest = registry.push_blob("slow/app", random_bytes("slow", 24 << 20))
    registry.push_image("slow/app", "v1", seed=b"slow")
    return f"/v2/slow/app/blobs/{digest}"


@contextlib.contextmanager
def _held(server: Server, payloads: list[bytes], *, receive: int | None = None) -> Iterator[list[socket.socket]]:
    """As many connections as payloads, on each of which one was sent and nothing is read."""
    with contextlib.ExitStack() as stack:
        connections = []
        for payload in payloads:
            connection = stack.enter_context(socket.socket())
            if receive is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
            connection.bind((_ATTACKER, 0))
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(payload)
            connections.append(connection)
        yield connections


def _pull_and_push(server: Server, large: str) -> None:
    """What a healthy client does, on connections of its own: everything is answered, and right."""
    registry = server.registry()
    for number in range(20):
        assert registry("GET", "/v2/slow/app/manifests/v1").status == 200
        assert registry("GET", f"/v2/slow/app/blobs/{digest_of(b'layer slow')}").data == b"layer slow"
        registry.push_blob("slow/app", b"%d" % number)
    assert digest_of(registry("GET", large).data) == large.rpartition("/")[2]


def test_abuse_54_two_thousand_slow_heads_keep_nobody_waiting(server, large):
    head = b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: "

    with _held(server, [head] * _SOCKETS) as connections:
        for connection in connections:
            connection.sendall(b"x")
        _pull_and_push(server, large)


def test_abuse_54_two_thousand_silent_connections_keep_nobody_waiting(server, large):
    with _held(server, [b""] * _SOCKETS):
        _pull_and_push(server, large)


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_abuse_54_slow_bodies_keep_nobody_waiting(server, large, known):
    """With a password of somebody and without: as many as one address may have, and 429 for the rest."""
    registry = server.registry()
    login = f"Authorization: {registry.headers['Authorization']}\r\n" if known else ""
    payloads = []
    for number in range(_SOCKETS):
        location = begin(registry, "slow/app") if known and number < 20 else "/v2/slow/app/blobs/uploads/x"
        head = f"PATCH {location} HTTP/1.1\r\nHost: localhost\r\n{login}Content-Length: 1000000\r\n\r\n"
        payloads.append(head.encode() + b"drip")

    with _held(server, payloads) as connections:
        _pull_and_push(server, large)

        assert 429 in {status for connection in connections for status in _answered(connection)}


def test_abuse_54_slow_readers_keep_nobody_waiting(server, large):
    """Each wants 24 MiB and reads nothing: the server holds no more of it than the kernel takes."""
    registry = server.registry()
    head = f"GET {large} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {registry.headers['Authorization']}\r\n\r\n"

    with _held(server, [head.encode()] * 400, receive=4096):
        _pull_and_push(server, large)


def test_abuse_54_one_address_cannot_hold_what_is_there_for_others(server, large):
    """The limit counts requests under way by address: at it, others are answered, and its own end makes room."""
    registry = server.registry()
    head = f"PUT {large} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n".encode()
    with _held(server, [head] * 1_000) as connections:
        refused = [connection for connection in connections if 429 in _answered(connection)]
        assert registry("GET", "/v2/").status == 200
    assert len(refused) < len(connections)
    assert registry("GET", "/v2/").status == 200


def _answered(connection: socket.socket) -> list[int]:
    """What has come by now."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError, ConnectionError):
        return statuses(connection.recv(65536))
    return []
