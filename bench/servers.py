"""
The servers that are compared: how each is started on a folder and a free loopback port, and spoken to.

Every one of them runs with the configuration that it comes with, its request log included (into a file);
ours is asked with a password and keeps what it acknowledges over a power cut, the others stand open.
"""

import base64
import contextlib
import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from bench import machine
from tools.clients import find

if TYPE_CHECKING:
    from types_boto3_ecr.client import ECRClient

OURS = "entrepot"
DISTRIBUTION_2 = "distribution-2.8.2"
DISTRIBUTION_3 = "distribution-3.1.1"
MOTO = "moto"
LIMIT = "limit"

TITLES: Mapping[str, str] = {
    OURS: "Entrepôt",
    DISTRIBUTION_2: "Distribution 2.8.2",
    DISTRIBUTION_3: "Distribution 3.1.1",
    MOTO: "moto",
}

_POLICIES = "arn:aws:iam::aws:policy"
_FROM_HERE = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": "ecr:*",
        "Resource": "*",
        "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
    },
}

_START_SECONDS = 60
_END_SECONDS = 20
_ANSWER_SECONDS = 300
_AT_REST = 0.04  # of one core
_QUIET = 4  # half seconds


class NotHere(RuntimeError):
    """A server or a tool is not on this machine; the text says which, and what installs it."""


@dataclass(frozen=True, slots=True)
class Command:
    """How a server is started: its command line and what it wants in its environment."""

    arguments: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a server keeps what it is given, if not in files of its own folder, and how.

    *settings* are ours, as environment; *driver* is what Distribution's configuration says of its storage.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    driver: Mapping[str, Any] | None = None


_ITS_FOLDER = Place()


@dataclass(slots=True)
class Server:
    """One server that runs, with what is needed to ask it something."""

    name: str
    port: int
    folder: Path
    pid: int
    start_seconds: float
    settings: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = None

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """What every request to ``/v2/`` has to carry."""
        return {"Authorization": self.authorization} if self.authorization else {}

    @property
    def credentials(self) -> str | None:
        """User and password with a colon between, as skopeo wants them."""
        return base64.b64decode(self.authorization.partition(" ")[2]).decode() if self.authorization else None

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_SECONDS)

    def ecr(self) -> "ECRClient":
        """A client of its ECR API."""
        client: ECRClient = self.client("ecr")
        return client

    def client(self, service: str) -> Any:
        """A client of one of its AWS APIs."""
        make: Any = boto3.client  # its stubs know one overload for each of 400 services
        return make(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.keys.get("AWS_ACCESS_KEY_ID", "test"),
            aws_secret_access_key=self.keys.get("AWS_SECRET_ACCESS_KEY", "test"),
        )

    def create_repository(self, name: str) -> None:
        """Make a repository, where a push alone does not."""
        if self.name in (OURS, MOTO):
            self.ecr().create_repository(repositoryName=name)

    def cpu_seconds(self) -> float:
        """Processor time that it has used so far."""
        return machine.cpu_seconds(self.pid)


