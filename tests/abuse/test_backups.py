"""Cases 65 and 73: what a backup must not have in it, and whom a restored one must not let in again."""

import base64
import json

import boto3
import pytest
import urllib3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.oci.principals import new_user
from tests.support.backups import backup, beside, content, give_keys, keys_of, push
from tests.support.server import Registry, Server, digest_of


class Past:
    """A registry with users who are sent away after its first backup, and what they held by then."""

    def __init__(self, folder):
        self.backups = folder / "backups"
        self.server = Server(folder / "data").start()
        self.server.aws("ecr").create_repository(repositoryName="app")
        push(self.server.registry(), "app", "v1")
        self.keys = {name: new_user(self.server, name) for name in ("leaver", "suspect", "stayer")}
        self.password = self.server.password(key=self.keys["stayer"])
        self.session = self.server.aws("sts", key=self.keys["stayer"]).get_session_token()["Credentials"]
        layer = digest_of(content("v1"))
        ecr = self.server.aws("ecr", key=self.keys["stayer"])
        self.download = ecr.get_download_url_for_layer(repositoryName="app", layerDigest=layer)["downloadUrl"]
        self.presigned = presigned(self.server, self.keys["stayer"])
        self.first = backup(self.server, self.backups)["name"]
        self.server.command("user", "delete", "leaver")
        self.server.command("key", "deactivate", self.keys["suspect"][0])

    def answers(self, server):
        """What each of these gets at *server*, which is at the same address."""
        session = boto3.client(
            "ecr",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=self.session["AccessKeyId"],
            aws_secret_access_key=self.session["SecretAccessKey"],
            aws_session_token=self.session["SessionToken"],
        )
        try:
            by_session = session.describe_repositories()["repositories"][0]["repositoryName"]
        except session.exceptions.ClientError as refusal:
            by_session = refusal.response["Error"]["Code"]
        return (
            Registry(server.url, self.password)("GET", "/v2/").status,
            by_session,
            urllib3.request("GET", self.download, retries=False).status,
            urllib3.request("GET", self.presigned, retries=False).status,
        )


def presigned(server, key):
    """An address that tells who has signed it, for ten minutes."""
    request = AWSRequest("GET", f"{server.url}/?Action=GetCallerIdentity&Version=2011-06-15")
    SigV4QueryAuth(Credentials(*key), "sts", "us-east-1", expires=600).add_auth(request)
    return request.prepare().url


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    past = Past(tmp_path_factory.mktemp("past"))
    try:
        yield past
    finally:
        past.server.__exit__(None, None, None)


@pytest.fixture(scope="module")
def restored(past):
    """The registry of the first backup, at the address of the lost one."""
    assert past.answers(past.server) == (200, "app", 200, 200)
    past.server.stop()
    restored = beside(past.server, "restored")
    restored.port = past.server.port
    lost = past.server.settings.get("ENTREPOT_DATABASE", f"sqlite:{past.server.place}")
    past.said = restored.command("restore", "--from", str(past.backups), "--at", past.first, "--lost", lost).stdout
    give_keys(past.server, restored)
    with restored:
        yield restored


def test_abuse_73_what_was_issued_before_the_restore_is_void(past, restored):
    """A login, a session, a signed address of a layer and one of the API; access keys are as they were."""
    assert past.answers(restored) == (401, "UnrecognizedClientException", 403, 403)
    assert restored.registry(key=past.keys["stayer"])("GET", "/v2/app/manifests/v1").status == 200
    assert urllib3.request("GET", presigned(restored, past.keys["stayer"]), retries=False).status == 200


def test_abuse_73_keys_that_were_taken_away_since_are_listed(past, restored):
    assert restored.data.exists()
    listed = [line.strip() for line in past.said.splitlines() if line.startswith("  ")]

    assert sorted(listed) == sorted(
        [
            f"access key {past.keys['leaver'][0]} of leaver of account 123456789012",
            f"access key {past.keys['suspect'][0]} of suspect of account 123456789012",
            "user leaver of account 123456789012",
            "policy arn:aws:iam::aws:policy/AdministratorAccess of leaver of account 123456789012",
        ]
    )


def test_abuse_73_a_later_backup_tells_too_and_what_nobody_can_know_is_said(past, restored):
    """Without the lost database, what came after the last backup is not known; and that is said."""
    later = backup(restored, past.backups)["name"]
    again = beside(past.server, "again")

    said = again.command("restore", "--from", str(past.backups), "--at", past.first).stdout

    assert later > past.first
    assert "is back too, and not known here" in said
    assert "is back too" not in past.said


def test_abuse_65_no_key_and_no_secret_is_in_a_backup(past):
    """Nor plain text of a blob, neither of a large one nor of one in a row."""
    root_key = (keys_of(past.server.data) / "root.key").read_bytes()
    secrets = [
        root_key,
        root_key.hex().encode(),
        base64.b64encode(root_key),
        content("v1")[:64],
        content("v1/small", 100),
    ]
    secrets += [key[1].encode() for key in (*past.keys.values(), past.server.root_key())]
    files = [path for path in past.backups.rglob("*") if path.is_file()]

    assert len(files) >= 4
    for path in files:
        held = path.read_bytes()
        assert [secret for secret in secrets if secret in held] == [], path
        assert path.stat().st_mode & 0o077 == 0, path
    assert past.backups.stat().st_mode & 0o077 == 0


def test_abuse_65_without_the_root_key_a_restored_registry_is_of_no_use(past):
    bare = beside(past.server, "bare")
    said = bare.command("restore", "--from", str(past.backups)).stdout

    with pytest.raises(RuntimeError, match=r"no root key in .*/bare\.keys/root\.key, and this data was made with one"):
        bare.start()
    assert f"the server needs the keys of that registry in {keys_of(bare.data)}" in said
    assert json.loads((past.backups / past.first / "backup.json").read_text())["damage"] == []
