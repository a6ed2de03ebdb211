"""Pushing manifests. Source: OCI distribution-spec 1.1, "Pushing Manifests"; the texts of refusals are ECR's."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.oci.kinds import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.oci.wire import refusal
from tests.support.server import Registry, descriptor, digest_of, manifest

CONFIG, LAYER = b'{"architecture": "amd64", "os": "linux"}', b"layer"


@pytest.fixture
def stocked(registry: Registry, repository: str) -> str:
    """A repository that has the blobs of `tree`."""
    for content in (CONFIG, LAYER):
        registry.push_blob(repository, content)
    return repository


@pytest.fixture
def tree() -> dict[str, Any]:
    """A manifest that is good as it is."""
    return manifest(CONFIG, LAYER)


def _put(registry, repository, tree, reference="v1", media_type=OCI_MANIFEST):
    return registry.put_manifest(repository, reference, json.dumps(tree).encode(), media_type)


def test_a_manifest_is_created_under_a_tag(registry, stocked, tree):
    """Upon a successful upload, the registry MUST return 201 Created, and MUST have Location: <location>."""
    digest = digest_of(json.dumps(tree).encode())

    done = _put(registry, stocked, tree)

    assert (done.status, done.data) == (201, b"")
    assert done.headers["Location"] == f"/v2/{stocked}/manifests/{digest}"
    assert done.headers["Docker-Content-Digest"] == digest
    assert "OCI-Subject" not in done.headers
    assert registry("GET", done.headers["Location"]).data == json.dumps(tree).encode()


def test_a_manifest_is_created_under_its_digest(registry, stocked, tree, algorithm):
    """Docker-Content-Digest, if present, MUST be the digest of the manifest as the client named it."""
    digest = digest_of(json.dumps(tree).encode(), algorithm)

    done = _put(registry, stocked, tree, digest)

    assert (done.status, done.headers["Docker-Content-Digest"]) == (201, digest)
    assert registry("HEAD", f"/v2/{stocked}/manifests/{digest}").headers["Docker-Content-Digest"] == digest


def test_a_push_by_digest_may_bring_tags(registry, stocked, tree, algorithm):
    """
    PUT by digest with ?tag= parameters; each tag that was placed is named by OCI-Tag.

    Source: distribution-spec, dev, "Pushing Manifests".
    """
    digest = digest_of(json.dumps(tree).encode(), algorithm)

    done = _put(registry, stocked, tree, f"{digest}?tag=one&tag=two")

    assert done.status == 201
    assert done.headers.getlist("OCI-Tag") == ["one", "two"]
    for tag in ("one", "two"):
        assert registry("HEAD", f"/v2/{stocked}/manifests/{tag}").headers["Docker-Content-Digest"] == digest


def test_a_push_by_digest_with_what_is_no_tag_is_refused(registry, stocked, tree):
    digest = digest_of(json.dumps(tree).encode())

    assert refusal(_put(registry, stocked, tree, f"{digest}?tag=good&tag=not+good"))[:2] == (400, "TAG_INVALID")
    assert registry("HEAD", f"/v2/{stocked}/manifests/{digest}").status == 404


def test_a_push_by_tag_leaves_the_tag_parameter_alone(registry, stocked, tree):
    assert _put(registry, stocked, tree, "v1?tag=v2").status == 201
    assert registry("GET", f"/v2/{stocked}/tags/list").json()["tags"] == ["v1"]


def test_a_digest_that_the_content_does_not_have_is_refused(registry, stocked, tree, algorithm):
    """DIGEST_INVALID, 400. "Error Codes"; ECR's ImageDigestDoesNotMatch."""
    wrong = digest_of(b"something else", algorithm)
    right = digest_of(json.dumps(tree).encode(), algorithm)

    assert refusal(_put(registry, stocked, tree, wrong)) == (
        400,
        "DIGEST_INVALID",
        f"The image digest '{wrong}' does not match the digest '{right}' of the image manifest",
    )
    assert registry("HEAD", f"/v2/{stocked}/manifests/{right}").status == 404


