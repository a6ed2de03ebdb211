"""Garbage is collected without a pause while clients push, mount, pull and delete."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from entrepot.registry import garbage
from entrepot.registry.garbage import Collected
from entrepot.serving.preparing import open_runtime
from entrepot.settings import load
from tests.support.load import Client
from tests.support.server import Server

_GRACE = 3
_CLIENTS = 3
_LEAST = 60  # operations, however slow the machine is


def test_abuse_22_collection_takes_nothing_from_the_pushes_beside_it(tmp_path):
    """Source: security-design §9, 22; each push relies on blobs that it was told are here, or that nobody links yet."""
    with Server(tmp_path / "data", workers=2, jobs=False, gc_grace=_GRACE, access_log=False) as server:
        clients = [Client(server, str(number), seed=number) for number in range(_CLIENTS)]
        ending = Event()
        with ThreadPoolExecutor(_CLIENTS + 1) as pool:
            collecting = pool.submit(_collect, server, ending)
            working = [pool.submit(client.work, ending) for client in clients]
            try:
                until = time.monotonic() + 3 * _GRACE
                while time.monotonic() < until or sum(client.acknowledged for client in clients) < _LEAST:
                    assert not any(work.done() for work in (*working, collecting))
                    time.sleep(0.1)
            finally:
                ending.set()
            assert [work.result() for work in working] == [True] * _CLIENTS
            collected = collecting.result()
        for client in clients:
            client.check(everything=True)

        assert min(collected.links, collected.blobs, collected.rows) > 0, collected
        verified = server.command("verify", check=False)
        assert verified.returncode == 0, verified.stdout + verified.stderr


def _collect(server, ending):
    runtime = open_runtime(load({"data": server.data}, server.settings))
    collected = Collected()
    try:
        while not ending.is_set():
            collected += garbage.collect(runtime, grace=_GRACE)
            time.sleep(0.05)
    finally:
        runtime.database.close()
    return collected
