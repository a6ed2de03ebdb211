"""Secrets stay where they are: not in the log, not in answers. Security-design 9, row 44."""

import base64
import contextlib
import json
import os
from pathlib import Path

import pytest

from tests.abuse.raw import lines_of, request, requests_of, send
from tests.oci.principals import new_user, password_of
from tests.support.server import ACCOUNT, Registry, Server, digest_of

# A word that appears in whatever a client sends; it must come back from nowhere but where it belongs.
CANARY = "canary7Qd2mXk9"


_addresses = (f"127.0.{net}.{host}" for net in range(20, 40) for host in range(1, 255))


def _send(edge: Server, payload: bytes) -> bytes:
    """Send from a new address: who fails to log in too often from one is slowed down."""
    return send(edge.port, payload, source=next(_addresses), silence=10)


def _forms(secret: str) -> list[str]:
    """A secret as it is, and as it may be written where somebody has encoded what he logs."""
    encoded = [base64.b64encode(f"{prefix}{secret}".encode()).decode().rstrip("=") for prefix in ("", "AWS:")]
    return [secret, *encoded, secret.encode().hex(), json.dumps(secret)[1:-1]]


@pytest.fixture(scope="module")
def used(edge: Server) -> list[str]:
    """Secrets of all kinds, each of which has been sent in every place where somebody might write it down."""
    environment = edge.environment()
    key = new_user(edge, "canary")
    root_key = edge.data.with_name(f"{edge.data.name}.keys").joinpath("root.key").read_bytes()
    passwords = [edge.password(), edge.password(key=key), password_of(edge, ago=13 * 3600)]
    secrets = [
        environment["AWS_SECRET_ACCESS_KEY"],
        key[1],
        *passwords,
        root_key.hex(),
        base64.b64encode(root_key).decode().rstrip("="),
        CANARY,
    ]
    registry = edge.registry(key=key)
    _, text = registry.push_image("app", "canary", seed=CANARY.encode())
    url = edge.aws("ecr", key=key).get_download_url_for_layer(
        repositoryName="app", layerDigest=digest_of(b"layer " + CANARY.encode())
    )["downloadUrl"]
    secrets.append(url.rpartition("sig=")[2])
    Registry("", None)("GET", url)
    for secret in (*passwords, CANARY):
        login = "Basic " + base64.b64encode(f"AWS:{secret}".encode()).decode()
        for headers in (
            [("Authorization", login)],
            [("Authorization", f"Bearer {secret}")],
            [("Authorization", secret)],
            [("Authorization", f"AWS4-HMAC-SHA256 Credential=AKIA/x, Signature={secret}")],
            [("Cookie", f"session={secret}"), ("X-Amz-Security-Token", secret), ("X-Amz-Target", f"X.{secret}")],
            [("Authorization", login), ("User-Agent", secret), ("Referer", f"http://x/{secret}")],
        ):
            for method, target in (
                ("GET", "/v2/"),
                ("GET", f"/v2/app/tags/list?n=x&token={secret}"),
                ("PUT", f"/v2/app/manifests/v1?tag=+&password={secret}"),
                ("POST", f"/?X-Amz-Security-Token={secret}&X-Amz-Signature={secret}"),
                ("GET", f"/_dl/v1/us-east-1/{ACCOUNT}/1/{digest_of(b'x')}?exp=9&kid=1&by=x&sig={secret}"),
            ):
                _send(edge, request(method, target, [*headers, ("Content-Length", "0")]))
    registry.put_manifest("app", "canary", text.replace(b"schemaVersion", CANARY.encode()))
    registry("PUT", "/v2/app/manifests/x", b"{" + CANARY.encode(), headers={"Content-Type": CANARY})
    send(edge.port, request("GET", "/used/end"))
    requests_of(edge, until="/used/end")
    return secrets


def test_abuse_44_no_secret_is_in_the_log(edge, used):
    """Requests and events; what the first start prints to whoever started it is before them."""
    logged = "\n".join(json.dumps(line) for line in lines_of(edge))

    assert "/used/end" in logged
    assert [form for secret in used for form in _forms(secret) if form in logged] == []


def test_abuse_44_the_log_has_the_fields_that_were_chosen_and_no_others(edge, used):
    """An allow-list: no header, no query, no body."""
    assert used
    for line in lines_of(edge):
        if line["event"] == "request":
            assert set(line) == {"time", "event", "request", "client", "principal", "method", "path", "status", "ms"}
            assert "token=" not in str(line["path"])
            assert "sig=" not in str(line["path"])


@pytest.mark.parametrize("place", ["authorization", "query", "body", "reference", "host"])
def test_abuse_44_no_refusal_repeats_a_credential(edge, used, place):
    """What was sent as a credential is not in the answer; what was sent as a name may be."""
    password = used[2]
    login = "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode()
    targets = [
        *("/v2/", "/v2/app/tags/list?n=x", "/v2/no/such/manifests/x", "/v2/App/manifests/x", "/v2/app/blobs/x", "/x"),
        "/v2/app/blobs/uploads/x",
    ]
    for target in targets:
        for scheme in ("Basic", "Bearer", ""):
            headers = [("Authorization", login.replace("Basic", scheme)), ("Cookie", password)]
            payload = request("GET", f"{target}{'&' if '?' in target else '?'}x={password}", headers)
            if place == "host":
                payload = request("GET", target, headers, host="evil.example.org")
            if place == "body":
                payload = request("PUT", target, [*headers, ("Content-Length", str(len(password)))]) + password.encode()

            answer = _send(edge, payload).decode()

            assert [form for form in _forms(password) if form in answer] == []


def test_abuse_44_only_its_owner_can_read_what_is_secret(edge):
    """Files of the data and of the keys: nobody else on the machine."""
    keys = edge.data.with_name(f"{edge.data.name}.keys")
    for folder in (edge.data, keys):
        assert folder.stat().st_mode & 0o077 == 0
        for path in folder.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path


def test_abuse_44_the_secret_is_not_among_the_arguments_or_the_variables_of_a_process(edge, used):
    """Whoever lists processes sees arguments; whoever dumps an environment sees variables."""
    assert edge.process is not None
    processes = _processes_of(edge.process.pid)
    assert len(processes) > 1
    for process in processes:
        for what in ("cmdline", "environ"):
            text = (process / what).read_bytes().decode(errors="replace")
            assert [form for secret in used for form in _forms(secret) if form in text] == []


def _processes_of(leader: int) -> list[Path]:
    """The folders in /proc of a process and its children, which are in its session."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                if os.getsid(int(folder.name)) == leader:
                    found.append(folder)
    return found
