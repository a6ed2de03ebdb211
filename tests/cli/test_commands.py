"""The commands beside ``serve``: on the folder of a server that is at work."""

import base64
import json
import os
import re
import subprocess
import time
from pathlib import Path

import botocore.exceptions
import pytest

from entrepot.settings import KINDS
from tests.support.server import ENTREPOT, Server
from tests.support.web_identity import Issuer


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


def test_a_user_may_what_its_policies_allow_and_nothing_else(server):
    """By the name of a policy or its ARN, AWS's or the account's."""
    own = {"Effect": "Allow", "Action": "ecr:DeleteRepository", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [own]})
    arn = server.aws("iam").create_policy(PolicyName="Deleting", PolicyDocument=document)["Policy"]["Arn"]
    pulling = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
    server.aws("ecr").create_repository(repositoryName="of/ann")

    made = server.command("user", "create", "ann", "--path", "/ci/", "--policy", pulling, "--policy", "Deleting").stdout
    key = _new_key(server, "--user", "ann")
    ecr = server.aws("ecr", key=key)

    assert made == "arn:aws:iam::123456789012:user/ci/ann\n"
    assert "ann  arn:aws:iam::123456789012:user/ci/ann\n" in server.command("user", "list").stdout
    assert server.command("key", "list", "--user", "ann").stdout == f"{key[0]}  active\n"
    attached = server.aws("iam").list_attached_user_policies(UserName="ann")["AttachedPolicies"]
    assert {policy["PolicyArn"] for policy in attached} == {pulling, arn}
    assert ecr.describe_repositories(repositoryNames=["of/ann"])["repositories"]
    with pytest.raises(botocore.exceptions.ClientError, match="no identity-based policy allows"):
        ecr.create_repository(repositoryName="of/ann-too")
    ecr.delete_repository(repositoryName="of/ann")


def test_a_user_without_policies_may_only_ask_who_it_is(server):
    server.command("user", "create", "nora")
    key = _new_key(server, "--user", "nora")

    identity = server.aws("sts", key=key).get_caller_identity()
    with pytest.raises(botocore.exceptions.ClientError, match="no identity-based policy allows"):
        server.aws("ecr", key=key).get_authorization_token()

    assert identity["Arn"] == "arn:aws:iam::123456789012:user/nora"


def test_nobody_is_made_with_a_policy_that_is_not_there(server):
    server.command("user", "create", "otto", "--policy", "ReadOnlyAccess", "--policy", "Nothing", check=False)

    assert "otto" not in server.command("user", "list").stdout


def test_names_of_aws_policies_mean_nothing_else(server):
    """Who may make policies gives nobody more by one that has the name of another."""
    everything = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    )
    name = "AmazonEC2ContainerRegistryPullOnly"
    server.aws("iam").create_policy(PolicyName=name, PolicyDocument=everything)

    server.command("user", "create", "paul", "--policy", name)

    attached = server.aws("iam").list_attached_user_policies(UserName="paul")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [f"arn:aws:iam::aws:policy/{name}"]


def test_keys_of_a_provider_are_given_and_replaced(server, tmp_path):
    """Tokens count by the keys that were given last; without any they are fetched, which here cannot be done."""
    issuer, later = Issuer("https://localhost:9/ci"), Issuer("https://localhost:9/ci")
    iam, url = server.aws("iam"), issuer.url
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"])["OpenIDConnectProviderArn"]
    trust = {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="job", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    now = int(time.time())
    claims = {"iss": url, "sub": "job", "aud": "sts.amazonaws.com", "iat": now, "exp": now + 300}

    def takes(token):
        try:
            server.aws("sts").assume_role_with_web_identity(RoleArn=role, RoleSessionName="run", WebIdentityToken=token)
        except botocore.exceptions.ClientError as refused:
            return refused.response["Error"]["Code"]
        return "taken"

    for giver in (issuer, later):
        (tmp_path / "keys.json").write_text(giver.jwks)
        server.command("provider", "keys", url, str(tmp_path / "keys.json"))
        assert takes(giver.sign(claims)) == "taken"
    assert takes(issuer.sign(claims)) == "InvalidIdentityToken"
    server.command("provider", "keys", url)
    assert takes(later.sign(claims)) == "IDPCommunicationError"


def test_abuse_31_a_login_ends_with_its_key_and_with_its_user(server, repository):
    """Without waiting for its twelve hours: security-design §4.1."""
    server.command("user", "create", "bob", "--policy", "AmazonEC2ContainerRegistryPowerUser")
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
        (["user", "create", "a b"], "1 validation error detected: Value at 'userName' failed to satisfy constraint"),
        (["user", "list", "--account", "999999999999"], "The account with name 999999999999 cannot be found."),
        (["user", "create", "x", "--account", "999999999999"], "The account with name 999999999999 cannot be found."),
        (["key", "delete", "AKIAAAAAAAAAAAAAAAAA"], "The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found."),
        (["key", "create", "--user", "nobody"], "The user with name nobody cannot be found."),
        (
            ["user", "create", "y", "--policy", "None"],
            "Policy arn:aws:iam::123456789012:policy/None does not exist or is not attachable.",
        ),
        (
            ["provider", "keys", "https://none.example.org", os.devnull],
            "OpenIDConnect Provider not found for arn arn:aws:iam::123456789012:oidc-provider/none.example.org",
        ),
        (["quota", "999999999999", "1G"], "The account with name 999999999999 cannot be found."),
        (["account", "create", "--id", "1"], "'1' cannot be the id of an account: it must be twelve digits."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(server, arguments, words):
    ended = server.command(*arguments, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"entrepot: {words}")
    assert "Traceback" not in ended.stderr


def test_quotas_of_bytes_are_given_taken_and_shown(server):
    account = server.command("account", "create").stdout.split()[1]

    def give(*size):
        return server.command("quota", account, *size).stdout

    assert give() == f"{account}  0 of any number (default)\n"
    assert account not in server.command("quota").stdout
    assert give("10") == f"{account}  0 of 10\n"
    assert give("3K") == f"{account}  0 of {3 << 10}\n"
    assert give("2T") == f"{account}  0 of {2 << 40}\n"
    assert give("0") == f"{account}  0 of any number\n"
    assert server.command("quota").stdout == f"{account}  0 of any number\n"
    assert give("default", "--bytes-per-account", "7") == f"{account}  0 of 7 (default)\n"


@pytest.mark.parametrize("size", ["", "1X", "1.5G", "1" * 16])
def test_a_size_that_is_none_is_refused(server, size):
    ended = server.command("quota", "123456789012", size, check=False)

    assert ended.returncode == 2
    assert f"{size!r} is neither a number of bytes, as in 500G, nor 'default'" in ended.stderr


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
        r"^blob sha256:[0-9a-f]{64} .*\n2 blobs and 1 manifests, 421 bytes read: 1 damaged\n$", damaged.stdout
    )


def test_the_version_is_printed():
    shown = subprocess.run([ENTREPOT, "version"], capture_output=True, text=True, check=True)

    assert re.fullmatch(r"entrepot \d+\.\d+\.\d+\n", shown.stdout)


def test_help_of_serve_names_every_setting():
    shown = subprocess.run([ENTREPOT, "serve", "--help"], capture_output=True, text=True, check=True)

    assert all(f"--{name.replace('_', '-')}" in shown.stdout for name in KINDS)
