"""What tests of pages have at hand."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.clients.kit import Shell, as_root, docker_engine, short_folder
from tests.docs.pages import chapters
from tests.docs.reader import Reader
from tests.support.clients import client
from tests.support.server import ENTREPOT, Server


@pytest.fixture
def reader() -> Iterator[Reader]:
    """A reader with nothing but a registry that has just been started."""
    with _reader() as reader:
        yield reader


@pytest.fixture(scope="module")
def prepared() -> Iterator[Reader]:
    """A reader who has done what every recipe supposes."""
    with _reader() as reader:
        for block in chapters("docs/recipes.md")["Before you start"]:
            reader.paste(block)
        yield reader


@contextmanager
def _reader() -> Iterator[Reader]:
    """A reader in the folder of a clone, with Docker's engine and the AWS CLI."""
    as_root()
    dockerd, docker, aws = client("dockerd"), client("docker"), client("aws")
    with short_folder() as folder, Server(folder / "data") as server:
        path = os.pathsep.join([str(docker.parent), str(aws.parent), os.environ["PATH"]])
        shell = Shell(folder, AWS_EC2_METADATA_DISABLED="true", AWS_PAGER="")
        shell.environment["PATH"] = path
        (folder / ".venv/bin").mkdir(parents=True)
        (folder / ".venv/bin/entrepot").symlink_to(ENTREPOT)
        with docker_engine(shell, dockerd, docker):
            for image in ("my-app", "busybox", "alpine"):
                context = folder / image
                context.mkdir()
                (context / "note").write_text(image)
                (context / "Dockerfile").write_text('FROM scratch\nCOPY note /\nCMD ["/note"]\n')
                shell(docker, "build", "--quiet", "--network", "none", "--tag", image, context)
            yield Reader(shell, server)
