"""Load on a server, made by wrk and its LuaJIT: bounded in time and in count, and refused if anything failed."""

import re
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.content import SmallImage
from bench.servers import Server, tool

_LUA = Path(__file__).with_name("lua")
_RESULT = re.compile(r"^RESULT (.*)$", re.MULTILINE)
_ERROR = re.compile(r"^ERROR (.*)$", re.MULTILINE)
_GRACE_SECONDS = 60
_SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True, slots=True)
class Load:
    """What a load run saw. Times are seconds."""

    count: int
    seconds: float
    p50: float = 0.0
    p99: float = 0.0

    @property
    def rate(self) -> float:
        """Per second."""
        return self.count / self.seconds


@dataclass(frozen=True, slots=True)
class Request:
    """A request made beforehand. No line breaks or tabs in any part."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""

    def line(self) -> str:
        """As `requests.lua` reads it."""
        headers = "\x1f".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{self.method}\t{self.path}\t{headers}\t{self.body}\n"


def get(server: Server, path: str, headers: Mapping[str, str], *, connections: int, seconds: float) -> Load:
    """GET one path over and over on keep-alive connections, by one thread."""
    counts = ["-t1", f"-c{connections}", f"-d{_whole(seconds)}s", "-s", str(_LUA / "same.lua")]
    return _run([*counts, *_options(headers), f"{server.url}{path}"], seconds=seconds)


def head(server: Server, path: str, headers: Mapping[str, str], *, connections: int, seconds: float) -> Load:
    """HEAD one path over and over on keep-alive connections, by one thread."""
    listed = [f"{name}: {value}" for name, value in headers.items()]
    arguments = [str(connections), str(seconds), path, *listed]
    # Its own loop runs in init(), before wrk opens the one connection that its command line has to name.
    return _run(["-t1", "-c1", "-d1", "-s", str(_LUA / "head.lua"), server.url, "--", *arguments], seconds=seconds)


def requests(
    server: Server, made: Iterable[Request], file: Path, *, connections: int, seconds: float, threads: int = 1
) -> Load:
    """Send prepared requests round and round."""
    file.write_text("".join(request.line() for request in made))
    counts = [f"-t{threads}", f"-c{connections}", f"-d{_whole(seconds)}s"]
    script = ["-s", str(_LUA / "requests.lua"), server.url, "--", str(file)]
    return _run([*counts, "--timeout", "30s", *script], seconds=seconds)


def pushes(server: Server, prefix: Path, repository: str, *, connections: int, seconds: float) -> Load:
    """Push the images of ``PREFIX.n``, one connection and thread for each n, until the time or the images are over."""
    counts = [f"-t{connections}", f"-c{connections}", f"-d{_whole(seconds)}s", "--timeout", "30s"]
    script = ["-s", str(_LUA / "push.lua"), server.url, "--", str(prefix), repository]
    done = [Path(f"{prefix}.{number}.done") for number in range(connections)]
    for path in done:
        path.unlink(missing_ok=True)
    return _run([*counts, *_options(server.headers), *script], seconds=seconds, done=done)


def write_images(prefix: Path, images: Sequence[tuple[str, SmallImage]], *, connections: int) -> None:
    """Deal tagged images out to the files of that many connections, as `push.lua` reads them."""
    for number in range(connections):
        with Path(f"{prefix}.{number}").open("wb") as file:
            for tag, image in images[number::connections]:
                first = " ".join((*image.digests, tag)).encode()
                file.write(b"\n".join((first, image.config, image.layer, image.manifest, b"")))


def write_manifests(prefix: Path, manifests: Sequence[tuple[str, bytes]], *, connections: int) -> None:
    """The same for manifests whose blobs are there already."""
    for number in range(connections):
        lines = (b"- - %b\n\n\n%b\n" % (tag.encode(), manifest) for tag, manifest in manifests[number::connections])
        Path(f"{prefix}.{number}").write_bytes(b"".join(lines))


def parse(output: str) -> Load:
    """
    What a script said.

    Raises: RuntimeError when a single request was refused or got no answer: then no figure counts.
    """
    found = _RESULT.search(output)
    if found is None:
        raise RuntimeError(f"wrk gave no result:\n{output[-1000:]}")
    said = dict(word.split("=") for word in found[1].split())
    if int(said["errors"]) or not int(said["count"]):
        reason = _ERROR.search(output)
        raise RuntimeError(f"{said['errors']} requests failed: {reason[1] if reason else output[-1000:]}")
    times = {name: float(said.get(name, 0)) for name in ("p50", "p99")}
    return Load(int(said["count"]), float(said["seconds"]), **times)


def _run(arguments: Sequence[str], *, seconds: float, done: Sequence[Path] = ()) -> Load:
    command = [tool("wrk"), *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as wrk:
        try:
            deadline = time.monotonic() + seconds + _GRACE_SECONDS
            while done and wrk.poll() is None and time.monotonic() < deadline:
                if all(path.exists() for path in done):
                    wrk.send_signal(signal.SIGINT)  # wrk sleeps out its time even when all its threads are done
                    break
                time.sleep(_SECONDS_BETWEEN_LOOKS)
            output = wrk.communicate(timeout=max(1.0, deadline - time.monotonic()))[0]
        except BaseException:
            wrk.kill()
            raise
    return parse(output.decode(errors="replace"))


def _options(headers: Mapping[str, str]) -> list[str]:
    return [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]


def _whole(seconds: float) -> int:
    return max(1, round(seconds))
