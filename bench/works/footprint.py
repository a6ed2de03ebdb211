"""What a server takes: time to its first answer, resident memory at rest and under parallel pushes."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench import content, load, machine
from bench.figures import Figure
from bench.servers import DISTRIBUTION_2, DISTRIBUTION_3, OURS, running
from bench.work import Measure, Scale, Work
from bench.works.bulk import push_whole

_MB = 1e6
_PEERS = (DISTRIBUTION_2, DISTRIBUTION_3)


@contextmanager
def _starting(name: str, scale: Scale) -> Iterator[Measure]:
    def measure(_number: int) -> Mapping[str, float]:
        data = scale.folder / f"start-{name}"
        with running(name, scale.folder, workers=scale.workers) as server:
            first = server.start_seconds
        with running(name, scale.folder, workers=scale.workers, data=data):
            pass
        with running(name, scale.folder, workers=scale.workers, data=data) as server:
            return {"start": first, "restart": server.start_seconds}

    yield measure


@contextmanager
def _weighing(name: str, scale: Scale) -> Iterator[Measure]:
    path = content.large_file(scale.folder, scale.blob)

    def measure(_number: int) -> Mapping[str, float]:
        digest = content.renew(path)
        with running(name, scale.folder, workers=scale.workers) as server:
            server.create_repository("heavy")
            before = machine.cpu_by_process(server.pid)
            content.push(server, "heavy", content.small_image(), tag="1")
            load.get(server, "/v2/", server.headers, connections=8, seconds=1)
            workers = machine.busiest(server.pid, scale.workers if name == OURS else 1, before=before)
            idle = max(machine.resident(pid) for pid in workers)
            whole = sum(machine.resident(pid) for pid in machine.tree(server.pid))
            seen = {"memory-idle": idle / _MB, "memory-whole": whole / _MB}
            if name == OURS:
                with machine.PeakMemory(server.pid) as peak, ThreadPoolExecutor(scale.parallel) as pushers:
                    arguments = server, "heavy", path, digest
                    pushes = [pushers.submit(push_whole, *arguments) for _ in range(scale.parallel)]
                    for push in pushes:
                        push.result()
                seen["memory-pushes"] = (peak.bytes - whole) / _MB
            return seen

    yield measure


WORKS = (
    Work(
        "memory",
        [
            Figure("memory-idle", "resident memory at rest, a worker", "MB", better="less", bound=150),
            Figure("memory-whole", "resident memory at rest, all processes", "MB", better="less"),
            Figure(
                "memory-pushes",
                "added by parallel pushes of large blobs, all processes",
                "MB",
                better="less",
                bound=150,
            ),
        ],
        _weighing,
        peers=_PEERS,
        rounds=1,
    ),
    Work(
        "start",
        [
            Figure("start", "first start to first answer", "s", better="less", bound=2),
            Figure("restart", "later start to first answer", "s", better="less", bound=2),
        ],
        _starting,
        peers=_PEERS,
        rounds=3,
    ),
)
