"""Rotation of the root key and re-encryption, under a real server: no login ends, and no kill loses anything."""

import base64
import contextlib
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.crash.test_sealing import MARKER, with_marker
from tests.support.server import ENTREPOT, Server, digest_of, manifest

SIZE = 2_500_000


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data", jobs=False, default_at_rest="service") as server:
        server.aws("ecr").create_repository(repositoryName="app")
        yield server


def content(number, size=SIZE):
    return str(number).encode() + MARKER * (size // len(MARKER))


def keys_of(server):
    folder = server.data.with_name(f"{server.data.name}.keys")
    return sorted(path.name for path in folder.iterdir() if path.name != "credentials")


def sealed_under(server):
    """The versions of service keys that envelopes in the data folder name."""
    heads = [path.read_bytes()[:4096] for path in (server.data / "blobs").rglob("*") if path.is_file()]
    return {head.split(b'"key":"')[1].split(b'"')[0].decode() for head in heads if head.startswith(b"RGENV1")}


def name_all(registry, blobs):
    """Push an image of *blobs*: else a collection without grace takes them."""
    text = json.dumps(manifest(*blobs)).encode()
    assert registry.put_manifest("app", "all", text).status == 201


def pull_all(registry, blobs):
    for blob in blobs:
        assert registry("GET", f"/v2/app/blobs/{digest_of(blob)}").data == blob


class Busy:
    """Somebody who pulls *blobs* and pushes others all the while, with a login from before; and what went wrong."""

    def __init__(self, server, registry, blobs):
        self.server, self.registry, self.blobs = server, registry, blobs
        self.failures, self.pushed, self.rounds = [], [], 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *failure):
        self._ending.set()
        self._thread.join()

    def _work(self):
        while not self._ending.is_set():
            for blob in self.blobs:
                answer = self.registry("GET", f"/v2/app/blobs/{digest_of(blob)}")
                if answer.status != 200 or answer.data != blob:
                    self.failures.append((answer.status, len(answer.data)))
            new = content(f"pushed meanwhile {self.rounds}", 300_000)
            self.registry.push_blob("app", new)
            self.pushed.append(new)
            self.rounds += 1


