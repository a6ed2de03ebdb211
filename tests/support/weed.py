"""SeaweedFS, an S3 engine in one process: one for a run of the tests, a place in it for each who asks."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import boto3
import urllib3
from botocore.config import Config

from entrepot import clock
from tests.support.clients import client
from tests.support.network import free_port

_BUCKET = "entrepot-tests"
_KEY = ("AKIATEST", "secrettest")
_IDENTITIES = (
    '{"identities":[{"name":"test","credentials":[{"accessKey":"AKIATEST","secretKey":"secrettest"}],'
    '"actions":["Admin","Read","Write","List","Tagging"]}]}'
)
_PATIENCE = 60.0


class Weed:
    """A server with one bucket, in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        # Where a process that uses the bucket finds its credentials.
        profile = folder / "credentials"
        profile.write_text(f"[default]\naws_access_key_id = {_KEY[0]}\naws_secret_access_key = {_KEY[1]}\n")
        self.variables: Mapping[str, str] = {
            "AWS_SHARED_CREDENTIALS_FILE": str(profile),
            "AWS_CONFIG_FILE": str(folder / "no-config"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def place(self, *options: str) -> str:
        """The setting ``storage`` for a place of its own in the bucket; *options* as in ``redirect=no``."""
        query = "&".join((f"endpoint={self.endpoint}", "region=us-east-1", *options))
        return f"s3://{_BUCKET}/{clock.new_uuid()}?{query}"

    def s3(self) -> Any:
        """What is in the bucket, as boto3 sees it."""
        made: Any = boto3.client
        return made(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=_KEY[0],
            aws_secret_access_key=_KEY[1],
            config=Config(s3={"addressing_style": "path"}),
        )

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        weed, data = client("weed"), self._folder / "data"
        data.mkdir()
        identities = self._folder / "s3.json"
        identities.write_text(_IDENTITIES)
        ports = {name: free_port() for name in ("master", "volume", "filer")}
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(weed, "-v=0", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={data}"),
                    *("-master.telemetry=false", "-master.volumeSizeLimitMB=256", "-volume.max=20"),
                    *(f"-master.port={ports['master']}", f"-master.port.grpc={free_port()}"),
                    *(f"-volume.port={ports['volume']}", f"-volume.port.grpc={free_port()}"),
                    *("-filer", f"-filer.port={ports['filer']}", f"-filer.port.grpc={free_port()}"),
                    *("-s3", f"-s3.port={self.port}", f"-s3.port.grpc={free_port()}", f"-s3.config={identities}"),
                    *("-s3.port.iceberg=0", "-s3.port.lance=0"),
                ],
                # Without a key of its own it cannot encrypt, and S3 always can.
                env={**os.environ, "WEED_S3_SSE_KEY": "a key for tests"},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait()
        return self

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"SeaweedFS ended:\n{(self._folder / 'log').read_text()[-4000:]}")
            try:
                if urllib3.request("GET", self.endpoint, retries=False, timeout=2).status == 403:
                    self.s3().create_bucket(Bucket=_BUCKET)
                    return
            except (urllib3.exceptions.HTTPError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"SeaweedFS does not answer:\n{(self._folder / 'log').read_text()[-4000:]}")

    def __exit__(self, *failure: object) -> None:
        """End it at once: asked politely, it takes ten seconds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
