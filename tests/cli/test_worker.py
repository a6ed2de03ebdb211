"""``entrepot worker``: jobs alone, beside servers."""

import os
import re
import signal
import subprocess
import time

import pytest

from tests.support.postgresql import cluster
from tests.support.server import ENTREPOT, Server

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def worker(tmp_path):
    """Starts workers, each on a folder of its own, over what a server works with; they end with the test."""
    started = []

    def start(server, name):
        log = tmp_path / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [ENTREPOT, "worker", "--data", tmp_path / name],
                env={k: v for k, v in os.environ.items() if not k.startswith(("ENTREPOT_", "AWS_"))} | server.settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        started.append(process)
        return process, log

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def _until(condition):
    while not condition():
        time.sleep(0.1)


def _server(tmp_path, **settings):
    shared = {"database": cluster().new(), "storage": (tmp_path / "blobs").as_uri(), "keys": tmp_path / "keys"}
    return Server(tmp_path / "data", jobs=False, gc_interval=1, **shared, **settings)


def test_it_does_the_jobs_that_the_server_leaves_to_it_and_another_takes_over(tmp_path, worker):
    with _server(tmp_path) as server:
        one, log = worker(server, "one")
        _until(lambda: "collect-garbage: Collected" in log.read_text())

        assert one.poll() is None
        one.send_signal(signal.SIGKILL)
        two, log = worker(server, "two")
        _until(lambda: "collect-garbage: Collected" in log.read_text())
        two.send_signal(signal.SIGTERM)

        assert two.wait(60) == 0
        assert "collect-garbage" not in server.log.read_text()
        assert "does the jobs of postgresql://" in log.read_text()


def test_it_may_be_the_first_to_start_and_says_the_key_then(tmp_path, worker):
    server = _server(tmp_path)
    process, log = worker(server, "one")
    _until(lambda: re.search(r"secret      \S{40}", log.read_text()))

    with server:
        assert server.aws("sts").get_caller_identity()["Account"] == "123456789012"

    assert process.poll() is None
    assert "secret" not in server.log.read_text()


def test_over_a_file_it_is_refused(tmp_path):
    server = Server(tmp_path / "data")
    server.settings["ENTREPOT_DATABASE"] = f"sqlite:{tmp_path}/rows.sqlite"

    refused = server.command("worker", check=False)

    assert refused.returncode == 1
    assert refused.stderr.startswith("entrepot: worker: it does jobs beside servers of one PostgreSQL database")
    assert not server.data.exists()
