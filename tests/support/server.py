"""Our own server, as anybody starts it: a process, an address, and what a shell needs to use it."""

import base64
import contextlib
import hashlib
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import psycopg
import urllib3
from botocore.config import Config

from entrepot.aws.models import DATA
from tests.support.backends import place_of
from tests.support.network import free_port

ENTREPOT = Path(sys.executable).with_name("entrepot")
ACCOUNT = "123456789012"
REGION = "us-east-1"

_PATIENCE = 60.0

# Clients find the model of our own service as whoever uses it lets them: docs/access.md.
os.environ["AWS_DATA_PATH"] = DATA


class Server:
    """
    ``entrepot serve`` over a data folder; *settings* become ``ENTREPOT_*`` variables.

    Where it keeps rows and blobs is said by the run (``tests.support.backends``), unless *settings* say it.

    *variables* are set as they are.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        host: str = "127.0.0.1",
        variables: Mapping[str, str] | None = None,
        **settings: object,
    ) -> None:
        self.data = data
        self.host = host
        self.port = port or free_port()
        self._given: dict[str, Any] = settings
        place = place_of(data)
        self.settings = {f"ENTREPOT_{name.upper()}": str(value) for name, value in (place.settings | settings).items()}
        self.settings |= {**place.variables, **(variables or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self._clients: dict[tuple[str, tuple[str, str] | None, str], Any] = {}
        self.log = data.parent / f"{data.name}.log"
        self._environment: dict[str, str] = {}

    def again(self, log: Path, **settings: object) -> "Server":
        """Another server on its data, with its settings but *settings*, that writes to *log*."""
        made = Server(self.data, **(self._given | settings))
        made.log = log
        return made

    @property
    def place(self) -> Path | str:
        """Where its rows lie."""
        named = self.settings.get("ENTREPOT_DATABASE") or f"sqlite:{self.data}/entrepot.sqlite"
        return Path(named.removeprefix("sqlite:")) if named.startswith("sqlite:") else named

    def sql(self, statement: str) -> list[Any]:
        """Run one statement beside the server; the rows that it gives."""
        if isinstance(self.place, str):
            with psycopg.connect(self.place) as server:
                cursor = server.execute(statement.encode())
                return cursor.fetchall() if cursor.description else []
        with contextlib.closing(sqlite3.connect(self.place)) as file, file:
            return file.execute(statement).fetchall()

    def at_rest(self) -> Iterator[tuple[Path, bytes]]:
        """Every file in which it keeps something, its database too; what goes away meanwhile is left out."""
        folders = [self.data]
        if isinstance(self.place, str):
            folders += [Path(folder) for (folder,) in self.sql("SHOW data_directory")]
        for path in (path for folder in folders for path in folder.rglob("*")):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    yield path, path.read_bytes()

    @property
    def url(self) -> str:
        """Where it listens."""
        scheme = "https" if "ENTREPOT_TLS_CERT" in self.settings else "http"
        return f"{scheme}://{self.host}:{self.port}"

    def start(self) -> Self:
        """Start it and wait until it answers."""
        self._environment = {}
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ENTREPOT_", "AWS_"))} | self.settings
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [ENTREPOT, "serve", "--data", self.data, "--listen", f"{self.host}:{self.port}"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()
        return self

    def _wait(self) -> None:
        assert self.process is not None
        http = urllib3.PoolManager(cert_reqs="CERT_NONE", retries=False, timeout=2)
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
            try:
                if http.request("GET", f"{self.url}/readyz").status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                time.sleep(0.05)
        raise RuntimeError(f"the server does not answer:\n{self.log.read_text()[-4000:]}")

    def stop(self) -> int:
        """End it as an operator does; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Take it down at once with all its processes, as a power cut does."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def command(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run ``entrepot <first argument> --data … <the rest>``."""
        name, *rest = arguments
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ENTREPOT_", "AWS_"))} | self.settings
        return subprocess.run(
            [ENTREPOT, name, *rest, "--data", self.data],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=check,
        )

    def environment(self) -> dict[str, str]:
        """What ``eval "$(entrepot env …)"`` gives a shell."""
        if not self._environment:
            for line in self.command("env").stdout.splitlines():
                match = re.fullmatch(r"export (\w+)=(.*)", line)
                if match:
                    self._environment[match[1]] = "".join(shlex.split(match[2]))
        return self._environment

    def aws(self, service: str, *, key: tuple[str, str] | None = None, region: str = REGION) -> Any:
        """A boto3 client: of the root user, or of the access key (id, secret). Each is made once: it takes a second."""
        wanted = service, key, region
        if wanted not in self._clients:
            self._clients[wanted] = self._client(service, key or self.root_key(), region)
        return self._clients[wanted]

    def root_key(self) -> tuple[str, str]:
        """Id and secret of the root user's access key."""
        environment = self.environment()
        return environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]

    def _client(self, service: str, key: tuple[str, str], region: str) -> Any:
        client: Any = boto3.client  # its stubs know one overload for each of 400 services
        return client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            # What the client would refuse by itself is for the server to refuse.
            config=Config(retries={"max_attempts": 0}, parameter_validation=False),
            verify=False,
        )

    def password(self, *, key: tuple[str, str] | None = None) -> str:
        """A fresh docker login password."""
        token = self.aws("ecr", key=key).get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return base64.b64decode(token).decode().partition(":")[2]

    def registry(self, *, key: tuple[str, str] | None = None) -> "Registry":
        """The OCI face, logged in."""
        return Registry(self.url, self.password(key=key))


