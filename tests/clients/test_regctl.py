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
def image(regctl, images, host, repository):
    """The index, pushed; its reference."""
    regctl("image", "copy", f"ocidir://{images.index}:1", f"{host}/{repository}:1")
    return f"{host}/{repository}:1"


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


def test_a_copy_takes_its_referrers_along(regctl, image, server, host, repository):
    other = f"{repository}/copy"
    server.aws("ecr").create_repository(repositoryName=other)
    regctl("artifact", "put", "--artifact-type", SBOM, "--subject", image, given="{}")

    regctl("image", "copy", "--referrers", image, f"{host}/{other}:1")

    listed = json.loads(regctl("artifact", "list", f"{host}/{other}:1", "--format=body"))
    assert [entry["artifactType"] for entry in listed["manifests"]] == [SBOM]


def test_an_artifact_without_subject_has_a_tag_of_its_own(regctl, host, repository):
    regctl("artifact", "put", "--artifact-type=text/x-note", f"{host}/{repository}:note", given="a note")

    assert regctl("artifact", "get", f"{host}/{repository}:note") == "a note"
    assert regctl("tag", "ls", f"{host}/{repository}") == "note"


def test_a_tag_is_deleted_and_the_image_stays(regctl, image, images, host, repository):
    regctl("image", "copy", image, f"{host}/{repository}:2")

    regctl("tag", "rm", f"{host}/{repository}:2")

    assert regctl("tag", "ls", f"{host}/{repository}") == "1"
    assert regctl("manifest", "head", f"{host}/{repository}@{images.index_digest}") == images.index_digest


def test_a_manifest_is_deleted_with_its_tags(regctl, image, images, host, repository):
    regctl("manifest", "rm", f"{host}/{repository}@{images.index_digest}")

    assert regctl("tag", "ls", f"{host}/{repository}") == ""


def test_images_by_sha512_keep_their_digests_when_they_are_tagged(regctl, image, host, repository, shell):
    regctl("image", "mod", image, "--digest-algo=sha512", "--create", f"{host}/{repository}:sha512")

    regctl("image", "copy", f"{host}/{repository}:sha512", f"ocidir://{shell.home}/out:1")

    digest = regctl("image", "digest", f"{host}/{repository}:sha512")
    manifest = json.loads(
        regctl("manifest", "get", "--platform=linux/amd64", f"{host}/{repository}:sha512", "--format=body")
    )
    assert {layer["digest"].partition(":")[0] for layer in manifest["layers"]} == {"sha512"}
    assert len(digest.removeprefix("sha512:")) == 128


def test_blobs_are_put_read_and_deleted(regctl, host, repository):
    digest = regctl("blob", "put", f"{host}/{repository}", given="some bytes")

    assert regctl("blob", "get", f"{host}/{repository}", digest) == "some bytes"
    regctl("blob", "rm", f"{host}/{repository}", digest)
    with pytest.raises(AssertionError, match="not found"):
        regctl("blob", "get", f"{host}/{repository}", digest)


def test_repositories_are_listed(regctl, host, repository):
    assert repository in regctl("repo", "ls", host).split()
