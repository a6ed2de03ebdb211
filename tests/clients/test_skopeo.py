"""skopeo: copies between layouts and registries, as the reference library of podman and buildah does it."""

import json

import pytest

from tests.support.clients import client

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def skopeo(shell, host, password):
    """skopeo, logged in."""
    program = client("skopeo")
    shell.environment["REGISTRY_AUTH_FILE"] = str(shell.home / "auth.json")
    login = ["login", "--tls-verify=false", "--username", "AWS", "--password-stdin", host]
    assert "Login Succeeded" in shell(program, *login, given=password)
    return lambda *arguments: shell(program, *arguments).strip()


def test_an_image_is_copied_in_and_out_without_a_change(skopeo, images, host, repository, shell):
    place = f"docker://{host}/{repository}:1"
    skopeo("copy", "--dest-tls-verify=false", f"oci:{images.image}:1", place)
    skopeo("copy", "--src-tls-verify=false", place, f"oci:{shell.home}/out:1")

    seen = json.loads(skopeo("inspect", "--tls-verify=false", place))
    assert (seen["Digest"], seen["Architecture"]) == (images.digest, "amd64")
    assert seen["Layers"] == list(images.layers)
    for blob in [images.digest, *images.layers]:
        inside = f"blobs/{blob.replace(':', '/')}"
        assert (shell.home / "out" / inside).read_bytes() == (images.image / inside).read_bytes()


def test_all_of_an_index_is_copied(skopeo, images, host, repository, shell):
    place = f"docker://{host}/{repository}:1"
    skopeo("copy", "--all", "--dest-tls-verify=false", f"oci:{images.index}:1", place)
    skopeo("copy", "--all", "--src-tls-verify=false", place, f"dir:{shell.home}/out")

    raw = json.loads(skopeo("inspect", "--raw", "--tls-verify=false", place))
    assert [child["digest"] for child in raw["manifests"]] == list(images.children)
    written = {path.name for path in (shell.home / "out").iterdir()}
    assert {f"{child.removeprefix('sha256:')}.manifest.json" for child in images.children} <= written


def test_an_image_becomes_one_of_dockers_schema(skopeo, images, host, repository):
    place = f"docker://{host}/{repository}:docker"
    skopeo("copy", "--format=v2s2", "--dest-tls-verify=false", f"oci:{images.image}:1", place)

    raw = json.loads(skopeo("inspect", "--raw", "--tls-verify=false", place))
    assert raw["mediaType"] == DOCKER


def test_copies_from_repository_to_repository_share_layers(skopeo, images, host, repository, server):
    other = f"{repository}/copy"
    server.aws("ecr").create_repository(repositoryName=other)
    skopeo("copy", "--dest-tls-verify=false", f"oci:{images.image}:1", f"docker://{host}/{repository}:1")

    both = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    skopeo("copy", *both, f"docker://{host}/{repository}:1", f"docker://{host}/{other}:2")

    listed = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{host}/{other}"))
    assert listed == {"Repository": f"{host}/{other}", "Tags": ["2"]}


def test_skopeo_deletes_an_image_by_its_tag(skopeo, images, host, repository, shell, server):
    place = f"docker://{host}/{repository}:1"
    skopeo("copy", "--dest-tls-verify=false", f"oci:{images.image}:1", place)

    skopeo("delete", "--tls-verify=false", place)

    assert "Requested image not found" in shell.refused(client("skopeo"), "inspect", "--tls-verify=false", place)
    assert server.aws("ecr").list_images(repositoryName=repository)["imageIds"] == []


def test_without_a_login_nothing_is_pushed(images, host, repository, shell):
    place = f"docker://{host}/{repository}:1"

    said = shell.refused(client("skopeo"), "copy", "--dest-tls-verify=false", f"oci:{images.image}:1", place)

    assert "authentication required" in said