def used_data(folder: Path, repository: str, **settings: Any) -> Server:
    """A data folder in *folder* with a repository; nobody is there now."""
    with Server(folder / "data", **settings) as server:
        server.aws("ecr").create_repository(repositoryName=repository)
    return server


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of *content*."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


class Registry:
    """Raw requests to the OCI face, so that tests see every status and header."""

    def __init__(
        self, url: str, password: str | None, *, headers: dict[str, str] | None = None, address: str | None = None
    ) -> None:
        """*address* is the one to come from: who fails to log in is slowed down by it."""
        self.url = url
        self.follows = True  # redirects, that is
        source = (address, 0) if address else None
        self._http = urllib3.PoolManager(
            cert_reqs="CERT_NONE", retries=False, timeout=60, maxsize=8, source_address=source
        )
        self.headers = dict(headers or {})
        if password is not None:
            self.headers["Authorization"] = "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode()

    def __call__(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """
        One request. *path* may be a whole URL, as a Location is.

        Who is sent on for the bytes of a blob goes there as clients do, without the credentials.
        """
        url = path if path.startswith("http") else f"{self.url}{path}"
        answer = self._http.request(method, url, body=body, headers=self.headers | (headers or {}), redirect=False)
        if answer.status == 307 and self.follows:
            said = answer.headers["Docker-Content-Digest"]
            answer = self._http.request(method, answer.headers["location"], headers=headers, redirect=False)
            answer.headers["Docker-Content-Digest"] = said
        return answer

    def push_blob(self, name: str, content: bytes, algorithm: str = "sha256") -> str:
        """POST and PUT; the digest."""
        digest = digest_of(content, algorithm)
        begun = self("POST", f"/v2/{name}/blobs/uploads/")
        assert begun.status == 202, begun.data
        done = self("PUT", f"{begun.headers['location']}?digest={digest}", content)
        assert done.status == 201, done.data
        return digest

    def push_image(self, name: str, reference: str | None, *, seed: bytes = b"", **members: Any) -> tuple[str, bytes]:
        """A small image that differs by *seed*, under a tag or (None) its digest; digest and text."""
        config = json.dumps({"seed": seed.hex(), "architecture": "amd64", "os": "linux"}).encode()
        layer = b"layer " + seed
        for content in (config, layer):
            self.push_blob(name, content)
        text = json.dumps(manifest(config, layer, **members)).encode()
        digest = digest_of(text)
        done = self.put_manifest(name, reference or digest, text)
        assert done.status == 201, done.data
        return digest, text

    def put_manifest(
        self, name: str, reference: str, text: bytes, media_type: str = "application/vnd.oci.image.manifest.v1+json"
    ) -> urllib3.BaseHTTPResponse:
        """PUT of a manifest."""
        return self("PUT", f"/v2/{name}/manifests/{reference}", text, headers={"Content-Type": media_type})


def manifest(config: bytes, *layers: bytes, **members: Any) -> dict[str, Any]:
    """An OCI image manifest over the given bytes."""
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(layer, "application/vnd.oci.image.layer.v1.tar+gzip") for layer in layers],
        **members,
    }


def descriptor(content: bytes, media_type: str, algorithm: str = "sha256") -> dict[str, Any]:
    """What a document says of *content*."""
    return {"mediaType": media_type, "digest": digest_of(content, algorithm), "size": len(content)}
