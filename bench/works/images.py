"""Many small images into one repository, by 16 and by 64 connections: five requests each, every one of them new."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from bench import content, load, machine
from bench.figures import Figure, Target
from bench.servers import DISTRIBUTION_2, DISTRIBUTION_3, running
from bench.work import Measure, Scale, Work

# More images per second than any server here pushes: a thread that runs out of images would end the round early.
_MOST_PER_SECOND = 5000


@contextmanager
def _pushing(name: str, scale: Scale, *, key: str, connections: int) -> Iterator[Measure]:
    with running(name, scale.folder, workers=scale.workers) as server:

        def measure(number: int) -> Mapping[str, float]:
            repository, prefix = f"small{number}-{secrets.token_hex(3)}", scale.folder / f"images-{name}"
            count = int(scale.seconds * _MOST_PER_SECOND)
            images = [(f"t{at}", content.small_image()) for at in range(count)]
            load.write_images(prefix, images, connections=connections)
            server.create_repository(repository)
            seen = load.pushes(server, prefix, repository, connections=connections, seconds=scale.seconds)
            return {key: seen.rate, f"{key}-p99": seen.p99 * 1000}

        yield measure


@contextmanager
def _limit(_name: str, scale: Scale, *, key: str) -> Iterator[Measure]:
    def measure(_number: int) -> Mapping[str, float]:
        return {key: machine.fsync_rate(scale.folder)}

    yield measure


def _work(connections: int, ratios: tuple[float, float]) -> Work:
    key = f"images-{connections}"
    targets = dict(zip((DISTRIBUTION_2, DISTRIBUTION_3), map(Target, ratios), strict=True))
    title = f"push 1 KiB images, {connections} connections"
    figures = [
        Figure(key, title, "images/s", targets=targets, limit="fsyncs/s, one after the other", share=False),
        Figure(f"{key}-p99", f"{title}: p99 of an image", "ms", better="less"),
    ]
    prepare = partial(_pushing, key=key, connections=connections)
    return Work(key, figures, prepare, peers=list(targets), limit=partial(_limit, key=key))


WORKS = (_work(16, (7, 5)), _work(64, (10, 7)))
