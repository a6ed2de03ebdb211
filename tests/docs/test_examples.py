"""
The commands of the README, the tutorial and the page on operating, pasted into a shell in their order.

What a reader has and a test has not is put in its place: a port of its own for 5000, a folder with
``.venv/bin/entrepot`` and ``data`` in it for the clone, and small images under the names that the pages use.
``docs/recipes.md`` is read by the module beside this one; ``docs/clients.md`` has tests beside those of the clients.
"""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.clients.kit import Shell
from tests.docs.pages import chapters, text
from tests.docs.reader import Reader
from tests.support.clients import client
from tests.support.server import Server

# A dozen commands that take a second each, where nobody else is at work.
pytestmark = pytest.mark.timeout(600)


def test_the_start_in_the_readme_works(reader: Reader) -> None:
    clone, commands = chapters("README.md")["Start"]

    said = reader.paste(commands)

    assert clone.splitlines()[-1] == "make serve"
    assert f'"repositoryUri": "localhost:{reader.port}/my-app"' in said
    assert '"imageTags": [' in said


def test_the_tutorial_works_from_its_first_page_to_its_last(reader: Reader) -> None:
    parts = chapters("docs/tutorial.md")
    overwritten = "The image tag '1.0' already exists in the 'my-app' repository and cannot be overwritten"

    assert parts.pop("1. A registry") == ["make serve\n"]
    (identity,) = parts.pop("2. A shell that talks to it")
    assert "arn:aws:iam::123456789012:root" in reader.paste(identity)
    (repository,) = parts.pop("3. A repository")
    assert f'"repositoryUri": "localhost:{reader.port}/my-app"' in reader.paste(repository)
    (image,) = parts.pop("4. An image")
    reader.paste(image)
    again, exempt = parts.pop("5. What immutable means")
    assert overwritten in reader.paste_in_vain(again)
    assert overwritten in text("docs/tutorial.md").replace("\n", " ")
    assert '"filter": "dev-*"' in reader.paste(exempt)
    (looking,) = parts.pop("6. Looking, and taking away")
    assert '"imageTag": "1.0"' in reader.paste(looking)
    user, more, account = parts.pop("7. Somebody else")
    assert "arn:aws:iam::123456789012:user/alice" in reader.paste(user)
    reader.paste(more)
    assert "210987654321" in reader.paste(account)
    assert parts == {}


def test_the_question_why_is_answered(tmp_path: Path) -> None:
    (question,) = chapters("docs/access.md")["Asking why"]
    with Server(tmp_path / "data") as server:
        server.command("user", "create", "alice", "--policy", "AmazonEC2ContainerRegistryReadOnly")
        shell = Shell(tmp_path / "home", **server.environment(), AWS_PAGER="")
        shell.environment["PATH"] = os.pathsep.join([str(client("aws").parent), shell.environment["PATH"]])
        answer = json.loads(shell("bash", "-c", question))["EvaluationResults"]

    assert [(each["EvalActionName"], each["EvalDecision"]) for each in answer] == [
        ("ecr:BatchGetImage", "allowed"),
        ("ecr:PutImage", "implicitDeny"),
    ]


def test_the_commands_for_operators_work(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    shell.environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), shell.environment["PATH"]])
    blocks = [block for found in chapters("docs/operating.md").values() for block in found]
    # The reader copies the id of the key from what was printed.
    script = re.sub(r"^(entrepot key create .*)$", r"\1 | tee key", "".join(blocks), flags=re.MULTILINE)
    script = script.replace("AKIA…", "$(awk '/access key id/ {print $4}' key)").replace("--data DIR", "--data data")

    with Server(shell.home / "data"):
        said = [shell("bash", "-euo", "pipefail", "-c", command) for command in script.splitlines()]

    assert any("no damage" in each for each in said)
    assert len(said) > 10
