"""A registry with something of everything, and the command that moves it."""

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.support.server import ENTREPOT, Registry, Server, manifest

LARGE = hashlib.shake_128(b"large").digest(3 << 20)
PLAIN = hashlib.shake_128(b"plain").digest(200_000)


@dataclass(frozen=True)
class Filled:
    """What was put into a registry: it has to be there wherever the registry lies."""

    sealed: str  # what a customer key made of "secret"
    key: tuple[str, str]  # of a user
    upload: str  # the Location of one that is under way, with "begun" in it
    last: int  # the id of a repository that was deleted again

    def demand_all(self, server: Server) -> None:
        """Read everything back, by the user's key."""
        face = server.registry(key=self.key)
        for tag, layer in (("v1", LARGE), ("plain", PLAIN)):
            text = face("GET", f"/v2/app/manifests/{tag}").data
            for described in json.loads(text)["layers"]:
                assert face("GET", f"/v2/app/blobs/{described['digest']}").data == layer
        assert face("GET", "/v2/app/manifests/small").status == 200
        kms = server.aws("kms")
        assert kms.decrypt(CiphertextBlob=bytes.fromhex(self.sealed))["Plaintext"] == b"secret"
        assert server.aws("iam").get_user(UserName="ann")["User"]["Path"] == "/team/"


def push_layer(face: Registry, name: str, tag: str, layer: bytes) -> None:
    """An image with one layer."""
    config = b'{"architecture":"amd64","os":"linux"}'
    face.push_blob(name, config)
    face.push_blob(name, layer)
    assert face.put_manifest(name, tag, json.dumps(manifest(config, layer)).encode()).status == 201


def fill(server: Server) -> Filled:
    """Put something of everything into the registry of a server that runs."""
    ecr, iam, kms, face = server.aws("ecr"), server.aws("iam"), server.aws("kms"), server.registry()
    ecr.create_repository(repositoryName="app", tags=[{"Key": "Größe", "Value": "a b"}])
    push_layer(face, "app", "v1", LARGE)
    face.push_image("app", "small")
    iam.create_user(UserName="ann", Path="/team/")
    iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser")
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    key = kms.create_key(Description="clé")["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    begun = face("POST", "/v2/app/blobs/uploads/")
    begun = face("PATCH", begun.headers["location"], b"begun")
    ecr.create_repository(repositoryName="gone")
    (last,) = server.sql("SELECT max(id) FROM repositories")[0]
    ecr.delete_repository(repositoryName="gone")
    return Filled(sealed.hex(), (made["AccessKeyId"], made["SecretAccessKey"]), begun.headers["location"], last)


def filled(data: Path, **settings: Any) -> Filled:
    """A registry in *data* with sealed bytes and plain ones, that is not served."""
    with Server(data, **settings) as server:
        made = fill(server)
    with Server(data, default_at_rest="disk", **settings) as server:
        push_layer(server.registry(), "app", "plain", PLAIN)
    return made


def migrate(data: Path, source: str, target: str, **settings: Any) -> "subprocess.CompletedProcess[str]":
    """``entrepot migrate`` to its end."""
    server = Server(data, **settings)
    return server.command("migrate", "--from", source, "--to", target, check=False)


def begin(data: Path, source: str, target: str, **settings: Any) -> "subprocess.Popen[str]":
    """``entrepot migrate``, to be killed."""
    return begun(Server(data, **settings), "migrate", "--from", source, "--to", target)


def begun(server: Server, *arguments: str) -> "subprocess.Popen[str]":
    """A command on a server's data, to be killed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ENTREPOT_", "AWS_"))}
    return subprocess.Popen(
        [ENTREPOT, *arguments, "--data", server.data],
        env=environment | server.settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def sql(url: str, statement: str) -> list[Any]:
    """What a statement gives on a database of PostgreSQL's."""
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def kill_in_the_middle(start: "Callable[[], subprocess.Popen[str]]", target: str) -> None:
    """Kill what *start* starts when it has filled *target*, which has its tables, up to the tags and no further."""
    with psycopg.connect(target) as holding:
        holding.execute("LOCK TABLE tags IN EXCLUSIVE MODE")
        process = start()
        while not sql(target, "SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
