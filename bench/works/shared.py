"""
What many machines share: our rows in PostgreSQL and blobs in an S3 engine, beside Distribution over the same engine.

A pull of a large blob ends for both with an address in the store: what is measured is how many of them are answered.
"""

import http.client
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench import content, engines, load
from bench.figures import Figure, Target
from bench.servers import DISTRIBUTION_3, Server, running
from bench.work import Measure, Scale, Work
from bench.works.bulk import push_whole

_CONNECTIONS = 32
# The engine has to hold all of them, and twice: Distribution copies what it was given to its place.
_SHARE = 4
_GB = 1e9


@contextmanager
def _pushing(name: str, scale: Scale) -> Iterator[Measure]:
    """Each round a new blob into the same registry."""
    path = content.large_file(scale.folder, scale.blob // _SHARE)
    with _running(name, scale) as server:

        def measure(_number: int) -> Mapping[str, float]:
            digest = content.renew(path)
            os.sync()
            started = time.perf_counter()
            push_whole(server, "shared", path, digest)
            return {"shared-push": path.stat().st_size / (time.perf_counter() - started) / _GB}

        yield measure


@contextmanager
def _sending(name: str, scale: Scale) -> Iterator[Measure]:
    path = content.large_file(scale.folder, scale.blob // _SHARE)
    with _running(name, scale) as server:
        digest = content.renew(path)
        push_whole(server, "shared", path, digest)
        place = f"/v2/shared/blobs/{digest}"
        _demand_redirect(server, place)
        load.get(server, place, server.headers, connections=_CONNECTIONS, seconds=1)

        def measure(_number: int) -> Mapping[str, float]:
            seen = load.get(server, place, server.headers, connections=_CONNECTIONS, seconds=scale.seconds)
            return {"shared-pull": seen.rate}

        yield measure


@contextmanager
def _running(name: str, scale: Scale) -> Iterator[Server]:
    with running(name, scale.folder, workers=scale.workers, place=engines.shared()) as server:
        server.create_repository("shared")
        content.push(server, "shared", content.small_image(), tag="1")
        yield server


def _demand_redirect(server: Server, path: str) -> None:
    connection = server.connect()
    connection.request("GET", path, headers=server.headers)
    status = connection.getresponse().status
    connection.close()
    if status != http.client.TEMPORARY_REDIRECT:
        raise RuntimeError(f"{server.name} answers {status} and sends nobody to the store")


def _figure(key: str, title: str, unit: str, *, ratio: float) -> Figure:
    return Figure(key, title, unit, targets={DISTRIBUTION_3: Target(ratio)})


WORKS = (
    Work(
        "shared-push",
        [_figure("shared-push", "PostgreSQL and S3: push a large blob, one PUT", "GB/s", ratio=1)],
        _pushing,
        peers=[DISTRIBUTION_3],
    ),
    Work(
        "shared-pull",
        [
            _figure(
                "shared-pull",
                f"PostgreSQL and S3: GET of a large blob, sent to the store, {_CONNECTIONS} connections",
                "1/s",
                ratio=6,
            )
        ],
        _sending,
        peers=[DISTRIBUTION_3],
    ),
)
