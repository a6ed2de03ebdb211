"""The requests that every pull begins with: a manifest by tag, and a small blob, on 32 keep-alive connections."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from bench import content, load
from bench.figures import Figure, Target
from bench.servers import DISTRIBUTION_2, DISTRIBUTION_3, LIMIT, Server, running
from bench.work import Measure, Scale, Work

_CONNECTIONS = 32
_BLOB_BYTES = 2048
_WARM_SECONDS = 1.0


def _manifest(_image: content.SmallImage) -> str:
    return "/v2/hot/manifests/1"


def _blob(image: content.SmallImage) -> str:
    return f"/v2/hot/blobs/{image.digests[1]}"


@contextmanager
def _asking(
    name: str, scale: Scale, *, key: str, path: Callable[[content.SmallImage], str], shoot: Callable[..., load.Load]
) -> Iterator[Measure]:
    image = content.small_image(size=_BLOB_BYTES)
    with running(name, scale.folder, workers=scale.workers) as server:
        _fill(server, image, {path(image): image.layer if path is _blob else image.manifest})
        ask = partial(
            shoot, server, path(image), {**server.headers, "Accept": content.MANIFEST}, connections=_CONNECTIONS
        )
        ask(seconds=_WARM_SECONDS)

        def measure(_number: int) -> Mapping[str, float]:
            return {key: ask(seconds=scale.seconds).rate}

        yield measure


def _fill(server: Server, image: content.SmallImage, files: Mapping[str, bytes]) -> None:
    """Put the image there; where plain files are served, those files."""
    if server.name != LIMIT:
        server.create_repository("hot")
        content.push(server, "hot", image, tag="1")
        return
    for path, body in files.items():
        file = server.folder / path.removeprefix("/")
        file.parent.mkdir(parents=True)
        file.write_bytes(body)


def _work(
    key: str,
    title: str,
    path: Callable[[content.SmallImage], str],
    shoot: Callable[..., load.Load],
    *,
    ratios: tuple[float, float],
) -> Work:
    targets = dict(zip((DISTRIBUTION_2, DISTRIBUTION_3), map(Target, ratios), strict=True))
    figure = Figure(key, f"{title}, {_CONNECTIONS} connections", "1/s", targets=targets, limit="nginx, the same bytes")
    prepare = partial(_asking, key=key, path=path, shoot=shoot)
    return Work(key, [figure], prepare, peers=list(targets), limit=prepare)


WORKS = (
    _work("manifest-get", "GET manifest by tag", _manifest, load.get, ratios=(16, 5)),
    _work("manifest-head", "HEAD manifest by tag", _manifest, load.head, ratios=(16, 5)),
    _work("blob-get", "GET 2 kB blob", _blob, load.get, ratios=(19, 15)),
)
