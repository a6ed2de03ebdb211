"""
A door in front of our server for moto's tests: it answers ``POST /moto-api/reset`` and hands on all else.

The product knows no reset. Here it deletes, by the API, every repository and policy of the registries that were used
since the last one; identities, keys and secrets, of which there are too many kinds, are deleted as rows, all but the
account and the access keys of its root user. In front of a PutImage the door pushes those blobs of
``tests.moto.truthful`` that the manifest names, as a client would have done.
"""

import contextlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from sqlalchemy import Table, delete

from entrepot.database import Statement, Transaction
from entrepot.identity import tables
from entrepot.identity.rows import raise_generation
from entrepot.keys import tables as key_tables
from entrepot.secrets import tables as secret_tables
from entrepot.serving.preparing import open_database
from tests.moto import truthful
from tests.support.server import ACCOUNT, Registry, Server

# What moto's tests sign with.
KEY = ("FOOBARKEY", "FOOBARSECRET")
REGIONS = ("us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-central-1", "eu-west-1", "ap-northeast-1")
HOSTNAME = "{account}.dkr.ecr.{region}.amazonaws.com"

_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/(ecr|iam|kms|secretsmanager|sts)/")
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
# What stays when identities are forgotten: whose tests they are, and with what they sign.
_STAY = {"accounts", "access_keys", "deployment", "generation"}
_FORGET = [
    *(
        Statement(delete(table))
        for table in {**vars(tables), **vars(key_tables), **vars(secret_tables)}.values()
        if isinstance(table, Table) and table.name not in _STAY
    ),
    Statement(delete(tables.access_keys).where(tables.access_keys.c.user_id.is_not(None))),
    Statement(delete(tables.deployment).where(tables.deployment.c.name.startswith("credential-report/"))),
]
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Door:
    """What moto's tests take for moto's server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.not_yet: set[str] = set()  # operations that were asked for and are not written
        self._http = urllib3.PoolManager(retries=False, maxsize=8)
        self._blobs = truthful.blobs()
        self._used: set[str] = set()  # regions, since the last reset
        self._identities = False  # whether IAM, KMS or Secrets Manager was asked since the last reset
        self._password = server.password()

    def reset(self) -> None:
        """Leave nothing of what came through since the last one."""
        for region in self._used:
            ecr = self.server.aws("ecr", region=region)
            for page in ecr.get_paginator("describe_repositories").paginate():
                for repository in page["repositories"]:
                    ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)
            with contextlib.suppress(ecr.exceptions.RegistryPolicyNotFoundException):
                ecr.delete_registry_policy()
        self._used.clear()
        if self._identities:
            self._identities = False
            database = open_database(self.server.place)
            try:
                database.write(_forget)
            finally:
                database.close()

    def hand_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> urllib3.BaseHTTPResponse:
        """The server's answer to a request, unchanged in either direction."""
        scope = _SCOPE.search(headers.get("Authorization", ""))
        operation = headers.get("X-Amz-Target", "").partition(".")[2]
        if scope and scope[2] in {"iam", "kms", "secretsmanager"}:
            self._identities = True
        if not operation and (action := _ACTION.search(body)):
            operation = action[1].decode()
        if scope and scope[1] in REGIONS and scope[2] == "ecr":
            self._used.add(scope[1])
            if operation == "PutImage":
                self._push(json.loads(body), region=scope[1])
        answer = self._http.request(method, self.server.url + path, body=body, headers=headers, redirect=False)
        if f"The operation {operation} is not yet in this version".encode() in answer.data:
            self.not_yet.add(operation)
        return answer

    def _push(self, image: dict[str, Any], *, region: str) -> None:
        try:
            manifest = json.loads(image["imageManifest"])
        except ValueError:
            return
        host = HOSTNAME.format(account=ACCOUNT, region=region)
        registry = Registry(self.server.url, self._password, headers={"Host": host})
        for descriptor in (manifest.get("config", {}), *manifest.get("layers", [])):
            if content := self._blobs.get(descriptor.get("digest")):
                path = f"/v2/{image['repositoryName']}/blobs/uploads/?digest={descriptor['digest']}"
                # Where there is no such repository, the test is about to be told so by PutImage.
                assert registry("POST", path, content).status in {201, 404}


def _forget(tx: Transaction) -> None:
    for statement in _FORGET:
        tx.run(statement)
    raise_generation(tx)


@contextmanager
def opened(door: Door) -> Iterator[str]:
    """Its address, for as long as the context lasts."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/moto-api/reset":
                door.reset()
                self._answer(200, {}, b"")
            else:
                answer = door.hand_on(self.command, self.path, dict(self.headers), body)
                self._answer(answer.status, dict(answer.headers), answer.data)

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """The server has a log of its own."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
