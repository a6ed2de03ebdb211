"""Three nodes over one database and one bucket, under load: one is killed, and nothing acknowledged is lost."""

import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.support.load import Client
from tests.support.postgresql import cluster
from tests.support.server import Server
from tests.support.weed import Weed

_NODES = 3
_CLIENTS = 6


@pytest.mark.timeout(300)
def test_a_node_that_dies_under_load_takes_nothing_with_it(tmp_path, weed: Weed):
    """
    Each client has one node, and goes to another when that is no more. What it left half done there it finishes here,
    once the claims of the dead have run out.
    """
    seed = int(os.environ.get("ENTREPOT_TEST_SEED") or random.SystemRandom().getrandbits(32))
    sys.stdout.write(f"ENTREPOT_TEST_SEED={seed}\n")
    shared = {
        "database": cluster().new(),
        "storage": weed.place(),
        "variables": weed.variables,
        "keys": tmp_path / "keys",
        "access_log": False,
        "gc_interval": 1,
        "gc_grace": 3600,
    }
    nodes = [Server(tmp_path / f"node-{number}", **shared) for number in range(_NODES)]
    dead, *living = nodes
    try:
        for node in nodes:
            node.start()
        _load(nodes, dead, seed)
        assert "no damage" in living[0].command("verify").stdout
        assert [node.stop() for node in living] == [0, 0]
    finally:
        for node in nodes:
            if node.process is not None and node.process.poll() is None:
                node.kill()


def _load(nodes, dead, seed):
    clients = [Client(nodes[number % _NODES], str(number), seed + number) for number in range(_CLIENTS)]
    ending = Event()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        working = [pool.submit(client.work, ending) for client in clients]
        try:
            _until_each_has(clients, working, more=20)
            dead.kill()
            lost = [working[number].result() for number in range(0, _CLIENTS, _NODES)]
            _until_each_has([client for client in clients if client.server is not dead], working, more=20)
        finally:
            ending.set()
        assert lost == [False] * len(lost)
        assert [work.result() for work in working].count(False) == len(lost)

        nodes[1].sql("UPDATE uploads SET writer_until = writer_until - 60")
        for number, client in enumerate(clients):
            # Whoever was there when it was acknowledged, another one answers for it.
            client.connect(nodes[1 + number % (_NODES - 1)])
        for check in [pool.submit(client.check, everything=True) for client in clients]:
            check.result()
    sys.stdout.write(f"{sum(client.acknowledged for client in clients)} operations acknowledged\n")


def _until_each_has(clients, working, *, more):
    """Return when each of *clients* has had so many more operations acknowledged."""
    wanted, pause = [client.acknowledged + more for client in clients], Event()
    while any(client.acknowledged < count for client, count in zip(clients, wanted, strict=True)):
        for work in working:
            if work.done():
                work.result()
        pause.wait(0.05)
