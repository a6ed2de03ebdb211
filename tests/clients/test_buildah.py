"""buildah: images that are built here, in both formats, and manifest lists of several platforms."""

import json
import shutil

import pytest

from tests.clients.kit import Shell, as_root, short_folder
from tests.support.clients import client

CONTAINERFILE = """\
FROM scratch
ARG PLATFORM
COPY busybox /bin/busybox
COPY motd /etc/motd
LABEL platform=$PLATFORM
"""


@pytest.fixture(scope="module")
def store():
    """A shell for one buildah with a store of its own, and a folder with what it builds."""
    as_root()
    client("buildah")
    with short_folder() as folder:
        (folder / "Containerfile").write_text(CONTAINERFILE)
        (folder / "motd").write_text("hello from a layer\n")
        shutil.copy(client("busybox"), folder / "busybox")
        yield Shell(folder, REGISTRY_AUTH_FILE=str(folder / "auth.json"))


@pytest.fixture
def buildah(store, host, password):
    """buildah, logged in."""
    places = [f"--{name}={store.home / name}" for name in ("root", "runroot")]

    def run(*arguments, given=""):
        return store(client("buildah"), *places, "--storage-driver=vfs", *arguments, given=given).strip()

    run("login", "--tls-verify=false", "--username", "AWS", "--password-stdin", host, given=password)
    return run


def build(buildah, store, name, architecture="amd64"):
    """Build an image with a layer for each instruction; the cache would mistake one platform for the other."""
    options = [
        "--layers",
        "--no-cache",
        "--isolation=chroot",
        f"--arch={architecture}",
        f"--build-arg=PLATFORM={architecture}",
    ]
    buildah("build", *options, "--tag", name, store.home)


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("oci", "application/vnd.oci.image.manifest.v1+json"),
        ("v2s2", "application/vnd.docker.distribution.manifest.v2+json"),
    ],
)
def test_a_built_image_is_pushed_in_the_format_that_is_asked_for(
    buildah, store, host, repository, registry, kind, media_type
):
    build(buildah, store, "built:1")

    buildah("push", "--tls-verify=false", f"--format={kind}", "built:1", f"docker://{host}/{repository}:{kind}")

    kept = registry("GET", f"/v2/{repository}/manifests/{kind}")
    assert (kept.status, kept.headers["content-type"]) == (200, media_type)
    assert len(json.loads(kept.data)["layers"]) >= 2


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("oci", "application/vnd.oci.image.index.v1+json"),
        ("v2s2", "application/vnd.docker.distribution.manifest.list.v2+json"),
    ],
)
def test_a_manifest_list_is_pushed_with_all_its_images(buildah, store, host, repository, registry, kind, media_type):
    name = f"list-{kind}:1"
    buildah("manifest", "create", name)
    for architecture in ("amd64", "arm64"):
        build(buildah, store, f"built-{architecture}:1", architecture)
        buildah("manifest", "add", name, f"built-{architecture}:1")

    buildah(
        "manifest", "push", "--all", "--tls-verify=false", f"--format={kind}", name, f"docker://{host}/{repository}:1"
    )

    kept = registry("GET", f"/v2/{repository}/manifests/1")
    assert kept.headers["content-type"] == media_type
    children = json.loads(kept.data)["manifests"]
    assert [child["platform"]["architecture"] for child in children] == ["amd64", "arm64"]
    for child in children:
        assert registry("GET", f"/v2/{repository}/manifests/{child['digest']}").status == 200


def test_what_was_built_is_a_base_for_the_next_build(buildah, store, host, repository):
    name = f"{host}/{repository}:base"
    build(buildah, store, name)
    buildah("push", "--tls-verify=false", name)
    buildah("rmi", "--force", name)
    (store.home / "Next").write_text(f"FROM {name}\nCOPY motd /etc/issue\n")

    buildah("build", "--layers", "--isolation=chroot", "--tls-verify=false", "-f", "Next", "-t", "next:1", store.home)

    assert json.loads(buildah("inspect", "--type=image", "next:1"))["OCIv1"]["config"]["Labels"]["platform"] == "amd64"
