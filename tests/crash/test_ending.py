"""A server that is told to end, and one that loses a worker, in the middle of pushes."""

import os
import signal
import socket
import threading
from pathlib import Path

import pytest
import urllib3

from tests.support.server import digest_of, used_data

_NAME = "ending/app"


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    return used_data(tmp_path_factory.mktemp("ending"), _NAME, jobs=False)


def _refuses(server):
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_signals_that_come_many_at_once_end_it_once(used, tmp_path):
    with used.again(tmp_path / "log", workers=2) as server:
        process = server.process
        assert process is not None

        for _ in range(20):
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
        code = process.wait(60)

    assert code == 0
    assert "Unexpected exit" not in server.log.read_text()


def test_the_interrupt_of_a_terminal_reaches_everybody_and_ends_everybody(used, tmp_path):
    with used.again(tmp_path / "log", workers=2) as server:
        process = server.process
        assert process is not None

        os.killpg(process.pid, signal.SIGINT)
        code = process.wait(60)

    assert code == 0
    assert "Unexpected exit" not in server.log.read_text()
    assert "started again" not in server.log.read_text()


def test_a_push_that_is_under_way_at_sigterm_is_acknowledged_and_kept(used, tmp_path):
    content = os.urandom(3_000_000)
    with used.again(tmp_path / "log") as server:
        registry, process = server.registry(), server.process
        assert process is not None
        path = registry("POST", f"/v2/{_NAME}/blobs/uploads/").headers["location"]
        head = (
            f"PUT {path}?digest={digest_of(content)} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: {registry.headers['Authorization']}\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as running:
            running.sendall(head.encode() + content[:1_000_000])
            # The bytes are with the server once its file of the upload is there.
            _until(lambda: list((server.data / "blobs" / "uploads").iterdir()))

            process.send_signal(signal.SIGTERM)
            _until(lambda: _refuses(server))
            running.sendall(content[1_000_000:])
            answer = running.recv(65536)
        code = process.wait(60)

    assert answer.startswith(b"HTTP/1.1 201 "), answer
    assert code == 0
    with used.again(tmp_path / "log") as server:
        assert server.registry()("GET", f"/v2/{_NAME}/blobs/{digest_of(content)}").data == content


def test_requests_go_on_while_a_worker_dies_and_is_replaced(used, tmp_path):
    with used.again(tmp_path / "log", workers=2) as server:
        registry = server.registry()
        before = _workers(server)

        os.kill(before[0], signal.SIGKILL)
        pushed: list[tuple[str, bytes]] = []
        while len(pushed) < 10 or before[0] in _workers(server) or len(_workers(server)) < 2:
            seed = os.urandom(8)
            try:
                pushed.append(registry.push_image(_NAME, None, seed=seed))
            except urllib3.exceptions.HTTPError:
                continue  # it was on its way to the one that died: clients try again

        for digest, text in pushed:
            assert registry("GET", f"/v2/{_NAME}/manifests/{digest}").data == text


def _workers(server):
    """Ids of the worker processes. Without jobs there are no other children of that kind."""
    assert server.process is not None
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            arguments = path.with_name("cmdline").read_bytes()
            if int(fields[1]) == server.process.pid and b"resource_tracker" not in arguments:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return sorted(found)


def _until(condition):
    """Return once *condition* holds; the test's own limit of time ends it."""
    pause = threading.Event()
    while not condition():
        pause.wait(0.05)
