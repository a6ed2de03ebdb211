"""Who is told to end says so first, lets end what runs, within limits, and ends at once when told again."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import urllib3

from tests.support.network import free_port
from tests.support.server import ENTREPOT, Registry, Server, used_data
from tests.support.signals import inherited
from tests.support.weed import Weed

pytestmark = pytest.mark.timeout(300)

_NAME = "draining/app"
# Nobody waits for it: what is said to take so long ends otherwise.
_LONG = 3600


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    return used_data(tmp_path_factory.mktemp("draining"), _NAME, jobs=False)


def _status(url, path):
    try:
        return urllib3.request("GET", f"{url}{path}", retries=False, timeout=30).status
    except urllib3.exceptions.HTTPError:
        return None


def _until(condition):
    while not condition():
        time.sleep(0.05)


def _end_by_force(process):
    """As somebody does who does not want to wait."""
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)


def _half_a_push(server):
    """A connection on which a push has begun that waits for the rest of its bytes."""
    registry = server.registry()
    path = registry("POST", f"/v2/{_NAME}/blobs/uploads/").headers["location"]
    running = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    running.sendall(
        f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {registry.headers['Authorization']}\r\n"
        f"Content-Length: 200000\r\n\r\n".encode()
        + bytes(100_000)
    )
    _until(lambda: list((server.data / "blobs" / "uploads").iterdir()))
    return running


@pytest.mark.parametrize("workers", [1, 2])
def test_readiness_goes_first_and_requests_are_still_taken(used, tmp_path, workers):
    interface = f"http://127.0.0.1:{(port := free_port())}"
    endpoints = f"vpce-a=127.0.0.1:{port}"
    with used.again(tmp_path / "log", workers=workers, endpoints=endpoints, drain_delay=_LONG) as server:
        process = server.process
        assert process is not None
        _until(lambda: _status(interface, "/readyz") == 200)

        process.send_signal(signal.SIGTERM)

        for url in (server.url, interface):
            _until(lambda url=url: _status(url, "/readyz") == 503)
            assert [_status(url, "/readyz") for _ in range(20)] == [503] * 20
            assert _status(url, "/healthz") == 200
        server.registry().push_image(_NAME, "late")
        assert process.poll() is None
        _end_by_force(process)

    assert process.returncode == 0


def _ignores_hangups(process):
    (mask,) = re.findall(r"^SigIgn:\s*(\w+)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return bool(int(mask, 16) & 1 << signal.SIGHUP - 1)


@contextlib.contextmanager
def _started_where(hangups, used, tmp_path):
    with inherited(signal.SIGHUP, hangups):
        server = used.again(tmp_path / "log").start()
    try:
        yield server
    finally:
        server.stop()


def test_a_terminal_that_goes_ends_it(used, tmp_path):
    with _started_where(signal.SIG_DFL, used, tmp_path) as server:
        assert not _ignores_hangups(server.process)

        server.process.send_signal(signal.SIGHUP)

        assert server.process.wait(60) == 0


def test_a_terminal_that_goes_means_nothing_to_who_was_started_by_nohup(used, tmp_path):
    with _started_where(signal.SIG_IGN, used, tmp_path) as server:
        ignored = _ignores_hangups(server.process)

        assert server.stop() == 0
        assert ignored


def test_everything_starts_though_nobody_reads_the_greeting(used, tmp_path):
    """The jobs and the interface endpoints start behind it."""
    port = free_port()
    server = used.again(tmp_path / "log", endpoints=f"vpce-a=127.0.0.1:{port}")
    reader, writer = os.pipe()
    os.close(reader)
    with (tmp_path / "log").open("ab") as log:
        process = subprocess.Popen(
            [ENTREPOT, "serve", "--data", server.data, "--listen", f"127.0.0.1:{server.port}"],
            env={"PATH": os.environ["PATH"], **server.settings},
            stdout=writer,
            stderr=log,
        )
    os.close(writer)
    try:
        while _status(f"http://127.0.0.1:{port}", "/readyz") != 200:
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.05)
    finally:
        process.terminate()
        process.wait(60)


def test_when_the_delay_is_over_it_ends_by_itself(used, tmp_path):
    with used.again(tmp_path / "log", drain_delay=1) as server:
        assert server.stop() == 0


def test_what_does_not_end_is_cut_off_at_the_limit(used, tmp_path):
    with used.again(tmp_path / "log", drain_limit=1) as server, _half_a_push(server) as running:
        assert server.stop() == 0
        assert not running.recv(1)


def test_who_tells_it_twice_waits_for_nobody(used, tmp_path):
    with used.again(tmp_path / "log", drain_limit=_LONG) as server, _half_a_push(server) as running:
        process = server.process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        _until(lambda: _status(server.url, "/healthz") is None)
        assert process.poll() is None

        _end_by_force(process)

        assert process.returncode == 0
        assert not running.recv(1)
    # One that only keeps account for the others ends when it sees that they have.
    _until(lambda: subprocess.run(["pgrep", "--session", str(process.pid)], check=False).returncode == 1)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("host", ["10.1.2.3:5000", "node-7.internal", ""])
def test_a_load_balancer_may_ask_by_any_name(used, tmp_path, path, host):
    with used.again(tmp_path / "log") as server:
        told = urllib3.request("GET", f"{server.url}{path}", headers={"Host": host})
        other = urllib3.request("GET", f"{server.url}/v2/", headers={"Host": host})

    assert (told.status, other.status) == (200, 421)


def test_who_cannot_reach_its_files_is_not_ready_but_lives(used, tmp_path):
    with used.again(tmp_path / "log") as server:
        uploads, away = server.data / "blobs" / "uploads", server.data / "blobs" / "away"

        uploads.rename(away)
        seen = [_status(server.url, path) for path in ("/readyz", "/healthz")]
        away.rename(uploads)

        assert seen == [503, 200]
        assert _status(server.url, "/readyz") == 200


def test_who_cannot_reach_its_bucket_is_not_ready_but_lives(tmp_path):
    """A store that does not answer is asked again for long; who asks whether we are ready does not wait for that."""
    (tmp_path / "weed").mkdir()
    with Weed(tmp_path / "weed") as weed:
        server = Server(tmp_path / "data", jobs=False, storage=weed.place(), variables=weed.variables)
        server.start()
    try:
        assert [_status(server.url, path) for path in ("/readyz", "/healthz", "/readyz")] == [503, 200, 503]
        assert Registry(server.url, None)("GET", "/v2/").status == 401
    finally:
        server.kill()
