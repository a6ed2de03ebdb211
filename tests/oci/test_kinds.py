"""Every kind of content, in both algorithms: pushed, found, pulled byte for byte, listed, and deleted."""

from typing import Any

import pytest

from tests.oci.kinds import KINDS, OCI_INDEX, Kind, push
from tests.support.server import Registry


class Stored:
    """A kind that has been pushed into a repository of its own."""

    def __init__(self, registry: Registry, repository: str, kind: Kind) -> None:
        self.kind = kind
        self.repository = repository
        push(registry, repository, kind)

    @property
    def tags(self) -> list[str]:
        return sorted(manifest.tag for manifest in self.kind.manifests if manifest.tag)


@pytest.fixture(
    scope="module",
    params=[(name, algorithm) for algorithm in ("sha256", "sha512") for name in KINDS],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def stored(request, registry: Registry, ecr: Any) -> Stored:
    name, algorithm = request.param
    repository = f"kinds/{name}-{algorithm}"
    ecr.create_repository(repositoryName=repository)
    return Stored(registry, repository, Kind(name, algorithm, repository))


def test_a_manifest_is_pulled_by_digest_byte_for_byte(stored, registry):
    """
    The response body MUST be the exact byte content … with the Content-Type under which it was pushed.

    distribution-spec 1.1, "Pulling manifests".
    """
    for manifest in stored.kind.manifests:
        got = registry("GET", f"/v2/{stored.repository}/manifests/{manifest.digest}")

        assert (got.status, got.headers["Content-Type"]) == (200, manifest.media_type)
        assert got.data == manifest.content
        assert got.headers["Content-Length"] == str(len(manifest.content))
        assert got.headers["Docker-Content-Digest"] == manifest.digest


def test_a_manifest_is_pulled_by_tag_byte_for_byte(stored, registry):
    """<reference> MUST be either the digest of the manifest or a tag. distribution-spec 1.1, "Pulling manifests"."""
    for manifest in stored.kind.manifests:
        if manifest.tag:
            got = registry("GET", f"/v2/{stored.repository}/manifests/{manifest.tag}")

            assert (got.status, got.headers["Content-Type"]) == (200, manifest.media_type)
            assert got.data == manifest.content
            assert got.headers["Docker-Content-Digest"] == manifest.digest


def test_head_of_a_manifest_says_what_get_would_without_a_body(stored, registry):
    """
    A HEAD request to an existing manifest MUST return 200 OK … with the size of the manifest.

    distribution-spec 1.1, "Checking if content exists in the registry".
    """
    for manifest in stored.kind.manifests:
        for reference in filter(None, (manifest.digest, manifest.tag)):
            got = registry("HEAD", f"/v2/{stored.repository}/manifests/{reference}")

            assert (got.status, got.data) == (200, b"")
            assert got.headers["Content-Length"] == str(len(manifest.content))
            assert got.headers["Content-Type"] == manifest.media_type
            assert got.headers["Docker-Content-Digest"] == manifest.digest


def test_its_blobs_are_pulled_byte_for_byte(stored, registry):
    """
    A GET request to an existing blob URL MUST provide the expected blob.

    distribution-spec 1.1, "Pulling blobs".
    """
    for digest, content in stored.kind.blobs.items():
        head = registry("HEAD", f"/v2/{stored.repository}/blobs/{digest}")
        got = registry("GET", f"/v2/{stored.repository}/blobs/{digest}")

        assert (head.status, head.data, head.headers["Content-Length"]) == (200, b"", str(len(content)))
        assert (got.status, got.data) == (200, content)
        assert got.headers["Docker-Content-Digest"] == head.headers["Docker-Content-Digest"] == digest


def test_its_tags_are_listed(stored, registry):
    """The list of tags MAY be empty … if there are tags they MUST be in it. distribution-spec 1.1, "Listing Tags"."""
    got = registry("GET", f"/v2/{stored.repository}/tags/list")

    assert (got.status, got.json()) == (200, {"name": stored.repository, "tags": stored.tags})


def test_its_referrers_are_listed_with_type_and_annotations(stored, registry):
    """
    The descriptors MUST include an artifactType … and the annotations from the image manifest.

    distribution-spec 1.1, "Listing Referrers".
    """
    subjects = {manifest.subject for manifest in stored.kind.manifests} - {None}
    for subject in subjects | {manifest.digest for manifest in stored.kind.manifests}:
        expected = [
            {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content)}
            | ({"artifactType": manifest.artifact_type} if manifest.artifact_type else {})
            | ({"annotations": manifest.annotations} if manifest.annotations else {})
            for manifest in stored.kind.manifests
            if manifest.subject == subject
        ]

        got = registry("GET", f"/v2/{stored.repository}/referrers/{subject}")

        assert (got.status, got.headers["Content-Type"]) == (200, OCI_INDEX)
        assert got.json()["manifests"] == sorted(expected, key=lambda entry: entry["digest"])


def test_pushing_it_again_changes_nothing(stored, registry):
    """The registry MUST store the manifest in the exact byte representation. distribution-spec 1.1, "Pushing"."""
    push(registry, stored.repository, stored.kind)

    test_its_tags_are_listed(stored, registry)
    test_a_manifest_is_pulled_by_tag_byte_for_byte(stored, registry)


def test_tags_then_parents_then_children_then_blobs_are_deleted_each_at_once(stored, registry):
    """
    To delete a tag, a manifest, a blob … MUST return 202 Accepted; GET after it 404.

    distribution-spec 1.1, "Content Management".
    """
    repository = f"/v2/{stored.repository}"
    for number, tag in enumerate(stored.tags):
        assert registry("DELETE", f"{repository}/manifests/{tag}").status == 202
        assert registry("GET", f"{repository}/manifests/{tag}").status == 404
        assert registry("GET", f"{repository}/tags/list").json()["tags"] == stored.tags[number + 1 :]
    for manifest in reversed(stored.kind.manifests):
        assert registry("HEAD", f"{repository}/manifests/{manifest.digest}").status == 200
        assert registry("DELETE", f"{repository}/manifests/{manifest.digest}").status == 202
        assert registry("HEAD", f"{repository}/manifests/{manifest.digest}").status == 404
        assert registry("GET", f"{repository}/manifests/{manifest.digest}").status == 404
    for digest in stored.kind.blobs:
        assert registry("DELETE", f"{repository}/blobs/{digest}").status == 202
        assert registry("HEAD", f"{repository}/blobs/{digest}").status == 404
        assert registry("GET", f"{repository}/blobs/{digest}").status == 404
