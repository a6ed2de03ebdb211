"""The container image of this checkout, built once for all tests that run it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.kit import as_root, short_folder
from tests.support.clients import client
from tests.support.data import ROOT
from tests.support.skips import want

NAME = "entrepot:test"
STORAGE = '[storage]\ndriver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image as `docker load` takes it, under the name ``entrepot:test``."""
    return build(tmp_path_factory.mktemp("image") / "image.tar")


def build(archive: Path) -> Path:
    """Build the image with a buildah that has a store of its own, and write it to *archive*."""
    as_root()
    buildah, rootfs = client("buildah"), client("rootfs")
    uv = shutil.which(os.environ.get("UV", "uv"), path=f"{os.environ['PATH']}:{ROOT}/.uv/bin") or want("uv")
    with short_folder() as folder:
        (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
        environment = {"CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"), "IMAGE": NAME, "UV": uv}
        commands: list[list[str | Path]] = [
            [ROOT / "deploy/image/build", rootfs],
            [buildah, "push", "--quiet", NAME, f"docker-archive:{archive}:{NAME}"],
        ]
        for command in commands:
            done = subprocess.run(
                command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
    return archive