@pytest.mark.timeout(300)
def test_a_rotation_ends_no_login_and_loses_no_secret(server):
    registry, old_password = server.registry(), server.password()
    alice = server.aws("iam").create_user(UserName="alice") and server.aws("iam").create_access_key(UserName="alice")
    alice = alice["AccessKey"]["AccessKeyId"], alice["AccessKey"]["SecretAccessKey"]
    kms = server.aws("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ciphertext = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    blobs = [content(number) for number in range(4)] + [content("small", 3_000)]
    for blob in blobs:
        registry.push_blob("app", blob)
    registry.push_image("app", "1", seed=b"one")
    url = server.aws("ecr").get_download_url_for_layer(repositoryName="app", layerDigest=digest_of(b"layer one"))

    with Busy(server, registry, blobs) as busy:
        rotated = server.command("key", "rotate", "--now")
    assert "version 2 seals" in rotated.stdout
    assert "left as they are: 0" in rotated.stdout

    assert busy.failures == []
    assert busy.rounds > 0
    assert keys_of(server) == ["root.key", "root.key.2"]
    assert server.aws("sts", key=alice).get_caller_identity()["Arn"].endswith(":user/alice")
    assert kms.decrypt(CiphertextBlob=ciphertext)["Plaintext"] == b"secret"
    assert registry("GET", url["downloadUrl"]).data == b"layer one"
    pull_all(registry, [*blobs, *busy.pushed])
    _until(lambda: _version_of(server.password()) == 2)
    assert _version_of(old_password) == 1
    pull_all(server.registry(), blobs)

    # What was pushed before the worker looked is under the old one yet, and keeps it.
    assert "opens since" in server.command("key", "versions").stdout.splitlines()[0]
    waiting = server.command("key", "retire", "1", check=False)
    assert waiting.returncode == 1
    assert "can be good for 72 more hours" in waiting.stderr
    server.command("reencrypt", "--now")
    assert server.command("key", "retire", "1", "--end-logins").stdout == "version 1 is not needed any more\n"
    assert keys_of(server) == ["root.key.2"]
    name_all(server.registry(), [*blobs, *busy.pushed])
    server.command("gc", "--grace", "0")
    assert sealed_under(server) == {"service/2"}

    server.stop()
    server.start()
    assert registry("GET", "/v2/").status == 401
    pull_all(server.registry(), [*blobs, *busy.pushed])
    assert kms.decrypt(CiphertextBlob=ciphertext)["Plaintext"] == b"secret"
    assert server.aws("sts", key=alice).get_caller_identity()["Arn"].endswith(":user/alice")
    assert "no damage" in server.command("verify").stdout


def _version_of(password):
    return base64.urlsafe_b64decode(password.removeprefix("rg1_")[:8])[0]


def _until(holds, patience=60.0):
    waiting = threading.Event()
    for _ in range(int(patience / 0.2)):
        if holds():
            return
        waiting.wait(0.2)
    raise AssertionError("it never came")


def test_an_old_version_stays_while_anything_is_under_it(server):
    registry = server.registry()
    location = registry("POST", "/v2/app/blobs/uploads/").headers["location"]
    assert registry("PATCH", location, content("begun")).status == 202
    registry.push_blob("app", content("whole"))
    server.command("key", "rotate", "--now")

    kept = server.command("key", "retire", "1", "--end-logins", check=False)

    assert kept.returncode == 1
    assert "still needed by blobs 1" in kept.stderr
    assert keys_of(server) == ["root.key", "root.key.2"]
    newest = server.command("key", "retire", "2", "--end-logins", check=False)
    assert "Version 2 of the root key seals" in newest.stderr


def test_a_version_is_prepared_brought_to_every_server_and_then_taken_into_use(server):
    shown = server.command("key", "rotate", "--prepare").stdout
    again = server.command("key", "rotate", "--prepare").stdout
    assert shown == again
    assert f"version 2 of the root key: {server.data}.keys/root.key.2" in shown
    assert server.command("key", "versions").stdout.splitlines()[1].startswith("2  not in use  not needed")
    assert _version_of(server.password()) == 1

    assert "version 2 seals" in server.command("key", "rotate", "--now").stdout

    _until(lambda: _version_of(server.password()) == 2)
    assert keys_of(server) == ["root.key", "root.key.2"]


def test_a_server_without_the_version_that_seals_goes_on_and_says_so_and_does_not_start(server):
    file = Path(f"{server.data}.keys/root.key.2")
    server.command("key", "rotate", "--prepare")
    registry = server.registry()
    key = file.read_bytes()
    file.chmod(0o640)  # the running server cannot take it
    _rotate_elsewhere(server, key)

    _until(lambda: "root.key.2 is open to others" in server.log.read_text())
    registry.push_blob("app", content("still served"))
    pull_all(registry, [content("still served")])
    server.stop()
    file.unlink()
    with pytest.raises(RuntimeError, match="Version 2 of the root key is not here"):
        server.start()

    file.write_bytes(key)
    file.chmod(0o600)
    server.start()
    pull_all(server.registry(), [content("still served")])


def _rotate_elsewhere(server, second):
    """What another server, which has both versions, does."""
    keys = server.data.with_name("elsewhere.keys")
    keys.mkdir(mode=0o700)
    for name, key in (("root.key", Path(f"{server.data}.keys/root.key").read_bytes()), ("root.key.2", second)):
        (keys / name).write_bytes(key)
        (keys / name).chmod(0o600)
    assert "version 2 seals" in server.command("key", "rotate", "--now", "--keys", str(keys)).stdout


@pytest.mark.timeout(300)
def test_killed_at_any_time_a_re_encryption_has_lost_nothing_and_the_next_one_ends_it(tmp_path):
    """Among pulls, pushes and collections."""
    with Server(tmp_path / "data", jobs=False, default_at_rest="disk") as server:
        server.aws("ecr").create_repository(repositoryName="app")
        registry = server.registry()
        blobs = [content(number, 4_000_000) for number in range(5)] + [content("small", 3_000)]
        for blob in blobs:
            registry.push_blob("app", blob)
        rows_too = server.place == server.data / "entrepot.sqlite"
        assert len(with_marker(server)) == 5 + rows_too  # the small one lies in a row

        with Busy(server, registry, blobs) as busy:
            for _ in range(2):
                _killed_midway(server)
            server.command("gc")
        report = server.command("reencrypt", "--now", "--default-at-rest", "service").stdout

        assert "left as they are: 0" in report
        assert busy.failures == []
        name_all(registry, [*blobs, *busy.pushed])
        server.command("gc", "--grace", "0")
        objects = [path for path in (server.data / "blobs/objects").rglob("*") if path.is_file()]
        assert len(objects) == server.sql("SELECT count(*) FROM blobs WHERE key IS NOT NULL")[0][0]
        assert list((server.data / "blobs/uploads").iterdir()) == []
        pull_all(registry, [*blobs, *busy.pushed])
        if rows_too:
            server.sql("VACUUM")  # else SQLite keeps what rows held where they were
        server.stop()
        assert with_marker(server) == []


def _killed_midway(server):
    """Begin a re-encryption, and kill it once it has written something."""
    before = _lying(server)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ENTREPOT_", "AWS_"))} | server.settings
    process = subprocess.Popen(
        [ENTREPOT, "reencrypt", "--now", "--data", server.data, "--default-at-rest", "service"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pause = threading.Event()
    while process.poll() is None and _lying(server) == before:
        pause.wait(0.01)
    process.kill()
    process.wait()
    # It is taken for dead after a while in which nobody hears of it.
    server.sql("UPDATE reencryption SET worker_until = worker_until - 60")


def _lying(server):
    """Uploads and objects that an envelope begins."""
    found = 0
    for path in (server.data / "blobs").rglob("*-*-*"):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            found += file.read(6) == b"RGENV1"
    return found
