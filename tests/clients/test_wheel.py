"""The package is a normal wheel: built, installed into an empty environment, and a registry from there."""

import base64
import hashlib
import json
import re
import shlex
import subprocess
import time
import zipfile
from pathlib import Path

import boto3
import pytest
import urllib3

from tests.support.data import ROOT
from tests.support.network import free_port
from tests.support.uv import uv

CONFIG = b"{}"
LAYER = b"the only layer of a small image"
OCI = "application/vnd.oci"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--out-dir", folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def entrepot(wheel, tmp_path_factory):
    """The program, in an environment with the wheel and what the lock file says that it needs, and nothing else."""
    environment = tmp_path_factory.mktemp("environment")
    uv("sync", "--locked", "--no-dev", "--no-install-project", UV_PROJECT_ENVIRONMENT=str(environment))
    uv("pip", "install", "--no-deps", "--python", environment, wheel)
    uv("pip", "check", "--python", environment)
    return environment / "bin" / "entrepot"


@pytest.fixture
def served(entrepot, tmp_path):
    """An address, and the shell environment that `entrepot env` gives, of a registry served by the wheel."""
    address = f"127.0.0.1:{free_port()}"
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = [entrepot, "serve", "--data", "data", "--listen", address]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=bare, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_until_ready(server, address, tmp_path / "log")
        lines = subprocess.run(
            [entrepot, "env", "--data", "data"], cwd=tmp_path, env=bare, check=True, capture_output=True, text=True
        ).stdout
        yield address, exported(lines)
    finally:
        server.terminate()
        status = server.wait(60)
    assert status == 0


def wait_until_ready(server, address, log):
    """Ask until the server answers; it is slow at times, so only its end or a minute ends the wait."""
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            if urllib3.request("GET", f"http://{address}/readyz", retries=False).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not ready after a minute: {log.read_text()}")


def exported(lines):
    """The variables that `export` lines set."""
    words = (shlex.split(line) for line in lines.splitlines() if line.startswith("export "))
    return dict(word.split("=", 1) for line in words for word in line[1:])


def digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def push_blob(registry, repository, content, headers):
    begun = urllib3.request("POST", f"{registry}/v2/{repository}/blobs/uploads/", headers=headers)
    assert begun.status == 202, begun.data
    location = urllib3.util.parse_url(begun.headers["Location"]).request_uri
    closing = f"{registry}{location}{'&' if '?' in location else '?'}digest={digest(content)}"
    ended = urllib3.request("PUT", closing, body=content, headers=headers)
    assert ended.status == 201, ended.data


def test_the_wheel_serves_a_registry_that_takes_a_push(served):
    address, variables = served
    ecr = boto3.client(
        "ecr",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )
    registry = f"http://{address}"
    ecr.create_repository(repositoryName="from/wheel")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    headers = {"Authorization": f"Basic {token}"}
    assert base64.b64decode(token).startswith(b"AWS:")
    layer_type = f"{OCI}.image.layer.v1.tar"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.image.manifest.v1+json",
            "config": {"mediaType": f"{OCI}.image.config.v1+json", "digest": digest(CONFIG), "size": len(CONFIG)},
            "layers": [{"mediaType": layer_type, "digest": digest(LAYER), "size": len(LAYER)}],
        }
    ).encode()
    address_of_image = f"{registry}/v2/from/wheel/manifests/1"

    for content in (CONFIG, LAYER):
        push_blob(registry, "from/wheel", content, headers)
    kind = {"Content-Type": f"{OCI}.image.manifest.v1+json"}
    pushed = urllib3.request("PUT", address_of_image, body=manifest, headers=headers | kind)
    pulled = urllib3.request("GET", address_of_image, headers=headers)

    assert pushed.status == 201, pushed.data
    assert (pulled.status, pulled.data) == (200, manifest)
    assert ecr.list_images(repositoryName="from/wheel")["imageIds"] == [
        {"imageDigest": digest(manifest), "imageTag": "1"}
    ]


def test_the_wheel_holds_the_package_alone_with_its_types_migrations_model_and_licence(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    source = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*") if path.is_file()}
    expected = {name for name in source if "__pycache__" not in name}

    assert {name for name in names if not re.match(r"entrepot-[\d.]+\.dist-info/", name)} == expected
    model = "entrepot/aws/data/entrepot/2026-11-22/service-2.json"
    assert {"entrepot/py.typed", "entrepot/schema/migrations/env.py", model} <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_version_is_told_once(wheel, entrepot):
    said = subprocess.run([entrepot, "version"], capture_output=True, text=True, check=True, cwd=Path(entrepot).parent)

    assert wheel.name.split("-")[1] in said.stdout
