"""podman: login, push and pull by the engine without a daemon."""

import json

import pytest

from tests.clients.kit import Shell, as_root, short_folder
from tests.support.clients import client


@pytest.fixture(scope="module")
def store():
    """A shell for one podman with a store of its own."""
    as_root()
    client("podman")
    with short_folder() as folder:
        yield Shell(folder, REGISTRY_AUTH_FILE=str(folder / "auth.json"))


@pytest.fixture
def podman(store, host, password):
    """podman, logged in."""
    folders = ("root", "runroot", "tmpdir")
    places = [f"--{name}={store.home / name}" for name in folders]
    options = [*places, "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=none"]

    def run(*arguments, given=""):
        return store(client("podman"), *options, *arguments, given=given).strip()

    login = ["login", "--tls-verify=false", "--username", "AWS", "--password-stdin", host]
    assert run(*login, given=password) == "Login Succeeded!"
    return run


def test_what_is_pulled_is_what_was_pushed(podman, images, place):
    name = f"{place}:1"
    image = podman("pull", "--quiet", f"oci:{images.image}:1")
    podman("tag", image, name)
    podman("push", "--tls-verify=false", name)
    podman("rmi", "--force", image)

    pulled = podman("pull", "--quiet", "--tls-verify=false", name)

    assert pulled == image
    (seen,) = json.loads(podman("image", "inspect", name))
    assert seen["RootFS"]["Layers"]
    podman("rmi", "--force", image)


def test_the_platform_that_is_asked_for_is_pulled_from_a_manifest_list(podman, images, place):
    name = f"{place}:1"
    podman("manifest", "create", "both")
    podman("manifest", "add", "--all", "both", f"oci:{images.index}:1")
    podman("manifest", "push", "--all", "--tls-verify=false", "both", f"docker://{name}")
    podman("manifest", "rm", "both")

    image = podman("pull", "--quiet", "--tls-verify=false", "--platform=linux/arm64", name)

    (seen,) = json.loads(podman("image", "inspect", image))
    assert (seen["Architecture"], seen["Os"]) == ("arm64", "linux")
    podman("rmi", "--force", image)


def test_a_login_is_seen_and_ends(podman, store, images, place, host):
    assert podman("login", "--get-login", host) == "AWS"
    image = podman("pull", "--quiet", f"oci:{images.image}:1")

    podman("logout", host)

    with pytest.raises(AssertionError, match="authentication required"):
        podman("push", "--tls-verify=false", image, f"{place}:1")
