"""skopeo: copies between layouts and registries, as the reference library of podman and buildah does it."""

import json

import pytest

from tests.support.clients import client

# Root's engines share a memory of which layers are the same when unpacked, and skopeo would take another's layer
# that is at the registry already for the one that it was told to copy.
AS_IT_IS = "--preserve-digests"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def skopeo(shell, host, password):
    """skopeo, logged in."""
    program = client("skopeo")
    shell.environment["REGISTRY_AUTH_FILE"] = str(shell.home / "auth.json")
    login = ["login", "--tls-verify=false", "--username", "AWS", "--password-stdin", host]
    assert "Login Succeeded" in shell(program, *login, given=password)
    return lambda *arguments: shell(program, *arguments).strip()


def test_an_image_is_copied_in_and_out_without_a_change(skopeo, images, place, shell):
    image = f"docker://{place}:1"
    skopeo("copy", AS_IT_IS, "--dest-tls-verify=false", f"oci:{images.image}:1", image)
    skopeo("copy", AS_IT_IS, "--src-tls-verify=false", image, f"oci:{shell.home}/out:1")

    seen = json.loads(skopeo("inspect", "--tls-verify=false", image))
    assert (seen["Digest"], seen["Architecture"]) == (images.digest, "amd64")
    assert seen["Layers"] == list(images.layers)
    for blob in [images.digest, *images.layers]:
        inside = f"blobs/{blob.replace(':', '/')}"
        assert (shell.home / "out" / inside).read_bytes() == (images.image / inside).read_bytes()


def test_all_of_an_index_is_copied(skopeo, images, place, shell):
    image = f"docker://{place}:1"
    skopeo("copy", "--all", AS_IT_IS, "--dest-tls-verify=false", f"oci:{images.index}:1", image)
    skopeo("copy", "--all", AS_IT_IS, "--src-tls-verify=false", image, f"dir:{shell.home}/out")

    raw = json.loads(skopeo("inspect", "--raw", "--tls-verify=false", image))
    assert [child["digest"] for child in raw["manifests"]] == list(images.children)
    written = {path.name for path in (shell.home / "out").iterdir()}
    assert {f"{child.removeprefix('sha256:')}.manifest.json" for child in images.children} <= written


def test_an_image_becomes_one_of_dockers_schema(skopeo, images, place):
    image = f"docker://{place}:docker"
    skopeo("copy", "--format=v2s2", "--dest-tls-verify=false", f"oci:{images.image}:1", image)

    raw = json.loads(skopeo("inspect", "--raw", "--tls-verify=false", image))
    assert raw["mediaType"] == DOCKER


def test_copies_from_repository_to_repository_share_layers(skopeo, images, place, other_place):
    skopeo("copy", "--dest-tls-verify=false", f"oci:{images.image}:1", f"docker://{place}:1")

    both = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    skopeo("copy", *both, f"docker://{place}:1", f"docker://{other_place}:2")

    listed = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{other_place}"))
    assert listed == {"Repository": other_place, "Tags": ["2"]}


def test_skopeo_deletes_an_image_by_its_tag(skopeo, images, place, shell):
    image = f"docker://{place}:1"
    skopeo("copy", "--dest-tls-verify=false", f"oci:{images.image}:1", image)

    skopeo("delete", "--tls-verify=false", image)

    assert "Requested image not found" in shell.refused(client("skopeo"), "inspect", "--tls-verify=false", image)
    assert json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{place}"))["Tags"] == []


def test_without_a_login_nothing_is_pushed(images, place, shell):
    image = f"docker://{place}:1"

    said = shell.refused(client("skopeo"), "copy", "--dest-tls-verify=false", f"oci:{images.image}:1", image)

    assert "authentication required" in said
