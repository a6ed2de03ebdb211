"""The drill of ``docs/backup.md``, as somebody performs it who reads the page."""

import os
from pathlib import Path

import pytest

from tests.clients.kit import Shell
from tests.docs.pages import chapters
from tests.support.backups import push
from tests.support.clients import client
from tests.support.network import free_port
from tests.support.server import ENTREPOT, Server

pytestmark = pytest.mark.timeout(600)


def test_the_drill_brings_back_what_was_pushed(tmp_path: Path) -> None:
    take, restore, verify, serve = chapters("docs/backup.md")["The drill"]
    shell, port = Shell(tmp_path / "home", AWS_PAGER=""), str(free_port())
    programs = (client("aws").parent, client("crane").parent, ENTREPOT.parent)
    shell.environment["PATH"] = os.pathsep.join([*map(str, programs), shell.environment["PATH"]])

    def paste(block: str) -> str:
        return shell("bash", "-euo", "pipefail", "-c", block.replace("5001", port))

    data = shell.home / "data"
    with Server(data, database=f"sqlite:{data}/entrepot.sqlite") as server:
        server.aws("ecr").create_repository(repositoryName="my-app")
        digest = push(server.registry(), "my-app", "1")

        assert paste(take).startswith("backup 20")
        assert paste(restore).startswith("restored 20")
        assert paste(verify).endswith("no damage\n")
        assert digest in paste(serve)

    assert (shell.home / "my-app.tar").stat().st_size > 40_000
