"""
``kill -9`` in the middle of the work, again and again: of the whole server, of PostgreSQL, of the S3 engine.

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
from threading import Event

import pytest

from tests.crash.orphans import orphans
from tests.support.load import Client
from tests.support.server import ENTREPOT, Registry, Server

_CLIENTS = 3
# Over each back end, how often something is killed in `make test`, and how often in another test of `make test-all`:
# there 200 times.
_ROUNDS = {
    "sqlite-file": (20, 40),
    "sqlite-plain": (0, 20),
    "sqlite-s3": (0, 30),
    "postgresql-file": (0, 30),
    "postgresql-plain": (0, 20),
    "postgresql-s3": (6, 60),
}


def _cases():
    for backend, (few, many) in _ROUNDS.items():
        if few:
            yield pytest.param(backend, few, id=f"{few} crashes over {backend}", marks=pytest.mark.timeout(600))
        marks = [pytest.mark.long, pytest.mark.timeout(3600)]
        yield pytest.param(backend, many, id=f"{many} crashes over {backend}", marks=marks)


@pytest.mark.parametrize(("backend", "rounds"), list(_cases()))
def test_nothing_acknowledged_is_lost(engines, tmp_path, backend, rounds):
    seed = int(os.environ.get("ENTREPOT_TEST_SEED") or random.SystemRandom().getrandbits(32))
    sys.stdout.write(f"ENTREPOT_TEST_SEED={seed}\n")
    chance = random.Random(seed)
    place = engines.place(backend)
    settings = {"workers": 2, "jobs": False, "least_free": 0, "access_log": False, **place.settings}
    server = Server(tmp_path / "data", variables=place.variables, **settings)
    # Who dies, in turn.
    victims = [server]
    if "database" in settings:
        victims.append(engines.postgresql)
    if "storage" in settings:
        victims.append(engines.weed)
    server.start()
    clients = [Client(server, str(i), seed + i) for i in range(_CLIENTS)]
    try:
        with ThreadPoolExecutor(_CLIENTS + 1) as pool:
            for number in range(1, rounds + 1):
                victim, delay = victims[number % len(victims)], chance.uniform(0.05, 1.6)
                _one_crash(server, clients, pool, victim=victim, delay=delay, collecting=number % 4 == 1)
                _check(server, clients, pool, everything=number == rounds)
                if number % 5 == 0:
                    _verify(server)
        acknowledged = sum(client.acknowledged for client in clients)
        sys.stdout.write(f"{rounds} crashes, {acknowledged} operations acknowledged\n")
        assert server.stop() == 0
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
    _leave_no_orphan(server)


def _one_crash(server, clients, pool, *, victim, delay, collecting):
    """Set the clients to work, kill *victim* under them, and start it again."""
    ending = Event()
    working = [pool.submit(client.work, ending, outages=victim is not server) for client in clients]
    collection = _collection(server) if collecting else None
    time.sleep(delay + 0.5 * collecting)  # starting a collection takes a while
    victim.kill()
    if collection is not None:
        collection.send_signal(signal.SIGKILL)
        collection.communicate()
    if victim is server:
        assert [work.result() for work in working] == [False] * len(clients)
        server.settings["ENTREPOT_WORKERS"] = "1" if server.settings["ENTREPOT_WORKERS"] == "2" else "2"
        server.start()
        return
    victim.start()
    ending.set()
    for work in working:
        work.result()
    assert server.process.poll() is None
    assert Registry(server.url, None)("GET", "/readyz").status == 200


def _collection(server):
    return subprocess.Popen(
        [ENTREPOT, "gc", "--grace", "5", "--data", server.data],
        env=os.environ | server.settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _check(server, clients, pool, *, everything):
    if isinstance(server.place, str):
        # Whose database others share cannot end the claims of the dead; they run out after a minute, which is now.
        server.sql("UPDATE uploads SET writer_until = 0")
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
