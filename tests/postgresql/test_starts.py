"""Nodes that start for the first time, at a time, over one empty database and one store."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from entrepot.rootkey import files
from tests.support.postgresql import cluster
from tests.support.server import Server

_NODES = 3

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("keys_are_shared", [True, False])
def test_nodes_that_start_at_a_time_make_one_registry(tmp_path, keys_are_shared):
    """Each has a folder of its own for its keys, with the same root key in it; or all have one, and it is empty."""
    folders = [tmp_path / ("keys" if keys_are_shared else f"keys-{number}") for number in range(_NODES)]
    if not keys_are_shared:
        files.create(folders[0], 1)
        for folder in folders[1:]:
            shutil.copytree(folders[0], folder)
            folder.chmod(0o700)
    shared = {"database": cluster().new(), "storage": (tmp_path / "blobs").as_uri(), "jobs": False}
    nodes = [Server(tmp_path / f"node-{number}", keys=folder, **shared) for number, folder in enumerate(folders)]

    with ThreadPoolExecutor(_NODES) as pool:
        started = [pool.submit(node.start) for node in nodes]
    try:
        assert [start.exception() for start in started] == [None] * _NODES
        # The first answer may be there before the greeting is.
        while not all("docker push" in node.log.read_text() for node in nodes):
            time.sleep(0.1)
        said = [node for node in nodes if "secret " in node.log.read_text()]
        assert len(said) == 1
        key = said[0].root_key()
        for node in nodes:
            assert node.aws("sts", key=key).get_caller_identity()["Account"] == "123456789012"
        assert nodes[0].sql("SELECT count(*) FROM access_keys") == [(1,)]
    finally:
        for node in nodes:
            if node.process is not None and node.process.poll() is None:
                node.kill()


def test_a_node_without_the_root_key_of_the_others_is_told_so(tmp_path):
    shared = {"database": cluster().new(), "storage": (tmp_path / "blobs").as_uri(), "jobs": False}
    with Server(tmp_path / "one", **shared):
        refused = Server(tmp_path / "two", **shared).command("serve", "--listen", "127.0.0.1:0", check=False)

    assert refused.returncode == 1
    assert "There is no root key in" in refused.stderr
    assert not (tmp_path / "two.keys").exists()
