"""SeaweedFS, an S3 engine in one process: one for a run of the tests, a place in it for each who asks."""

import atexit
import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from entrepot import clock
from tests.support.clients import client
from tests.support.network import free_port

_BUCKET = "entrepot-tests"
KEY = ("AKIATEST", "secrettest")
_IDENTITIES = (
    '{"identities":[{"name":"test","credentials":[{"accessKey":"AKIATEST","secretKey":"secrettest"}],'
    '"actions":["Admin","Read","Write","List","Tagging"]}]}'
)
_PORTS = [f"{part}.port{kind}" for part in ("s3", "filer", "master", "volume") for kind in ("", ".grpc")]
_PATIENCE = 60.0


class Weed:
    """A server with one bucket, in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._program = client("weed")
        self._ports = {name: free_port() for name in _PORTS}
        self._process: subprocess.Popen[bytes] | None = None
        # Where a process that uses the bucket finds its credentials.
        profile = folder / "credentials"
        profile.write_text(f"[default]\naws_access_key_id = {KEY[0]}\naws_secret_access_key = {KEY[1]}\n")
        self.variables: Mapping[str, str] = {
            "AWS_SHARED_CREDENTIALS_FILE": str(profile),
            "AWS_CONFIG_FILE": str(folder / "no-config"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        (folder / "data").mkdir()
        (folder / "s3.json").write_text(_IDENTITIES)

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._ports['s3.port']}"

    @property
    def filer(self) -> str:
        """Where what lies in it is given to anybody, parts of uploads too."""
        return f"http://127.0.0.1:{self._ports['filer.port']}"

    def place(self, *options: str) -> str:
        """The setting ``storage`` for a place of its own in the bucket; *options* as in ``redirect=no``."""
        query = "&".join((f"endpoint={self.endpoint}", "region=us-east-1", *options))
        return f"s3://{_BUCKET}/{clock.new_uuid()}?{query}"

    def s3(self) -> Any:
        """What is in the bucket, as boto3 sees it."""
        return _s3(self.endpoint)

    def start(self) -> None:
        """Start it, and wait until it takes something."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._program, "-v=0", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                    *(f"-dir={self.folder / 'data'}", "-filer", "-s3", f"-s3.config={self.folder / 's3.json'}"),
                    *("-master.telemetry=false", "-master.volumeSizeLimitMB=256", "-volume.max=20"),
                    *(f"-{name}={port}" for name, port in self._ports.items()),
                    # Alone, it need not wait long for others to vote: a second start takes 17 s else.
                    *("-master.electionTimeout=1s", "-master.resumeState=false"),
                    *("-s3.port.iceberg=0", "-s3.port.lance=0"),
                ],
                # Without a key of its own it cannot encrypt, and S3 always can.
                env={**os.environ, "WEED_S3_SSE_KEY": "a key for tests"},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait()

    def kill(self) -> None:
        """Take it down at once; asked politely, it takes ten seconds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.kill()

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"SeaweedFS ended:\n{self._log()}")
            try:
                if urllib3.request("GET", self.endpoint, retries=False, timeout=2).status == 403:
                    with contextlib.suppress(self.s3().exceptions.BucketAlreadyOwnedByYou):
                        self.s3().create_bucket(Bucket=_BUCKET)
                    # Its parts find each other a while after they have started.
                    self.s3().put_object(Bucket=_BUCKET, Key="ready", Body=b"1")
                    return
            except (urllib3.exceptions.HTTPError, OSError, ClientError, BotoCoreError):
                time.sleep(0.1)
        raise RuntimeError(f"SeaweedFS does not answer:\n{self._log()}")

    def _log(self) -> str:
        return (self.folder / "log").read_text()[-4000:]


def lying(place: str) -> dict[str, bytes]:
    """Names and bytes of all objects in a place that ``Weed.place`` has given."""
    address = urlsplit(place)
    prefix, s3 = address.path.strip("/") + "/", _s3(dict(parse_qsl(address.query))["endpoint"])
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=address.netloc, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return {key.removeprefix(prefix): s3.get_object(Bucket=address.netloc, Key=key)["Body"].read() for key in keys}


def unfinished(place: str, filer: str) -> list[bytes]:
    """The bytes of each multipart upload in a place that is not complete, up to the first part that is missing."""
    address = urlsplit(place)
    s3 = _s3(dict(parse_qsl(address.query))["endpoint"])
    listed = s3.list_multipart_uploads(Bucket=address.netloc, Prefix=address.path.strip("/"))
    found = []
    for upload in listed.get("Uploads", []):
        folder = f"{filer}/buckets/{address.netloc}/.uploads/{upload['UploadId']}"
        entries = urllib3.request("GET", f"{folder}/", headers={"Accept": "application/json"}).json()["Entries"] or []
        names = sorted(entry["FullPath"].rpartition("/")[2] for entry in entries)
        parts = [name for number, name in enumerate(names, start=1) if int(name[:4]) == number]
        found.append(b"".join(urllib3.request("GET", f"{folder}/{name}").data for name in parts))
    return found


@functools.cache
def _s3(endpoint: str) -> Any:
    made: Any = boto3.client  # its stubs know one overload for each of 400 services
    return made(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEY[0],
        aws_secret_access_key=KEY[1],
        config=Config(s3={"addressing_style": "path"}),
    )


@functools.cache
def weed() -> Weed:
    """The one of this run; skips the test where SeaweedFS is not installed."""
    client("weed")
    made = Weed(Path(tempfile.mkdtemp(prefix="entrepot-weed-")))
    atexit.register(shutil.rmtree, made.folder, ignore_errors=True)
    atexit.register(made.kill)
    made.start()
    return made
