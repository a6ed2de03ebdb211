"""What tests with real clients share: a shell for them, an engine of Docker's, and a way to give them other hosts."""

import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from tests.support.skips import want

_PATIENCE = 60
# Debian keeps what root runs in places that not every PATH names.
_PATH = os.pathsep.join((os.environ["PATH"], "/usr/local/sbin", "/usr/sbin", "/sbin"))

Word = str | Path


class Shell:
    """A home for clients: what they log in to, cache and configure ends with it, and the user's own is not seen."""

    PLACES: ClassVar = {"HOME": "", "TMPDIR": "tmp", "XDG_RUNTIME_DIR": "run"}

    def __init__(self, home: Path, *, prefix: Sequence[Word] = (), **environment: str) -> None:
        self.home = home
        self.prefix = list(prefix)
        folders = {name: home / inside for name, inside in self.PLACES.items()}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.environment = {"PATH": _PATH, "LANG": "C.UTF-8"} | {k: str(v) for k, v in folders.items()} | environment

    def __call__(self, *command: Word, given: str = "") -> str:
        """Run *command* with *given* on its standard input; what it wrote to standard output. It has to succeed."""
        done = self.attempt(*command, given=given)
        assert done.returncode == 0, _report(done)
        return done.stdout

    def refused(self, *command: Word, given: str = "") -> str:
        """All that *command* wrote. It has to fail."""
        done = self.attempt(*command, given=given)
        assert done.returncode != 0, _report(done)
        return done.stdout + done.stderr

    def attempt(self, *command: Word, given: str = "") -> "subprocess.CompletedProcess[str]":
        """Run *command*, however it ends."""
        return subprocess.run(
            [*self.prefix, *command],
            env=self.environment,
            cwd=self.home,
            input=given,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )


def _report(done: "subprocess.CompletedProcess[str]") -> str:
    return f"{shlex.join(map(str, done.args))}\nended with {done.returncode}\n{done.stdout}\n{done.stderr}"


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short name, as the path of a socket ends after 107 letters; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="ent-", dir="/tmp") as folder:
        yield Path(folder)


def as_root() -> None:
    """Skip the test where this is not root: engines mount and unshare."""
    if os.geteuid() != 0:
        want("root")


@contextmanager
def daemon(shell: Shell, command: Sequence[Word], ready: Callable[[], bool]) -> Iterator[None]:
    """Run *command* until the block ends; the block begins when it is *ready*."""
    log = shell.home / "daemon.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*shell.prefix, *command],
            env=shell.environment,
            cwd=shell.home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        until = time.monotonic() + _PATIENCE
        while not ready():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def docker_engine(shell: Shell, dockerd: Path, docker: Path) -> Iterator[Shell]:
    """The same shell while a dockerd of its own runs, with no network but the machine's own loopback."""
    socket = f"unix://{shell.home}/d.sock"
    folders = ("--data-root", "root", "--exec-root", "exec", "-p", "d.pid")
    places = [shell.home / word if not word.startswith("-") else word for word in folders]
    network = ["--bridge=none", "--iptables=false", "--ip6tables=false"]
    command = [dockerd, "--storage-driver=overlay2", *network, "-H", socket, *places]
    shell.environment |= {"DOCKER_HOST": socket, "DOCKER_BUILDKIT": "0"}
    try:
        with daemon(shell, command, lambda: shell.attempt(docker, "info", "-f", "{{.ID}}").returncode == 0):
            yield shell
    finally:
        # It leaves this behind where a container has had the machine's own network.
        shell.attempt("umount", shell.home / "exec/netns/default")


def with_hosts(hosts: Path) -> list[Word]:
    """A prefix for commands that see the file *hosts* as /etc/hosts, which stays as it is for everybody else."""
    return ["unshare", "--mount", "--", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]
