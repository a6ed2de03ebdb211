"""regctl: the most thorough of the clients in what OCI 1.1 brought, referrers and other digests among it."""

import json

import pytest

from tests.support.clients import client

SBOM = "application/spdx+json"


@pytest.fixture
def regctl(shell, host, password):
    """regctl, logged in."""
    program = client("regctl")
    shell.environment["REGCTL_CONFIG"] = str(shell.home / "regctl.json")
    shell(program, "registry", "set", host, "--tls=disabled", "--skip-check")
    shell(program, "registry", "login", host, "--user=AWS", "--pass-stdin", given=password)
    return lambda *arguments, given="": shell(program, *arguments, given=given).strip()


@pytest.fixture
def image(regctl, images, place):
    """The index, pushed; its reference."""
    regctl("image", "copy", f"ocidir://{images.index}:1", f"{place}:1")
    return f"{place}:1"


def test_an_index_is_copied_in_and_out(regctl, image, images, shell):
    regctl("image", "copy", image, f"ocidir://{shell.home}/out:1")

    assert regctl("image", "digest", image) == images.index_digest
    assert regctl("image", "digest", f"ocidir://{shell.home}/out:1") == images.index_digest
    assert regctl("image", "digest", "--platform=linux/arm64", image) == images.children[1]
    assert "linux/arm64" in regctl(
        "image", "inspect", "--platform=linux/arm64", image, "--format={{.OS}}/{{.Architecture}}"
    )


def test_artifacts_are_listed_by_their_subject_and_type(regctl, image):
    regctl("artifact", "put", "--artifact-type", SBOM, "--subject", image, given='{"spdxVersion":"SPDX-2.3"}')
    regctl("artifact", "put", "--artifact-type=text/x-note", "--subject", image, "--annotation=by=us", given="a note")

    listed = json.loads(regctl("artifact", "list", image, "--format=body"))
    notes = json.loads(regctl("artifact", "list", image, "--filter-artifact-type=text/x-note", "--format=body"))

    assert {entry["artifactType"] for entry in listed["manifests"]} == {SBOM, "text/x-note"}
    assert [entry["annotations"]["by"] for entry in notes["manifests"]] == ["us"]
    assert SBOM in regctl("artifact", "tree", image)
    assert regctl("artifact", "get", "--subject", image, "--filter-artifact-type", SBOM) == '{"spdxVersion":"SPDX-2.3"}'


def test_a_copy_takes_its_referrers_along(regctl, image, other_place):
    regctl("artifact", "put", "--artifact-type", SBOM, "--subject", image, given="{}")

    regctl("image", "copy", "--referrers", image, f"{other_place}:1")

    listed = json.loads(regctl("artifact", "list", f"{other_place}:1", "--format=body"))
    assert [entry["artifactType"] for entry in listed["manifests"]] == [SBOM]


def test_an_artifact_without_subject_has_a_tag_of_its_own(regctl, place):
    regctl("artifact", "put", "--artifact-type=text/x-note", f"{place}:note", given="a note")

    assert regctl("artifact", "get", f"{place}:note") == "a note"
    assert regctl("tag", "ls", place) == "note"


def test_a_tag_is_deleted_and_the_image_stays(regctl, image, images, place):
    regctl("image", "copy", image, f"{place}:2")

    regctl("tag", "rm", f"{place}:2")

    assert regctl("tag", "ls", place) == "1"
    assert regctl("manifest", "head", f"{place}@{images.index_digest}") == images.index_digest


def test_a_manifest_is_deleted_with_its_tags(regctl, image, images, place):
    regctl("manifest", "rm", f"{place}@{images.index_digest}")

    assert regctl("tag", "ls", place) == ""


def test_images_by_sha512_keep_their_digests_when_they_are_tagged(regctl, image, place, shell):
    regctl("image", "mod", image, "--digest-algo=sha512", "--create", f"{place}:sha512")

    regctl("image", "copy", f"{place}:sha512", f"ocidir://{shell.home}/out:1")

    digest = regctl("image", "digest", f"{place}:sha512")
    manifest = json.loads(regctl("manifest", "get", "--platform=linux/amd64", f"{place}:sha512", "--format=body"))
    assert {layer["digest"].partition(":")[0] for layer in manifest["layers"]} == {"sha512"}
    assert len(digest.removeprefix("sha512:")) == 128


def test_blobs_are_put_read_and_deleted(regctl, place):
    digest = regctl("blob", "put", place, given="some bytes")

    assert regctl("blob", "get", place, digest) == "some bytes"
    regctl("blob", "rm", place, digest)
    with pytest.raises(AssertionError, match="not found"):
        regctl("blob", "get", place, digest)


def test_repositories_are_listed(regctl, host, repository):
    assert repository in regctl("repo", "ls", host).split()
