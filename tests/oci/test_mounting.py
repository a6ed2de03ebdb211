"""Mounting blobs. Source: OCI distribution-spec 1.1, "Mounting a blob from another repository"."""

import pytest

from tests.oci.kinds import random_bytes
from tests.oci.wire import finish, refusal
from tests.support.server import digest_of


@pytest.fixture(params=[100, 40_000], ids=["a row", "a file"])
def content(request, repository, algorithm) -> bytes:
    return random_bytes(f"{repository} {algorithm}", request.param)


@pytest.fixture
def digest(content, algorithm) -> str:
    return digest_of(content, algorithm)


@pytest.fixture
def source(registry, ecr, repository, content, algorithm) -> str:
    """Another repository that has the blob."""
    name = f"{repository}/source"
    ecr.create_repository(repositoryName=name)
    registry.push_blob(name, content, algorithm)
    return name


def _mount(registry, repository, digest, *, source=None):
    origin = f"&from={source}" if source else ""
    return registry("POST", f"/v2/{repository}/blobs/uploads/?mount={digest}{origin}")


def test_a_blob_of_another_repository_is_mounted(registry, repository, source, digest, content):
    """
    The response to a successful mount MUST be 201 Created, and MUST contain Location: <blob-location>.

    The registry MUST then serve it.
    """
    mounted = _mount(registry, repository, digest, source=source)

    assert (mounted.status, mounted.headers["Location"]) == (201, f"/v2/{repository}/blobs/{digest}")
    assert mounted.headers["Docker-Content-Digest"] == digest
    assert registry("GET", mounted.headers["Location"]).data == content


def test_the_source_may_be_written_with_its_slashes_encoded(registry, repository, source, digest):
    assert _mount(registry, repository, digest, source=source.replace("/", "%2F")).status == 201


def test_what_was_mounted_stays_when_the_source_is_deleted(registry, repository, source, digest, content):
    _mount(registry, repository, digest, source=source)

    assert registry("DELETE", f"/v2/{source}/blobs/{digest}").status == 202

    assert registry("GET", f"/v2/{repository}/blobs/{digest}").data == content


def test_a_mount_without_a_source_is_a_session(registry, repository, source, digest, content):
    """
    If the registry does not … mount, it MUST return 202, as it does for a request to push a blob.

    Ours looks nowhere else: "search … or do not search" (security-design 9, row 2).
    """
    begun = _mount(registry, repository, digest)

    assert begun.status == 202
    assert begun.headers["Location"].startswith(f"/v2/{repository}/blobs/uploads/")
    assert finish(registry, begun.headers["Location"], digest, content).status == 201


@pytest.mark.parametrize("origin", ["missing/repository", "Not A Name", "", "..", "%00", "x" * 400, "a/b?c", "*"])
def test_a_mount_from_nowhere_is_a_session(registry, repository, source, digest, origin):
    assert _mount(registry, repository, digest, source=origin).status == 202
    assert registry("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404


def test_a_blob_that_is_nowhere_is_not_mounted(registry, repository, source):
    """The registry must not answer 201 for a blob that it does not have."""
    assert _mount(registry, repository, digest_of(b"nowhere"), source=source).status == 202


@pytest.mark.parametrize("digest", ["sha256:baddigeststring", "", "latest", "sha256:" + "A" * 64])
def test_a_mount_of_what_is_no_digest_is_a_session(registry, repository, digest):
    assert _mount(registry, repository, digest, source=repository).status == 202


def test_a_mount_from_the_same_repository_is_one(registry, repository, content, digest, algorithm):
    registry.push_blob(repository, content, algorithm)

    assert _mount(registry, repository, digest, source=repository).status == 201


def test_a_mount_into_a_repository_that_is_not_there_is_refused(registry, source, digest):
    """NAME_UNKNOWN. "Error Codes"."""
    assert refusal(_mount(registry, "no/such/repository", digest, source=source))[:2] == (404, "NAME_UNKNOWN")
