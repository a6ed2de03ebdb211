"""The JavaScript SDK: another implementation of AWS's protocols, with errors as classes and times as dates."""

import json
from pathlib import Path

import pytest

from tests.support.clients import client

PROGRAM = Path(__file__).with_name("sdk.cjs")


@pytest.fixture
def seen(shell, repository):
    """What the program saw in a repository that it made itself."""
    shell.environment["NODE_PATH"] = str(client("aws-sdk-js"))
    return json.loads(shell(client("node"), PROGRAM, f"{repository}/js"))


def test_the_sdk_pushes_lists_and_deletes(seen, server, repository):
    assert seen["tags"] == ["v1", "v2", "v3"]
    assert seen["layer"] == "layer 2"
    assert (seen["deleted"], seen["failures"]) == (["v1"], ["ImageNotFound"])
    assert seen["isDate"]
    assert 11.9 < seen["hours"] <= 12
    assert seen["proxyEndpoint"] == f"http://localhost:{server.port}"
    assert seen["again"]["name"] == "ImageAlreadyExistsException"
    assert seen["full"]["name"] == "RepositoryNotEmptyException"
    assert seen["missing"] == {
        "name": "RepositoryNotFoundException",
        "message": f"The repository with name '{repository}/js' does not exist in the registry with id '123456789012'",
        "fault": "client",
        "typed": True,
    }