@pytest.mark.parametrize(
    "digest", ["sha256:baddigeststring", "sha256:" + "A" * 64, "sha384:" + "0" * 96, "sha512:" + "0" * 64]
)
def test_a_digest_in_a_wrong_form_is_refused(registry, stocked, tree, digest):
    """An invalid digest gives 400, not 500. "Error Codes"."""
    assert refusal(_put(registry, stocked, tree, digest))[:2] == (400, "DIGEST_INVALID")
    assert refusal(registry("GET", f"/v2/{stocked}/manifests/{digest}"))[:2] == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("reference", ["no-such-tag", digest_of(b"no such digest"), digest_of(b"", "sha512")])
def test_a_manifest_that_is_not_there_is_unknown(registry, repository, reference):
    """404 Not Found, MANIFEST_UNKNOWN; the text is ECR's."""
    path = f"/v2/{repository}/manifests/{reference}"

    assert refusal(registry("GET", path)) == (404, "MANIFEST_UNKNOWN", "Requested image not found")
    assert refusal(registry("DELETE", path)) == (404, "MANIFEST_UNKNOWN", "Requested image not found")
    head = registry("HEAD", path)
    assert (head.status, head.data) == (404, b"")


def test_layers_that_are_not_here_are_named(registry, repository, tree):
    """MANIFEST_BLOB_UNKNOWN or, on ECR, BLOB_UPLOAD_UNKNOWN with its text."""
    registry.push_blob(repository, CONFIG)

    assert refusal(_put(registry, repository, tree)) == (
        400,
        "BLOB_UPLOAD_UNKNOWN",
        (
            f"Layers with digests '[{digest_of(LAYER)}]' required for pushing image into repository with name "
            f"'{repository}' in the registry with id '123456789012' do not exist"
        ),
    )


def test_children_that_are_not_here_are_named(registry, repository):
    """MANIFEST_BLOB_UNKNOWN: reference to a manifest or blob unknown to the registry. "Error Codes"."""
    children = [descriptor(text, OCI_MANIFEST) for text in (b"one", b"two")]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
    digests = ", ".join(child["digest"] for child in children)

    assert refusal(_put(registry, repository, index, media_type=OCI_INDEX)) == (
        400,
        "MANIFEST_BLOB_UNKNOWN",
        (
            f"Images with digests '[{digests}]' required for pushing image into repository with name '{repository}' "
            "in the registry with id '123456789012' do not exist"
        ),
    )


def test_an_image_and_its_layers_may_be_named_by_different_algorithms(registry, repository):
    registry.push_blob(repository, CONFIG, "sha512")
    registry.push_blob(repository, LAYER, "sha256")
    tree = manifest(CONFIG, LAYER) | {"config": descriptor(CONFIG, "application/x", "sha512")}

    assert _put(registry, repository, tree).status == 201


def test_a_layer_under_the_other_algorithm_is_another_layer(registry, repository, tree):
    for content in (CONFIG, LAYER):
        registry.push_blob(repository, content, "sha512")

    assert refusal(_put(registry, repository, tree))[:2] == (400, "BLOB_UPLOAD_UNKNOWN")


UNACCEPTABLE = {
    "no JSON": (b"not json", OCI_MANIFEST, "Invalid JSON syntax"),
    "nothing": (b"", OCI_MANIFEST, "Invalid JSON syntax"),
    "a list": (b"[]", OCI_MANIFEST, "Invalid JSON syntax"),
    "a string": (b'"x"', OCI_MANIFEST, "Invalid JSON syntax"),
    "no media type": (b'{"schemaVersion": 2, "layers": []}', "", "Invalid JSON syntax"),
    "unknown type": (b'{"schemaVersion": 2}', "text/plain", "The media type 'text/plain' is not supported"),
    "schema 1": (
        b'{"schemaVersion": 1, "name": "x", "tag": "y", "fsLayers": []}',
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "Docker image manifests of schema 1 are not supported",
    ),
    "schema 1 as JSON": (
        b'{"schemaVersion": 1, "fsLayers": []}',
        "application/vnd.docker.distribution.manifest.v1+json",
        "Docker image manifests of schema 1 are not supported",
    ),
}


