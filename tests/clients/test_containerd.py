"""containerd, by its own client ctr, over plain http."""

import tarfile

import pytest

from tests.support.clients import client


@pytest.fixture
def ctr(containerd):
    """The client, at a containerd of its own."""
    return lambda *arguments: containerd(client("ctr"), *arguments).strip()


@pytest.fixture
def imported(ctr, images, place, tmp_path):
    """The name of an image of the engine's, as it will be called at the registry."""
    with tarfile.open(tmp_path / "index.tar", "w") as archive:
        archive.add(images.index, arcname=".")
    ctr("images", "import", "--no-unpack", "--all-platforms", "--base-name", place, tmp_path / "index.tar")
    return f"{place}:1"


def test_an_index_is_pushed_and_pulled_with_all_its_platforms(ctr, imported, images, password):
    login = ["--plain-http", "--user", f"AWS:{password}"]
    ctr("images", "push", *login, imported)
    ctr("images", "rm", "--sync", imported)
    assert imported not in ctr("images", "ls", "-q")

    ctr("images", "pull", *login, "--all-platforms", "--snapshotter=native", imported)

    listed = next(line for line in ctr("images", "ls").splitlines() if line.startswith(imported))
    assert images.index_digest in listed
    assert "linux/amd64,linux/arm64" in listed
    kept = ctr("content", "ls", "-q").split()
    assert {images.index_digest, *images.children, *images.layers} <= set(kept)


def test_what_is_pulled_runs(ctr, imported, password):
    login = ["--plain-http", "--user", f"AWS:{password}"]
    ctr("images", "push", *login, imported)
    ctr("images", "rm", "--sync", imported)
    ctr("images", "pull", *login, "--snapshotter=native", imported)

    said = ctr("run", "--rm", "--snapshotter=native", imported, "it-runs")

    assert said == "hello from a layer"


def test_a_pull_by_digest_needs_no_tag(ctr, imported, images, place, password):
    login = ["--plain-http", "--user", f"AWS:{password}"]
    ctr("images", "push", *login, imported)

    ctr("content", "fetch", *login, f"{place}@{images.children[1]}")

    assert f"{place}@{images.children[1]}" in ctr("images", "ls", "-q")
