"""Deleting. Source: OCI distribution-spec 1.1, "Content Management"; decisions: "Deleting"."""

import json

import pytest

from tests.oci.kinds import OCI_INDEX, OCI_MANIFEST, random_bytes
from tests.oci.wire import refusal
from tests.support.server import descriptor, digest_of


@pytest.fixture
def image(registry, repository) -> str:
    """An image under two tags; its digest."""
    digest: str
    digest, text = registry.push_image(repository, "one", seed=repository.encode())
    assert registry.put_manifest(repository, "two", text).status == 201
    return digest


def _tags(registry, repository):
    return registry("GET", f"/v2/{repository}/tags/list").json()["tags"]


def test_deleting_a_tag_only_untags(registry, repository, image):
    """To delete a tag … DELETE /v2/<name>/manifests/<tag> … 202 Accepted. "Deleting tags"."""
    assert registry("DELETE", f"/v2/{repository}/manifests/one").status == 202

    assert _tags(registry, repository) == ["two"]
    assert refusal(registry("GET", f"/v2/{repository}/manifests/one"))[:2] == (404, "MANIFEST_UNKNOWN")
    assert registry("HEAD", f"/v2/{repository}/manifests/two").headers["Docker-Content-Digest"] == image


def test_the_image_stays_when_its_last_tag_goes(registry, repository, image):
    for tag in ("one", "two"):
        assert registry("DELETE", f"/v2/{repository}/manifests/{tag}").status == 202

    assert _tags(registry, repository) == []
    assert registry("HEAD", f"/v2/{repository}/manifests/{image}").status == 200


def test_deleting_a_manifest_takes_its_tags_along(registry, repository, image):
    """To delete a manifest … 202 Accepted … subsequent GET 404. "Deleting Manifests"."""
    assert registry("DELETE", f"/v2/{repository}/manifests/{image}").status == 202

    assert _tags(registry, repository) == []
    for reference in (image, "one", "two"):
        assert registry("GET", f"/v2/{repository}/manifests/{reference}").status == 404
        assert registry("DELETE", f"/v2/{repository}/manifests/{reference}").status == 404


def test_a_manifest_that_an_index_lists_stays_until_the_index_goes(registry, repository, image):
    """405 UNSUPPORTED with ECR's reason."""
    text = registry("GET", f"/v2/{repository}/manifests/{image}").data
    index = json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(text, OCI_MANIFEST)]}
    ).encode()
    assert registry.put_manifest(repository, "index", index, OCI_INDEX).status == 201

    assert refusal(registry("DELETE", f"/v2/{repository}/manifests/{image}")) == (
        405,
        "UNSUPPORTED",
        f"Requested image referenced by manifest list: [{digest_of(index)}]",
    )
    assert registry("DELETE", f"/v2/{repository}/manifests/{digest_of(index)}").status == 202
    assert registry("DELETE", f"/v2/{repository}/manifests/{image}").status == 202


def test_a_blob_that_a_manifest_names_stays(registry, repository, image):
    """405 UNSUPPORTED. "Deleting Blobs" lets a registry refuse."""
    layer = digest_of(b"layer " + repository.encode())

    assert refusal(registry("DELETE", f"/v2/{repository}/blobs/{layer}"))[:2] == (405, "UNSUPPORTED")
    assert registry("DELETE", f"/v2/{repository}/manifests/{image}").status == 202
    assert registry("DELETE", f"/v2/{repository}/blobs/{layer}").status == 202


@pytest.mark.parametrize("size", [100, 40_000], ids=["a row", "a file"])
def test_a_blob_goes_from_this_repository_and_from_no_other(registry, ecr, repository, algorithm, size):
    """202 Accepted … and it is gone at once. "Deleting Blobs"."""
    content = random_bytes(f"{repository}{algorithm}", size)
    other = f"{repository}/other"
    ecr.create_repository(repositoryName=other)
    digest = registry.push_blob(repository, content, algorithm)
    registry.push_blob(other, content, algorithm)

    assert registry("DELETE", f"/v2/{repository}/blobs/{digest}").status == 202

    assert registry("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404
    assert refusal(registry("DELETE", f"/v2/{repository}/blobs/{digest}"))[:2] == (404, "BLOB_UNKNOWN")
    assert registry("GET", f"/v2/{other}/blobs/{digest}").data == content
    registry.push_blob(repository, content, algorithm)
    assert registry("GET", f"/v2/{repository}/blobs/{digest}").data == content


@pytest.mark.parametrize("path", ["manifests/latest", f"manifests/{digest_of(b'')}", f"blobs/{digest_of(b'')}"])
def test_in_a_repository_that_is_not_there_nothing_can_be_deleted(registry, path):
    assert refusal(registry("DELETE", f"/v2/no/such/repository/{path}"))[:2] == (404, "NAME_UNKNOWN")


def test_what_was_deleted_can_be_pushed_again(registry, repository, image):
    text = registry("GET", f"/v2/{repository}/manifests/{image}").data
    registry("DELETE", f"/v2/{repository}/manifests/{image}")

    assert registry.put_manifest(repository, "again", text).status == 201
    assert registry("GET", f"/v2/{repository}/manifests/{image}").data == text
