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


def build(buildah, name, architecture="amd64"):
    """Build an image with a layer for each instruction; the cache would mistake one platform for the other."""
    options = ["--layers", "--no-cache", "--isolation=chroot", f"--arch={architecture}"]
    buildah("build", *options, f"--build-arg=PLATFORM={architecture}", "--tag", name, ".")


@pytest.fixture
def destination(place):
    return f"docker://{place}:1"


@pytest.fixture
def kept(registry, repository):
    """The registry's answer for a manifest."""

    def get(reference):
        answer = registry("GET", f"/v2/{repository}/manifests/{reference}")
        assert answer.status == 200, answer.data
        return answer

    return get


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("oci", "application/vnd.oci.image.manifest.v1+json"),
        ("v2s2", "application/vnd.docker.distribution.manifest.v2+json"),
    ],
)
def test_a_built_image_is_pushed_in_the_format_that_is_asked_for(buildah, destination, kept, kind, media_type):
    build(buildah, "built:1")

    buildah("push", "--tls-verify=false", f"--format={kind}", "built:1", destination)

    manifest = kept("1")
    assert manifest.headers["content-type"] == media_type
    assert len(manifest.json()["layers"]) >= 2


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("oci", "application/vnd.oci.image.index.v1+json"),
        ("v2s2", "application/vnd.docker.distribution.manifest.list.v2+json"),
    ],
)
def test_a_manifest_list_is_pushed_with_all_its_images(buildah, destination, kept, kind, media_type):
    name = f"list-{kind}:1"
    buildah("manifest", "create", name)
    for architecture in ("amd64", "arm64"):
        build(buildah, f"built-{architecture}:1", architecture)
        buildah("manifest", "add", name, f"built-{architecture}:1")

    buildah("manifest", "push", "--all", "--tls-verify=false", f"--format={kind}", name, destination)

    index = kept("1")
    assert index.headers["content-type"] == media_type
    children = index.json()["manifests"]
    assert [child["platform"]["architecture"] for child in children] == ["amd64", "arm64"]
    for child in children:
        assert len(kept(child["digest"]).json()["layers"]) >= 2


def test_what_was_built_is_a_base_for_the_next_build(buildah, store, place):
    name = f"{place}:base"
    build(buildah, name)
    buildah("push", "--tls-verify=false", name)
    buildah("rmi", "--force", name)
    (store.home / "Next").write_text(f"FROM {name}\nCOPY motd /etc/issue\n")

    buildah("build", "--layers", "--isolation=chroot", "--tls-verify=false", "-f", "Next", "-t", "next:1", ".")

    assert json.loads(buildah("inspect", "--type=image", "next:1"))["OCIv1"]["config"]["Labels"]["platform"] == "amd64"
