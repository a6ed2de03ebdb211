"""
``kill -9`` of the whole server in the middle of its work, again and again.

What was acknowledged is there afterwards and whole, what was not is there or is not, and what is left
over goes with the next collection. A failing run is repeated by the seed that it prints, as far as the
moment of a kill can be repeated.
"""

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.crash.orphans import orphans
from tests.support.load import Client
from tests.support.server import ENTREPOT, Server

_CLIENTS = 3


@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost_in_20_crashes(tmp_path):
    _crash(tmp_path, rounds=20)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_nothing_acknowledged_is_lost_in_200_crashes(tmp_path):
    _crash(tmp_path, rounds=200)


def _crash(tmp_path, *, rounds):
    seed = int(os.environ.get("ENTREPOT_TEST_SEED") or random.SystemRandom().getrandbits(32))
    sys.stdout.write(f"ENTREPOT_TEST_SEED={seed}\n")
    chance = random.Random(seed)
    server = Server(tmp_path / "data", workers=2, jobs=False, least_free=0, access_log=False)
    server.start()
    clients = [Client(server, str(i), seed + i) for i in range(_CLIENTS)]
    try:
        with ThreadPoolExecutor(_CLIENTS + 1) as pool:
            for number in range(1, rounds + 1):
                _one_crash(server, clients, pool, delay=chance.uniform(0.05, 1.6), collecting=number % 4 == 1)
                server.settings["ENTREPOT_WORKERS"] = "2" if number % 4 == 0 else "1"
                server.start()
                _check(clients, pool, everything=number == rounds)
                if number % 5 == 0:
                    _verify(server)
        acknowledged = sum(client.acknowledged for client in clients)
        sys.stdout.write(f"{rounds} crashes, {acknowledged} operations acknowledged\n")
        assert server.stop() == 0
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
    _leave_no_orphan(server)


def _one_crash(server, clients, pool, *, delay, collecting):
    """Set the clients to work, and kill everything under them."""
    working = [pool.submit(client.work) for client in clients]
    collection = _collection(server) if collecting else None
    time.sleep(delay + 0.5 * collecting)  # starting a collection takes a while
    server.kill()
    if collection is not None:
        collection.send_signal(signal.SIGKILL)
        collection.communicate()
    assert [work.result() for work in working] == [False] * len(clients)


def _collection(server):
    return subprocess.Popen(
        [ENTREPOT, "gc", "--grace", "5", "--data", server.data],
        env=os.environ | server.settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _check(clients, pool, *, everything):
    for client in clients:
        client.connect()
    for checking in [pool.submit(client.check, everything=everything) for client in clients]:
        checking.result()


def _verify(server):
    verified = server.command("verify", check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def _leave_no_orphan(server):
    time.sleep(1.1)  # the shortest lifetime of an upload is a second
    server.command("gc", "--grace", "0", "--upload-lifetime", "1")

    assert orphans(server) == {}
    _verify(server)
