"""
Two nodes over one PostgreSQL against one of them alone: reads of a manifest by tag.

Each node is held to a share of one core, or the machine and not the nodes would be what is measured.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from bench import content, engines, load, machine
from bench.figures import Figure
from bench.servers import Place, Server, running
from bench.work import Measure, Scale, Work

_CONNECTIONS = 16  # to each node
_CORE = 0.3
_PATH = "/v2/nodes/manifests/1"


@contextmanager
def _asking(name: str, scale: Scale) -> Iterator[Measure]:
    """They share rows, blobs and keys, and nothing else."""
    shared = Place(
        {
            "ENTREPOT_DATABASE": engines.postgresql().new(),
            "ENTREPOT_STORAGE": (scale.folder / "nodes").as_uri(),
            "ENTREPOT_KEYS": str(scale.folder / "nodes.keys"),
        }
    )
    with ExitStack() as stack:
        nodes = [stack.enter_context(running(name, scale.folder, workers=1, place=shared)) for _ in range(2)]
        nodes[0].create_repository("nodes")
        content.push(nodes[0], "nodes", content.small_image(), tag="1")
        for node in nodes:
            stack.enter_context(machine.held(node.pid, _CORE))
            _rate([node], seconds=1)

        def measure(_number: int) -> Mapping[str, float]:
            one, two = (_rate(nodes[:count], seconds=scale.seconds) for count in (1, 2))
            return {"nodes": two / one, "nodes-one": one, "nodes-two": two}

        yield measure


def _rate(nodes: Sequence[Server], *, seconds: float) -> float:
    """Answers per second of all *nodes*, asked at once."""

    def ask(node: Server) -> float:
        headers = {**node.headers, "Accept": content.MANIFEST}
        return load.get(node, _PATH, headers, connections=_CONNECTIONS, seconds=seconds).rate

    with ThreadPoolExecutor(len(nodes)) as pool:
        return sum(pool.map(ask, nodes))


_HELD = f"each held to {_CORE:g} of a core"
WORKS = (
    Work(
        "nodes",
        [
            Figure("nodes", f"GET manifest by tag, two nodes over one PostgreSQL, {_HELD}", "× one", bound=1.7),
            Figure("nodes-one", "the same, one node", "1/s"),
            Figure("nodes-two", "the same, two nodes", "1/s"),
        ],
        _asking,
    ),
)
