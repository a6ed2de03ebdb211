"""A real Debian image of about 66 MB, copied by skopeo: into an empty registry, and out into an empty folder."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench import content
from bench.figures import Figure, Target
from bench.servers import DISTRIBUTION_2, DISTRIBUTION_3, LIMIT, Server, running, tool
from bench.work import Measure, Scale, Work

_MB = 1e6
_SECONDS = 300


@contextmanager
def _copying(name: str, scale: Scale) -> Iterator[Measure]:
    layout = content.debian_image()
    size = sum(path.stat().st_size for path in layout.rglob("*") if path.is_file())

    def measure(_number: int) -> Mapping[str, float]:
        out = scale.folder / f"copy-{name}"
        try:
            with running(name, scale.folder, workers=scale.workers) as server:
                server.create_repository("lib/debian")
                place = f"docker://127.0.0.1:{server.port}/lib/debian:12"
                into = _copy(f"oci:{layout}:12", place, *_options("dest", server))
                from_there = _copy(place, f"dir:{out}", *_options("src", server))
        finally:
            shutil.rmtree(out, ignore_errors=True)
        return {"copy-in": size / into / _MB, "copy-out": size / from_there / _MB}

    yield measure


@contextmanager
def _limit(_name: str, scale: Scale) -> Iterator[Measure]:
    """The same copy without any registry."""
    layout = content.debian_image()
    size = sum(path.stat().st_size for path in layout.rglob("*") if path.is_file())

    def measure(_number: int) -> Mapping[str, float]:
        out = scale.folder / f"copy-{LIMIT}"
        try:
            rate = size / _copy(f"oci:{layout}:12", f"dir:{out}") / _MB
        finally:
            shutil.rmtree(out, ignore_errors=True)
        return {"copy-in": rate, "copy-out": rate}

    yield measure


def _copy(source: str, destination: str, *options: str) -> float:
    command = [tool("skopeo"), "--insecure-policy", "copy", *options, source, destination]
    started = time.perf_counter()
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"skopeo copy {source} {destination}: {done.stderr[-500:]}")
    return seconds


def _options(side: str, server: Server) -> list[str]:
    plain = [f"--{side}-tls-verify=false"]
    return [*plain, f"--{side}-creds={server.credentials}"] if server.credentials else [*plain, f"--{side}-no-creds"]


def _figure(key: str, title: str, ratios: tuple[float, float]) -> Figure:
    targets = dict(zip((DISTRIBUTION_2, DISTRIBUTION_3), map(Target, ratios), strict=True))
    return Figure(key, title, "MB/s", targets=targets, limit="MB/s, skopeo from folder to folder")


WORKS = (
    Work(
        "copies",
        [
            _figure("copy-in", "skopeo copy of a Debian image, in", (1.1, 1.05)),
            _figure("copy-out", "skopeo copy of a Debian image, out", (0.95, 0.95)),
        ],
        _copying,
        peers=(DISTRIBUTION_2, DISTRIBUTION_3),
        limit=_limit,
    ),
)