@contextlib.contextmanager
def running(
    name: str, folder: Path, *, workers: int = 2, data: Path | None = None, place: Place = _ITS_FOLDER
) -> Iterator[Server]:
    """
    A server of that name on an empty folder (or on *data*, which stays), that has answered its first request.

    Raises: NotHere, and RuntimeError with the end of its log when it does not answer.
    """
    scratch = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
    port = free_port()
    command = _COMMANDS[name](data or scratch / "data", port, workers, place)
    log = scratch / "log"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command.arguments,
            cwd=scratch,
            env={**_clean_environment(), **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await_answer(process, port, log)
        took = time.perf_counter() - started
        server = Server(name, port, data or scratch / "data", process.pid, took, place.settings)
        if name == OURS:
            server.keys, server.authorization = _login(server)
        _await_rest(server)
        yield server
    finally:
        _end(process)
        shutil.rmtree(scratch, ignore_errors=True)
        os.sync()  # or the next measurement pays for what this server left to be written


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tool(name: str) -> str:
    """Where a load generator or client is. Raises: NotHere."""
    path = find(name)
    if path is None:
        raise NotHere(f"{name} is not here: make clients")
    return str(path)


def _ours(data: Path, port: int, workers: int, place: Place) -> Command:
    program = Path(sys.executable).with_name("entrepot")
    if not program.exists():
        raise NotHere("entrepot is not in this environment: make")
    listen = f"127.0.0.1:{port}"
    # Sixty-four connections of one principal have as many uploads open, and every round fills a repository.
    quotas = {"ENTREPOT_UPLOADS_PER_PRINCIPAL": "1000", "ENTREPOT_IMAGES_PER_REPOSITORY": "1000000"}
    arguments = ["serve", "--data", str(data), "--listen", listen, "--workers", str(workers)]
    return Command([str(program), *arguments], {**quotas, **place.settings})


def _distribution(program: str, data: Path, port: int, place: Place) -> Command:
    """What Debian's /etc/docker/registry/config.yml says, but for the address, the folder and the password."""
    configuration = {
        "version": "0.1",
        "log": {"fields": {"service": "registry"}},
        "storage": {
            "cache": {"blobdescriptor": "inmemory"},
            "delete": {"enabled": True},
            **(place.driver or {"filesystem": {"rootdirectory": str(data)}}),
        },
        "http": {"addr": f"127.0.0.1:{port}", "headers": {"X-Content-Type-Options": ["nosniff"]}},
        "health": {"storagedriver": {"enabled": True, "interval": "10s", "threshold": 3}},
    }
    path = data.parent / "config.yml"
    path.write_text(json.dumps(configuration))  # JSON is YAML
    return Command([tool(program), "serve", str(path)], {"OTEL_TRACES_EXPORTER": "none"})


def _moto(_data: Path, port: int, _workers: int, _place: Place) -> Command:
    return Command([tool("moto_server"), "-H", "127.0.0.1", "-p", str(port)])


def _nginx(data: Path, port: int, workers: int, _place: Place) -> Command:
    """A server of plain files: what loopback, kernel and load generator allow."""
    data.mkdir(exist_ok=True)
    temporary = "".join(
        f"{kind}_temp_path {data.parent}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = data.parent / "nginx.conf"
    path.write_text(
        f"daemon off; worker_processes {workers}; pid {data.parent}/pid; error_log stderr; user root;"
        "events { worker_connections 1024; }"
        f"http {{ access_log off; sendfile on; keepalive_requests 1000000000; {temporary}"
        f"server {{ listen 127.0.0.1:{port} reuseport; root {data}; }} }}"
    )
    return Command([tool("nginx"), "-p", str(data.parent), "-c", str(path)])


_COMMANDS: Mapping[str, Callable[[Path, int, int, Place], Command]] = {
    OURS: _ours,
    DISTRIBUTION_2: lambda data, port, _workers, place: _distribution("docker-registry", data, port, place),
    DISTRIBUTION_3: lambda data, port, _workers, place: _distribution("distribution", data, port, place),
    MOTO: _moto,
    LIMIT: _nginx,
}


def _clean_environment() -> dict[str, str]:
    """Our environment without what would reach into a server: its own settings, AWS's, the interpreter's."""
    foreign = ("AWS_", "ENTREPOT_", "OTEL_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def _await_answer(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(_START_SECONDS * 200):
        if process.poll() is not None:
            break
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_SECONDS)
        try:
            connection.request("GET", "/v2/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.005)
        else:
            return
        finally:
            connection.close()
    raise RuntimeError(f"{process.args!r} did not answer:\n{log.read_text(errors='replace')[-2000:]}")


def _await_rest(server: Server) -> None:
    """
    Wait until the server has nothing to do: what starts in its background is not part of any work but `start`.

    What waits for somebody else meanwhile, as jobs do for PostgreSQL that makes their tables, goes on soon.
    """
    used, quiet = server.cpu_seconds(), 0
    for _ in range(_START_SECONDS * 2):
        time.sleep(0.5)
        used, before = server.cpu_seconds(), used
        quiet = quiet + 1 if used - before <= _AT_REST * 0.5 else 0
        if quiet == _QUIET:
            return


def _login(server: Server) -> tuple[dict[str, str], str]:
    """
    The key of a user whose policies decide every request, and the docker password that it buys, as a Basic header.

    One of the policies has a condition, as policies of those who care have: the root user would be asked nothing.
    """
    server.keys = _root_keys(server)
    iam, name = server.client("iam"), f"bench-{time.time_ns()}"
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=f"{_POLICIES}/AmazonEC2ContainerRegistryPowerUser")
    iam.put_user_policy(UserName=name, PolicyName="from-here", PolicyDocument=json.dumps(_FROM_HERE))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    server.keys = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
    token = server.ecr().get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return dict(server.keys), f"Basic {token}"


def _root_keys(server: Server) -> dict[str, str]:
    """The root key that the first start made."""
    program = Path(sys.executable).with_name("entrepot")
    lines = subprocess.run(
        [str(program), "env", "--data", str(server.folder)],
        env={**_clean_environment(), **server.settings},
        capture_output=True,
        check=True,
        text=True,
        timeout=_START_SECONDS,
    ).stdout.splitlines()
    words = [shlex.split(line) for line in lines]
    return dict(word.split("=", 1) for line in words if line and line[0] == "export" for word in line[1:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server and everything that it started: asked first, then by force."""
    pids = machine.tree(process.pid)
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in pids[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