@pytest.mark.parametrize("case", UNACCEPTABLE)
def test_what_is_no_manifest_is_refused_as_ecr_does(registry, repository, case):
    """405 UNSUPPORTED is ECR's answer to every InvalidParameterException on /v2."""
    content, media_type, reason = UNACCEPTABLE[case]

    assert refusal(registry.put_manifest(repository, "v1", content, media_type)) == (
        405,
        "UNSUPPORTED",
        f"Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{reason}'",
    )


def test_a_manifest_of_4_mib_is_taken_and_one_byte_more_is_not(registry, stocked, tree):
    """A registry … SHOULD accept manifests of at least 4 megabytes. "Pushing Manifests"."""
    tree["annotations"] = {"padding": ""}
    tree["annotations"]["padding"] = "x" * ((4 << 20) - len(json.dumps(tree)))
    largest = json.dumps(tree).encode()
    assert len(largest) == 4 << 20

    assert registry.put_manifest(stocked, "largest", largest).status == 201
    assert registry("GET", f"/v2/{stocked}/manifests/largest").data == largest
    larger = largest.replace(b"xxxx", b"xxxxx", 1)
    assert refusal(registry.put_manifest(stocked, "larger", larger)) == (
        413,
        "SIZE_INVALID",
        (
            "Invalid parameter at 'imageManifest' failed to satisfy constraint: "
            "'Member must have length less than or equal to 4194304'"
        ),
    )
    assert registry("PUT", f"/v2/{stocked}/manifests/larger", iter([larger])).status == 413
    assert registry("HEAD", f"/v2/{stocked}/manifests/larger").status == 404


def test_odd_bytes_are_kept_as_they_came(registry, stocked, tree):
    """The registry MUST store the manifest in the exact byte representation provided by the client."""
    text = ("\r\n\t " + json.dumps(tree, indent=7).replace("2", "2 ", 1) + " \n\n").encode()

    assert registry.put_manifest(stocked, "odd", text).status == 201
    assert registry("GET", f"/v2/{stocked}/manifests/odd").data == text


@pytest.mark.parametrize("accept", ["application/json", DOCKER_MANIFEST, "*/*", "", OCI_MANIFEST])
def test_a_manifest_is_served_as_it_was_pushed_whatever_is_accepted(registry, stocked, tree, accept):
    """
    The Content-Type … SHOULD match what was pushed; there is no conversion: it would have another digest.

    "Pulling manifests".
    """
    _put(registry, stocked, tree)

    got = registry("GET", f"/v2/{stocked}/manifests/v1", headers={"Accept": accept})

    assert (got.status, got.headers["Content-Type"]) == (200, OCI_MANIFEST)


@pytest.mark.parametrize("media_type", [f"{OCI_MANIFEST}; charset=utf-8", OCI_MANIFEST.upper(), f" {OCI_MANIFEST} "])
def test_the_content_type_may_have_parameters(registry, stocked, tree, media_type):
    """Source: RFC 9110, 8.3.1: type and subtype are case-insensitive, parameters may follow."""
    assert _put(registry, stocked, tree, media_type=media_type).status == 201
    assert registry("HEAD", f"/v2/{stocked}/manifests/v1").headers["Content-Type"] == OCI_MANIFEST


def test_a_docker_manifest_need_not_repeat_its_type(registry, stocked, tree):
    del tree["mediaType"]

    assert _put(registry, stocked, tree, media_type=DOCKER_MANIFEST).status == 201
    assert registry("HEAD", f"/v2/{stocked}/manifests/v1").headers["Content-Type"] == DOCKER_MANIFEST


def test_a_docker_list_takes_docker_and_oci_images(registry, stocked, tree):
    entries = []
    for media_type in (DOCKER_MANIFEST, OCI_MANIFEST):
        text = json.dumps(tree | {"mediaType": media_type}).encode()
        assert registry.put_manifest(stocked, digest_of(text), text, media_type).status == 201
        entries.append(descriptor(text, media_type))
    index = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": entries}

    assert _put(registry, stocked, index, "list", DOCKER_LIST).status == 201
    assert registry("HEAD", f"/v2/{stocked}/manifests/list").headers["Content-Type"] == DOCKER_LIST


