"""The commands beside ``serve``: on the folder of a server that is at work."""

import base64
import os
import re
import subprocess
from pathlib import Path

import botocore.exceptions
import pytest

from entrepot.settings import KINDS
from tests.support.server import ENTREPOT, Server


def _new_key(server, *arguments):
    shown = server.command("key", "create", *arguments).stdout
    match = re.fullmatch(r"access key id      (AKIA[A-Z2-7]{16})\nsecret access key  ([A-Za-z0-9+/]{40})\n", shown)
    assert match is not None
    return match[1], match[2]


def test_env_before_a_first_start_says_what_to_run(tmp_path):
    ended = Server(tmp_path / "data").command("env", check=False)

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        f"entrepot: No server has been started on {tmp_path}/data yet. "
        f"Start one, and come back: entrepot serve --data {tmp_path}/data\n"
    )
    assert not (tmp_path / "data").exists()


def test_env_gives_a_shell_what_aws_clients_need_and_takes_what_would_disturb(server):
    """Source: decisions.md, "entrepot env"."""
    script = f'eval "$({ENTREPOT} env --data {server.data})"; env'
    before = {"PATH": os.environ["PATH"], "AWS_SESSION_TOKEN": "old", "AWS_PROFILE": "other"}

    shown = subprocess.run(["sh", "-c", script], env=before, capture_output=True, text=True, check=True)

    variables = dict(line.split("=", 1) for line in shown.stdout.splitlines() if line.startswith("AWS_"))
    key = variables.pop("AWS_ACCESS_KEY_ID")
    secret = variables.pop("AWS_SECRET_ACCESS_KEY")
    assert re.fullmatch("AKIA[A-Z2-7]{16}", key)
    assert re.fullmatch("[A-Za-z0-9+/]{40}", secret)
    assert variables == {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_the_profile_serves_aws_clients_as_it_is(server):
    profile = Path(f"{server.data}.keys/credentials")

    assert profile.stat().st_mode & 0o777 == 0o600
    assert profile.read_text().startswith("[default]\naws_access_key_id = AKIA")


def test_an_account_made_while_the_server_works_can_be_used_at_once(server):
    shown = server.command("account", "create", "--name", "lab").stdout
    match = re.fullmatch(r"account            (\d{12})\naccess key id      (\S+)\nsecret access key  (\S+)\n", shown)
    assert match is not None

    identity = server.aws("sts", key=(match[2], match[3])).get_caller_identity()

    assert identity["Arn"] == f"arn:aws:iam::{match[1]}:root"
    assert f"{match[1]}  lab\n" in server.command("account", "list").stdout


def test_a_user_can_do_nothing_without_a_key_and_everything_in_its_account_with_one(server):
    made = server.command("user", "create", "ann", "--path", "/ci/").stdout

    key = _new_key(server, "--user", "ann")
    identity = server.aws("sts", key=key).get_caller_identity()
    server.aws("ecr", key=key).create_repository(repositoryName="of/ann")

    assert made == "arn:aws:iam::123456789012:user/ci/ann\n"
    assert identity["Arn"] == "arn:aws:iam::123456789012:user/ci/ann"
    assert "ann  arn:aws:iam::123456789012:user/ci/ann\n" in server.command("user", "list").stdout
    assert server.command("key", "list", "--user", "ann").stdout == f"{key[0]}  active\n"


def test_abuse_31_a_login_ends_with_its_key_and_with_its_user(server, repository):
    """Without waiting for its twelve hours: security-design §4.1."""
    server.command("user", "create", "bob")
    first, second = _new_key(server, "--user", "bob"), _new_key(server, "--user", "bob")
    by_first, by_second = server.registry(key=first), server.registry(key=second)
    digest, _ = by_first.push_image(repository, "1")

    def pulls(registry):
        manifest = registry("GET", f"/v2/{repository}/manifests/1").status
        by_digest = registry("HEAD", f"/v2/{repository}/manifests/{digest}").status
        return {manifest, by_digest, registry("GET", "/v2/").status}

    assert pulls(by_first) == {200}
    server.command("key", "deactivate", first[0])
    assert pulls(by_first) == {401}
    assert pulls(by_second) == {200}
    server.command("key", "activate", first[0])
    assert pulls(by_first) == {200}
    server.command("key", "delete", first[0])
    assert pulls(by_first) == {401}
    server.command("user", "delete", "bob")
    assert pulls(by_second) == {401}


def test_a_deactivated_key_signs_nothing(server):
    server.command("user", "create", "carl")
    key = _new_key(server, "--user", "carl")
    sts = server.aws("sts", key=key)
    sts.get_caller_identity()

    server.command("key", "deactivate", key[0])

    with pytest.raises(botocore.exceptions.ClientError) as refused:
        sts.get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"


@pytest.mark.parametrize(
    ("key_id", "secret"),
    [
        ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        ("test", "test"),
        ("admin", "password"),
    ],
)
def test_abuse_75_no_key_that_everybody_knows_opens_anything(server, key_id, secret):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        server.aws("sts", key=(key_id, secret)).get_caller_identity()

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("password", ["", "admin", "password", "test"])
def test_abuse_75_no_password_that_everybody_knows_opens_anything(server, password):
    assert server.registry()("GET", "/v2/", headers={"Authorization": "Basic " + _basic(password)}).status == 401


def _basic(password):
    return base64.b64encode(f"AWS:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["user", "delete", "nobody"], "The user with name nobody cannot be found."),
        (["user", "create", "a b"], "'a b' cannot be the name of a user"),
        (["user", "create", "x", "--account", "999999999999"], "The account with name 999999999999 cannot be found."),
        (["key", "delete", "AKIAAAAAAAAAAAAAAAAA"], "The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found."),
        (["key", "create", "--user", "nobody"], "The user with name nobody cannot be found."),
        (["account", "create", "--id", "1"], "'1' cannot be the id of an account: it must be twelve digits."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(server, arguments, words):
    ended = server.command(*arguments, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"entrepot: {words}")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", [["gc"], ["verify"], ["account", "list"], ["key", "create"]])
def test_a_folder_on_which_no_server_has_been_is_refused_and_not_made(tmp_path, command):
    ended = Server(tmp_path / "data").command(*command, check=False)

    assert ended.returncode == 1
    assert ended.stderr == f"entrepot: {tmp_path}/data is no data folder yet: start the server once\n"
    assert not (tmp_path / "data").exists()


def test_verify_reads_everything_and_gc_removes_what_nobody_needs(tmp_path):
    with Server(tmp_path / "data", inline_limit=10) as server:
        registry = server.registry()
        server.aws("ecr").create_repository(repositoryName="app")
        registry.push_image("app", "1")
        lost = registry.push_blob("app", b"nobody names these bytes")

        kept = server.command("gc").stdout
        whole = server.command("verify").stdout
        collected = server.command("gc", "--grace", "0").stdout

        assert "blobs 0" in kept
        assert "3 blobs and 1 manifests" in whole
        assert "no damage" in whole
        assert "blobs 1" in collected
        assert registry("HEAD", f"/v2/app/blobs/{lost}").status == 404
        assert registry("GET", "/v2/app/manifests/1").status == 200

        for file in (server.data / "blobs" / "objects").rglob("*-*"):
            if file.is_file():
                file.write_bytes(b"X" * file.stat().st_size)
        damaged = server.command("verify", check=False)

    assert damaged.returncode == 1
    assert re.search(
        r"^blob sha256:[0-9a-f]{64} .*\n2 blobs and 1 manifests, 473 bytes read: 1 damaged\n$", damaged.stdout
    )


def test_the_version_is_printed():
    shown = subprocess.run([ENTREPOT, "version"], capture_output=True, text=True, check=True)

    assert re.fullmatch(r"entrepot \d+\.\d+\.\d+\n", shown.stdout)


def test_help_of_serve_names_every_setting():
    shown = subprocess.run([ENTREPOT, "serve", "--help"], capture_output=True, text=True, check=True)

    assert all(f"--{name.replace('_', '-')}" in shown.stdout for name in KINDS)
