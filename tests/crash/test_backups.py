"""Backups are taken without a pause while clients push and delete, collection runs, and some are killed."""

import os
import random
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from entrepot.registry import garbage
from entrepot.serving.preparing import open_runtime
from entrepot.settings import load
from tests.support.backups import backup, beside, give_keys, pulled, push
from tests.support.load import Client
from tests.support.server import ENTREPOT, Server

_CLIENTS = 2
_KILLED = 6


def test_a_backup_has_all_that_was_acknowledged_before_it_began(tmp_path):
    """Whoever restores it finds nothing damaged, and no half of what was under way."""
    backups, ending = tmp_path / "backups", Event()
    with Server(tmp_path / "data", jobs=False, gc_grace=1, access_log=False) as server:
        registry = server.registry()
        server.aws("ecr").create_repository(repositoryName="kept")
        clients = [Client(server, str(number), seed=number) for number in range(_CLIENTS)]
        with ThreadPoolExecutor(_CLIENTS + 1) as pool:
            working = [pool.submit(client.work, ending) for client in clients]
            collecting = pool.submit(_collect, server, ending)
            try:
                digests = {"before": push(registry, "kept", "before")}
                killed = sum(_killed(server, backups, after=random.Random(n).random()) for n in range(_KILLED))
                digests["between"] = push(registry, "kept", "between")
                made = backup(server, backups, "--keep", "2")
                push(registry, "kept", "after")
                assert not any(work.done() for work in (*working, collecting))
            finally:
                ending.set()
            assert [work.result() for work in working] == [True] * _CLIENTS
            assert collecting.result() > 0
        acknowledged = sum(client.acknowledged for client in clients)
    restored = beside(server, "restored")
    said = _cut_off(restored, backups)
    give_keys(server, restored)

    assert killed > 0
    assert acknowledged > 0
    assert said.startswith(f"restored {made['name']}")
    with restored:
        again = restored.registry()
        assert {name: pulled(again, "kept", name) for name in digests} == digests
        assert again("GET", "/v2/kept/manifests/after").status == 404
        verified = restored.command("verify", check=False)
        assert verified.returncode == 0, verified.stdout + verified.stderr


def _killed(server, folder, *, after):
    """Whether a backup was still at work when it was killed."""
    with _begun(server, "backup", "--to", folder) as process:
        time.sleep(0.5 + after)
        at_work = process.poll() is None
        process.kill()
    return at_work


def _cut_off(restored, folder):
    """Restore, after it was killed at it once; what it said in the end."""
    while True:
        with _begun(restored, "restore", "--from", folder) as process:
            while process.poll() is None and not list((restored.data / "blobs").rglob("*-*")):
                time.sleep(0.001)
            process.kill()
        if process.returncode:
            break
        shutil.rmtree(restored.data)  # it was quicker
    return restored.command("restore", "--from", str(folder)).stdout


def _begun(server, *arguments):
    return subprocess.Popen(
        [ENTREPOT, *arguments, "--data", server.data],
        env={"PATH": os.environ["PATH"], **server.settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _collect(server, ending):
    """How many blobs collection has removed."""
    runtime = open_runtime(load({"data": server.data}, server.settings))
    removed = 0
    try:
        while not ending.is_set():
            removed += garbage.collect(runtime, grace=1).blobs
            time.sleep(0.05)
    finally:
        runtime.database.close()
    return removed