@pytest.mark.parametrize(
    "change",
    [
        {"schemaVersion": 3},
        {"schemaVersion": "2"},
        {"schemaVersion": None},
        {"layers": {}},
        {"layers": [{"digest": "sha256:x", "size": 1, "mediaType": "a/b"}]},
        {"config": None},
        {"config": {"digest": digest_of(CONFIG), "size": -1, "mediaType": "a/b"}},
        {"config": {"digest": digest_of(CONFIG), "size": 1}},
        {"subject": {"digest": "x", "size": 1, "mediaType": "a/b"}},
        {"annotations": {"a": 1}},
        {"artifactType": 1},
        {"artifactType": "a/\0"},
        {"mediaType": DOCKER_MANIFEST},
        {"manifests": []},
    ],
    ids=str,
)
def test_a_manifest_of_a_wrong_form_is_invalid(registry, stocked, tree, change):
    """MANIFEST_INVALID, 400. "Error Codes"."""
    assert refusal(_put(registry, stocked, tree | change))[:2] == (400, "MANIFEST_INVALID")


def test_a_manifest_for_a_repository_that_is_not_there_is_refused(registry, tree):
    assert refusal(_put(registry, "no/such/repository", tree)) == (
        404,
        "NAME_UNKNOWN",
        "The repository with name 'no/such/repository' does not exist in the registry with id '123456789012'",
    )


class TestImmutable:
    """Tags that cannot move. Source: Amazon ECR user guide, "Preventing image tags from being overwritten"."""

    @pytest.fixture
    def immutable(self, registry, ecr, repository: str) -> Callable[..., str]:
        def make(mutability: str = "IMMUTABLE", *filters: str) -> str:
            registry.push_image(repository, "v1", seed=b"first")
            exclusions = [{"filterType": "WILDCARD", "filter": text} for text in filters]
            more = {"imageTagMutabilityExclusionFilters": exclusions} if filters else {}
            ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability=mutability, **more)
            return repository

        return make

    @staticmethod
    def _retag(registry, repository, tag="v1"):
        for content in (CONFIG, LAYER):
            registry.push_blob(repository, content)
        return _put(registry, repository, manifest(CONFIG, LAYER), tag)

    def test_a_tag_cannot_move(self, registry, immutable):
        """The sentence that kaniko and others look for."""
        repository = immutable()

        assert refusal(self._retag(registry, repository)) == (
            400,
            "TAG_INVALID",
            (
                f"The image tag 'v1' already exists in the '{repository}' repository "
                "and cannot be overwritten because the repository is immutable."
            ),
        )

    def test_with_exclusions_it_is_the_tag_that_is_immutable(self, registry, immutable):
        repository = immutable("IMMUTABLE_WITH_EXCLUSION", "latest", "dev-*")

        assert refusal(self._retag(registry, repository))[2].endswith("because the tag is immutable.")

    def test_an_excluded_tag_moves(self, registry, immutable):
        repository = immutable("IMMUTABLE_WITH_EXCLUSION", "dev-*")
        registry.push_image(repository, "dev-1", seed=b"second")

        assert self._retag(registry, repository, "dev-1").status == 201

    def test_in_a_mutable_repository_an_excluded_tag_does_not_move(self, registry, immutable):
        repository = immutable("MUTABLE_WITH_EXCLUSION", "v*")

        assert refusal(self._retag(registry, repository))[1] == "TAG_INVALID"

    def test_the_same_image_under_its_tag_again_is_created(self, registry, immutable):
        """decisions.md: 201 on /v2, ImageAlreadyExistsException on the API."""
        repository = immutable()

        registry.push_image(repository, "v1", seed=b"first")

    def test_a_new_tag_is_free(self, registry, immutable):
        repository = immutable()

        assert self._retag(registry, repository, "v2").status == 201

    def test_a_tag_that_was_deleted_is_free(self, registry, immutable):
        repository = immutable()
        assert registry("DELETE", f"/v2/{repository}/manifests/v1").status == 202

        assert self._retag(registry, repository).status == 201
