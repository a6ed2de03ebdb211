"""crane: the client of Google's library, which many tools are built on, and our oracle after a push."""

import tarfile

import pytest

from tests.clients.kit import Shell, as_root, with_hosts
from tests.support.clients import client


@pytest.fixture
def crane(shell, host, password):
    """crane, logged in; validate reads everything back and digests it."""
    program = client("crane")
    shell(program, "auth", "login", host, "-u", "AWS", "--password-stdin", given=password)
    return lambda *arguments: shell(program, *arguments).strip()


@pytest.fixture
def refused(shell, crane):
    return lambda *arguments: shell.refused(client("crane"), *arguments)


def test_an_image_that_is_pushed_is_whole_and_comes_back_the_same(crane, images, place, shell):
    pushed = crane("push", images.image, f"{place}:1")
    crane("validate", "--remote", f"{place}:1")
    crane("pull", "--format=oci", f"{place}:1", shell.home / "pulled")

    assert pushed == f"{place}@{images.digest}"
    assert crane("digest", f"{place}:1") == images.digest
    for blob in [images.digest, *images.layers]:
        place = f"blobs/{blob.replace(':', '/')}"
        assert (shell.home / "pulled" / place).read_bytes() == (images.image / place).read_bytes()


@pytest.fixture(params=["KMS", "KMS_DSSE"])
def keyed(server, place, request):
    """How references name a new repository under a customer's key; that key, and who rules it."""
    kms, host = server.aws("kms"), place.partition("/")[0]
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    name = f"keyed/{request.param.lower()}"
    server.aws("ecr").create_repository(
        repositoryName=name, encryptionConfiguration={"encryptionType": request.param, "kmsKey": key}
    )
    return f"{host}/{name}", kms, key


def test_an_image_under_a_customers_key_is_whole_until_that_is_switched_off(crane, refused, images, keyed):
    place, kms, key = keyed

    crane("push", images.image, f"{place}:1")
    crane("validate", "--remote", f"{place}:1")
    kms.disable_key(KeyId=key)
    pulling, pushing = refused("manifest", f"{place}:1"), refused("push", images.image, f"{place}:2")
    kms.enable_key(KeyId=key)

    assert "is disabled." in pulling
    assert "403 Forbidden" in pushing  # a HEAD, whose answer says no more
    assert crane("digest", f"{place}:1") == images.digest


def test_an_index_is_pushed_with_its_children(crane, images, place):
    crane("push", images.index, f"{place}:1")

    crane("validate", "--remote", f"{place}:1")
    for child in images.children:
        crane("validate", "--remote", f"{place}@{child}")
    arm64 = crane("digest", "--platform=linux/arm64", f"{place}:1")
    assert arm64 == images.children[1]


def test_copies_are_listed_in_both_repositories(crane, images, host, place, other_place):
    crane("push", images.image, f"{place}:1")

    crane("copy", f"{place}:1", f"{other_place}:2")
    crane("tag", f"{other_place}:2", "3")

    crane("validate", "--remote", f"{other_place}:3")
    assert crane("ls", other_place).split() == ["2", "3"]
    assert crane("ls", place).split() == ["1"]
    assert {place, other_place} <= {f"{host}/{name}" for name in crane("catalog", host).split()}


def test_an_appended_layer_makes_a_new_image(crane, images, place, tmp_path):
    with tarfile.open(tmp_path / "new.tar", "w") as layer:
        layer.add(__file__, "srv/new")
    crane("push", images.image, f"{place}:1")

    crane("append", "-b", f"{place}:1", "-f", tmp_path / "new.tar", "-t", f"{place}:2")

    crane("validate", "--fast", "--remote", f"{place}:2")
    assert crane("digest", f"{place}:2") != images.digest


def test_what_is_deleted_is_gone(crane, refused, images, place):
    crane("push", images.image, f"{place}:1")

    crane("delete", f"{place}@{images.digest}")

    assert "MANIFEST_UNKNOWN: Requested image not found" in refused("manifest", f"{place}@{images.digest}")
    assert crane("ls", place) == ""


def test_a_missing_repository_is_named(refused, images, host):
    said = refused("push", images.image, f"{host}/test/not-there:1")

    assert "NAME_UNKNOWN: The repository with name 'test/not-there' does not exist in the registry with id" in said


def test_another_account_has_a_name_of_its_own(server, images, tmp_path):
    """Resolvers differ in what they make of names below localhost, so these stand in a file of hosts."""
    as_root()
    account, region = "210987654321", "us-east-1"
    said = server.command("account", "create", "--id", account).stdout
    _, key_id, secret = (line.split()[-1] for line in said.splitlines())
    key = key_id, secret
    uri = server.aws("ecr", key=key).create_repository(repositoryName="theirs")["repository"]["repositoryUri"]
    host = uri.partition("/")[0]
    (tmp_path / "hosts").write_text(f"127.0.0.1 {host.partition(':')[0]}\n")
    shell, crane = Shell(tmp_path / "home", prefix=with_hosts(tmp_path / "hosts")), client("crane")

    shell(crane, "auth", "login", host, "-u", "AWS", "--password-stdin", given=server.password(key=key))
    shell(crane, "push", images.image, f"{uri}:1")

    shell(crane, "validate", "--remote", f"{uri}:1")
    assert host == f"{account}.dkr.ecr.{region}.localhost:{server.port}"
    assert "theirs" not in server.registry()("GET", "/v2/_catalog").json()["repositories"]
