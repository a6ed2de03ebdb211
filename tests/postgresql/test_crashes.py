"""PostgreSQL is killed under load and comes back: nothing that was acknowledged is lost, and nobody has to help."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import urllib3

from tests.support.postgresql import Cluster, cluster
from tests.support.server import Registry, Server

_CLIENTS = 3
_PUSHES_BEFORE = 5


@pytest.fixture
def own():
    """A cluster that may be killed without anybody else's tests on it."""
    made = Cluster(cluster().programs)
    yield made
    made.remove()


def _push(face: Registry, client: str, round_: int, many: Event) -> dict[str, bytes]:
    """Push until somebody refuses; what was acknowledged, by tag."""
    kept: dict[str, bytes] = {}
    while True:
        tag = f"{client}-{round_}-{len(kept)}"
        try:
            _, text = face.push_image("load", tag, seed=tag.encode())
        except (AssertionError, urllib3.exceptions.HTTPError):
            return kept
        kept[tag] = text
        if len(kept) >= _PUSHES_BEFORE:
            many.set()


def _readiness(server: Server) -> int:
    return Registry(server.url, None)("GET", "/readyz").status


@pytest.mark.timeout(300)
def test_nothing_acknowledged_is_lost_when_postgresql_is_killed(own, tmp_path):
    kept: dict[str, bytes] = {}
    with Server(tmp_path / "data", database=own.new(), workers=2) as server, ThreadPoolExecutor(_CLIENTS) as pool:
        server.aws("ecr").create_repository(repositoryName="load")
        password = server.registry().headers
        for number in range(4):
            many = [Event() for _ in range(_CLIENTS)]
            faces = [Registry(server.url, None, headers=password) for _ in range(_CLIENTS)]
            pushing = [
                pool.submit(_push, face, str(client), number, event)
                for client, (face, event) in enumerate(zip(faces, many, strict=True))
            ]
            assert all(event.wait(60) for event in many)
            own.kill()
            for push in pushing:
                kept |= push.result()
            assert _readiness(server) == 503
            own.start()
            assert _readiness(server) == 200
            face = server.registry()
            for tag, text in kept.items():
                assert face("GET", f"/v2/load/manifests/{tag}").data == text
        assert "no damage" in server.command("verify").stdout
        assert server.stop() == 0
