"""Docker's engine and client, from a newcomer's first commands on."""

import random
import re
import shlex

import pytest

from tests.clients.kit import Shell
from tests.support.clients import client
from tests.support.server import ACCOUNT, ENTREPOT

# The words are those of Amazon's guide; only the host is another.
FIRST_COMMANDS = r"""
set -euo pipefail
eval "$(ENTREPOT env --data DATA)"
aws ecr create-repository --repository-name my-app --image-tag-mutability IMMUTABLE \
    --image-scanning-configuration scanOnPush=true
aws ecr get-login-password | docker login --username AWS --password-stdin localhost:5000
docker tag my-app:latest localhost:5000/my-app:1
docker push localhost:5000/my-app:1
docker rmi localhost:5000/my-app:1
docker pull localhost:5000/my-app:1
aws ecr list-images --repository-name my-app
aws ecr describe-images --repository-name my-app
aws ecr batch-delete-image --repository-name my-app --image-ids imageTag=1
aws ecr delete-repository --repository-name my-app --force
"""


@pytest.fixture
def docker(engine, host, password):
    """docker, logged in; what it stored goes away after the test."""
    program = client("docker")
    engine(program, "login", "--username", "AWS", "--password-stdin", host, given=password)
    yield lambda *arguments: engine(program, *arguments).strip()
    engine(program, "logout", host)


def test_the_first_commands_of_a_newcomer_work_word_for_word(engine, server):
    aws = client("aws").parent
    words = {"ENTREPOT": shlex.quote(str(ENTREPOT)), "DATA": shlex.quote(str(server.data))}
    script = FIRST_COMMANDS.replace("localhost:5000", f"localhost:{server.port}")
    for word, value in words.items():
        script = script.replace(word, value)
    settings = {"AWS_PAGER": "", "PATH": f"{aws}:{engine.environment['PATH']}"}
    shell = Shell(engine.home, **engine.environment | settings)

    said = shell("bash", "-c", script)

    assert "Login Succeeded" in said
    assert '"imageTagMutability": "IMMUTABLE"' in said
    assert '"scanOnPush": true' in said
    assert f"Status: Downloaded newer image for localhost:{server.port}/my-app:1" in said
    assert said.count('"imageTag": "1"') == 2
    assert '"imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json"' in said
    assert '"failures": []' in said


def test_what_is_pulled_is_what_was_pushed_and_runs(docker, engine, place):
    name = f"{place}:1"
    docker("tag", "my-app:latest", name)
    docker("push", name)
    image = docker("inspect", "-f", "{{.Id}}", name)
    docker("rmi", name, "my-app:latest")

    docker("pull", name)

    docker("tag", name, "my-app:latest")
    assert docker("inspect", "-f", "{{.Id}}", name) == image
    assert docker("run", "--rm", "--network", "none", name) == "hello from a layer"
    docker("rmi", name)


def test_layers_are_mounted_from_another_repository(docker, place, other_place, repository):
    for name in (place, other_place):
        docker("tag", "my-app:latest", f"{name}:1")
    docker("push", f"{place}:1")

    said = docker("push", f"{other_place}:1")

    assert said.count(f"Mounted from {repository}") == 2


def test_an_immutable_tag_is_kept_and_docker_says_why(docker, engine, place, server, repository):
    server.aws("ecr").put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    name = f"{place}:1"
    docker("tag", "my-app:latest", name)
    docker("push", name)
    container = docker("create", "my-app:latest")
    docker("commit", "--message", "another image", container, name)
    docker("rm", container)

    said = engine.refused(client("docker"), "push", name)

    reason = "already exists in the '{}' repository and cannot be overwritten because the repository is immutable."
    assert reason.format(repository) in said


def test_a_push_to_a_missing_repository_says_what_is_missing(docker, engine, host):
    name = f"{host}/test/not-there:1"
    docker("tag", "my-app:latest", name)

    said = engine.refused(client("docker"), "push", name)

    assert "The repository with name 'test/not-there' does not exist in the registry with id '123456789012'" in said


def test_a_push_beyond_the_quota_of_the_account_says_so(docker, engine, place, server, tmp_path):
    """A layer is more than is left, which is seen only when it has come so far: docker does not say how long it is."""
    file = tmp_path / "file"
    file.write_bytes(random.Random(67).randbytes(12 << 20))
    container = docker("create", "my-app:latest")
    docker("cp", file, f"{container}:/file")
    docker("commit", container, f"{place}:1")
    docker("rm", container)
    stored = int(server.command("quota", ACCOUNT).stdout.split()[1])
    server.command("quota", ACCOUNT, str(stored + (6 << 20)))
    try:
        said = engine.refused(client("docker"), "push", f"{place}:1")
    finally:
        server.command("quota", ACCOUNT, "default")

    assert re.search(
        rf"denied: The registry with id '{ACCOUNT}' has \d+ bytes left of its quota of stored layers", said
    )
    docker("push", f"{place}:1")


def test_a_wrong_password_does_not_log_in(engine, host):
    said = engine.refused(
        client("docker"), "login", "--username", "AWS", "--password-stdin", host, given="not the password"
    )

    assert "401 Unauthorized" in said or "unauthorized" in said
