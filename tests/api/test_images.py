"""Images by the API. Source: Amazon ECR API reference; ecr-api.md A.3, E.7."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.support.api import image, index, push_image, refused
from tests.support.server import ACCOUNT, digest_of

UNKNOWN = f"sha256:{'0' * 64}"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def _names(ecr, repository, **filters):
    listed = ecr.list_images(repositoryName=repository, **filters)["imageIds"]
    return [(each["imageDigest"], each.get("imageTag")) for each in listed]


# ── push ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pushed_image_is_returned_byte_for_byte(ecr, repository):
    text = image(ecr, repository, "one").replace(", ", " ,\r\n ")

    answer = ecr.put_image(repositoryName=repository, imageManifest=text, imageTag="v1")["image"]

    assert answer == {
        "registryId": ACCOUNT,
        "repositoryName": repository,
        "imageId": {"imageDigest": digest_of(text.encode()), "imageTag": "v1"},
        "imageManifest": text,
        "imageManifestMediaType": OCI_MANIFEST,
    }
    (pulled,) = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])["images"]
    assert pulled == answer


def test_both_faces_see_the_same_image_at_once(ecr, registry, repository):
    by_api = push_image(ecr, repository, "by the API", "api")
    by_oci, text = registry.push_image(repository, "oci")

    assert registry("GET", f"/v2/{repository}/manifests/api").headers["docker-content-digest"] == by_api
    (pulled,) = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "oci"}])["images"]
    assert (pulled["imageId"]["imageDigest"], pulled["imageManifest"]) == (by_oci, text.decode())
    assert json.loads(registry("GET", f"/v2/{repository}/tags/list").data)["tags"] == ["api", "oci"]


def test_an_image_can_be_pushed_by_its_digest_alone(ecr, repository):
    text = image(ecr, repository, "one")
    digest = digest_of(text.encode())

    answer = ecr.put_image(repositoryName=repository, imageManifest=text, imageDigest=digest)["image"]

    assert answer["imageId"] == {"imageDigest": digest}
    assert _names(ecr, repository) == [(digest, None)]


def test_a_digest_of_another_manifest_is_refused(ecr, repository):
    with refused("ImageDigestDoesNotMatchException"):
        ecr.put_image(repositoryName=repository, imageManifest=image(ecr, repository, "one"), imageDigest=UNKNOWN)


@pytest.mark.parametrize("manifest", ["{", "[]", "null", '"text"', "{}", '{"schemaVersion": 2, "layers": []}'])
def test_what_is_no_manifest_is_refused_in_ecrs_words(ecr, repository, manifest):
    with refused(
        "InvalidParameterException",
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
    ):
        ecr.put_image(repositoryName=repository, imageManifest=manifest)


def test_a_manifest_without_a_media_type_takes_that_of_the_call(ecr, repository):
    tree = json.loads(image(ecr, repository, "one"))
    del tree["mediaType"]

    answer = ecr.put_image(
        repositoryName=repository, imageManifest=json.dumps(tree), imageManifestMediaType=OCI_MANIFEST
    )["image"]

    assert answer["imageManifestMediaType"] == OCI_MANIFEST


def test_a_manifest_of_another_type_than_the_call_says_is_refused(ecr, repository):
    with refused("InvalidParameterException"):
        ecr.put_image(
            repositoryName=repository,
            imageManifest=image(ecr, repository, "one"),
            imageManifestMediaType=DOCKER_MANIFEST,
        )


def test_a_manifest_of_more_than_4_mebibytes_is_refused(ecr, repository):
    text = image(ecr, repository, "one", annotations={"long": "é" * (2 << 20)})

    with refused("InvalidParameterException"):
        ecr.put_image(repositoryName=repository, imageManifest=text)


@pytest.mark.parametrize("tag", ["-v1", "v 1", "v/1", "ä", "v" * 129, "v1\n", "v:1"])
def test_what_is_no_tag_is_refused(ecr, repository, tag):
    with refused("InvalidParameterException"):
        ecr.put_image(repositoryName=repository, imageManifest=image(ecr, repository, "one"), imageTag=tag)


def test_every_missing_layer_is_named(ecr, repository):
    other = f"{repository}/other"
    ecr.create_repository(repositoryName=other)
    text = image(ecr, other, "one")
    config, layer = digest_of(b'{"name": "one"}'), digest_of(b"layer of one")

    with refused(
        "LayersNotFoundException",
        f"Layers with digests '[{config}, {layer}]' required for pushing image into repository with name "
        f"'{repository}' in the registry with id '{ACCOUNT}' do not exist",
    ):
        ecr.put_image(repositoryName=repository, imageManifest=text)


def test_every_missing_child_of_an_index_is_named(ecr, repository):
    digest = push_image(ecr, repository, "one")

    with refused(
        "ReferencedImagesNotFoundException",
        f"Images with digests '[{UNKNOWN}]' required for pushing image into repository with name "
        f"'{repository}' in the registry with id '{ACCOUNT}' do not exist",
    ):
        ecr.put_image(repositoryName=repository, imageManifest=index(digest, UNKNOWN))


@pytest.mark.parametrize("tag", ["v1", None])
def test_the_same_image_under_the_same_tag_exists_already(ecr, repository, tag):
    digest = push_image(ecr, repository, "one", *([tag] if tag else []))
    more = {"imageTag": tag} if tag else {}

    with refused(
        "ImageAlreadyExistsException",
        f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the repository with name "
        f"'{repository}' in registry with id '{ACCOUNT}'",
    ):
        ecr.put_image(repositoryName=repository, imageManifest=image(ecr, repository, "one"), **more)


# ── tags ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tag_moves_and_the_old_image_stays_untagged(ecr, repository):
    before = push_image(ecr, repository, "before", "latest")
    after = push_image(ecr, repository, "after", "latest")

    assert _names(ecr, repository) == [(before, None), (after, "latest")]


@pytest.mark.parametrize(
    ("mutability", "filters", "ending"),
    [
        ("IMMUTABLE", [], "the repository is immutable."),
        ("IMMUTABLE_WITH_EXCLUSION", ["latest"], "the tag is immutable."),
        ("MUTABLE_WITH_EXCLUSION", ["v*"], "the tag is immutable."),
    ],
)
def test_a_fixed_tag_does_not_move(ecr, repository, mutability, filters, ending):
    given = [{"filterType": "WILDCARD", "filter": text} for text in filters]
    ecr.put_image_tag_mutability(
        repositoryName=repository,
        imageTagMutability=mutability,
        **({"imageTagMutabilityExclusionFilters": given} if given else {}),
    )
    before = push_image(ecr, repository, "before", "v1")

    with refused(
        "ImageTagAlreadyExistsException",
        f"The image tag 'v1' already exists in the '{repository}' repository "
        f"and cannot be overwritten because {ending}",
    ):
        push_image(ecr, repository, "after", "v1")

    assert (before, "v1") in _names(ecr, repository)


@pytest.mark.parametrize(
    ("mutability", "filters"), [("IMMUTABLE_WITH_EXCLUSION", ["latest"]), ("MUTABLE_WITH_EXCLUSION", ["v*"])]
)
def test_an_exclusion_leaves_a_tag_free_to_move(ecr, repository, mutability, filters):
    ecr.put_image_tag_mutability(
        repositoryName=repository,
        imageTagMutability=mutability,
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": text} for text in filters],
    )
    push_image(ecr, repository, "before", "latest")
    after = push_image(ecr, repository, "after", "latest")

    assert (after, "latest") in _names(ecr, repository)


def test_the_same_image_again_under_a_fixed_tag_exists_already(ecr, repository):
    push_image(ecr, repository, "one", "v1")
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")

    with refused("ImageAlreadyExistsException"):
        push_image(ecr, repository, "one", "v1")


def test_abuse_19_a_fixed_tag_can_be_deleted_and_given_anew(ecr, repository):
    """ECR protects tags from being moved, not from being deleted: ecr-api.md E.7."""
    push_image(ecr, repository, "before", "v1")
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])

    after = push_image(ecr, repository, "after", "v1")

    assert _names(ecr, repository) == [(after, "v1")]


def test_abuse_18_of_many_pushes_to_one_fixed_tag_one_wins(ecr, repository):
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    texts = [image(ecr, repository, f"racer {number}") for number in range(20)]

    def push(text):
        try:
            return ecr.put_image(repositoryName=repository, imageManifest=text, imageTag="v1")["image"]["imageId"]
        except ecr.exceptions.ImageTagAlreadyExistsException:
            return None

    with ThreadPoolExecutor(8) as pool:
        (winner,) = [pushed for pushed in pool.map(push, texts) if pushed]

    assert _names(ecr, repository) == [(winner["imageDigest"], "v1")]


# ── pull ────────────────────────────────────────────────────────────────────────────────────────────


def test_an_image_is_named_as_it_was_asked_for(ecr, repository):
    digest = push_image(ecr, repository, "one", "v1")
    ids = [{"imageTag": "v1"}, {"imageDigest": digest}, {"imageTag": "v1", "imageDigest": digest}]

    answers = [ecr.batch_get_image(repositoryName=repository, imageIds=[each])["images"][0] for each in ids]

    both = {"imageDigest": digest, "imageTag": "v1"}
    assert [answer["imageId"] for answer in answers] == [both, {"imageDigest": digest}, both]


def test_the_stored_manifest_comes_whatever_types_are_accepted(ecr, repository):
    push_image(ecr, repository, "one", "v1")

    (answer,) = ecr.batch_get_image(
        repositoryName=repository, imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=[DOCKER_MANIFEST]
    )["images"]

    assert answer["imageManifestMediaType"] == OCI_MANIFEST


@pytest.mark.parametrize("operation", ["batch_get_image", "batch_delete_image"])
def test_each_bad_identifier_is_a_failure_of_its_own(ecr, repository, operation):
    good = push_image(ecr, repository, "one", "v1")
    push_image(ecr, repository, "two", "v2")
    bad = [
        ("ImageNotFound", {"imageTag": "missing"}),
        ("ImageNotFound", {"imageDigest": UNKNOWN}),
        ("ImageNotFound", {"imageDigest": "md5:abc"}),
        ("MissingDigestAndTag", {}),
        ("InvalidImageDigest", {"imageDigest": "nonsense"}),
        ("InvalidImageTag", {"imageTag": "no/tag"}),
        ("ImageTagDoesNotMatchDigest", {"imageTag": "v2", "imageDigest": good}),
    ]

    answer = getattr(ecr, operation)(repositoryName=repository, imageIds=[each for _, each in bad])

    failures = [(each["failureCode"], each["imageId"]) for each in answer["failures"]]
    assert sorted(failures, key=repr) == sorted(bad, key=repr)
    reasons = {each["failureCode"]: each["failureReason"] for each in answer["failures"]}
    assert reasons["ImageNotFound"] == "Requested image not found"
    assert reasons["MissingDigestAndTag"] == "Invalid request parameters: both tag and digest cannot be null"
    assert reasons["InvalidImageDigest"] == (
        "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
    )
    assert len(_names(ecr, repository)) == 2


def test_a_pull_is_recorded(ecr, registry, repository):
    digests = [push_image(ecr, repository, name, name) for name in ("by-api", "by-oci", "never")]
    before = datetime.now(UTC)
    ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "by-api"}])
    registry("GET", f"/v2/{repository}/manifests/by-oci")

    recorded = {}
    for _ in range(100):  # pulls are written every few seconds
        details = ecr.describe_images(repositoryName=repository)["imageDetails"]
        recorded = {each["imageDigest"]: each.get("lastRecordedPullTime") for each in details}
        if recorded[digests[0]] and recorded[digests[1]]:
            break
        time.sleep(0.2)

    assert abs((recorded[digests[0]] - before).total_seconds()) < 60
    assert abs((recorded[digests[1]] - before).total_seconds()) < 60
    assert recorded[digests[2]] is None


# ── delete ──────────────────────────────────────────────────────────────────────────────────────────


def _delete(ecr, repository, *ids):
    answer = ecr.batch_delete_image(repositoryName=repository, imageIds=list(ids))
    assert answer["failures"] == []
    return [(each["imageDigest"], each.get("imageTag")) for each in answer["imageIds"]]


def test_by_digest_an_image_goes_with_all_its_tags(ecr, repository):
    digest = push_image(ecr, repository, "one", "a", "b")

    assert sorted(_delete(ecr, repository, {"imageDigest": digest})) == [(digest, "a"), (digest, "b")]
    assert _names(ecr, repository) == []


def test_an_untagged_image_is_returned_by_its_digest_alone(ecr, repository):
    digest = push_image(ecr, repository, "one")

    assert _delete(ecr, repository, {"imageDigest": digest}) == [(digest, None)]


@pytest.mark.parametrize("with_digest", [False, True])
def test_by_tag_the_tag_goes_and_the_image_with_its_last_tag(ecr, repository, with_digest):
    digest = push_image(ecr, repository, "one", "a", "b")
    more = {"imageDigest": digest} if with_digest else {}

    assert _delete(ecr, repository, {"imageTag": "a", **more}) == [(digest, "a")]
    assert _names(ecr, repository) == [(digest, "b")]

    assert _delete(ecr, repository, {"imageTag": "b", **more}) == [(digest, "b")]
    assert _names(ecr, repository) == []


def test_all_tags_of_an_image_can_go_in_one_call(ecr, repository):
    digest = push_image(ecr, repository, "one", "a", "b")

    assert _delete(ecr, repository, {"imageTag": "a"}, {"imageTag": "b"}) == [(digest, "a"), (digest, "b")]
    assert _names(ecr, repository) == []


@pytest.mark.parametrize("identifier", ["digest", "tag"])
def test_a_child_of_an_index_stays_and_so_does_its_last_tag(ecr, repository, identifier):
    child = push_image(ecr, repository, "child", "child")
    parent = digest_of(index(child).encode())
    ecr.put_image(repositoryName=repository, imageManifest=index(child), imageTag="parent")
    asked = {"imageDigest": child} if identifier == "digest" else {"imageTag": "child"}

    answer = ecr.batch_delete_image(repositoryName=repository, imageIds=[asked])

    assert answer["imageIds"] == []
    assert answer["failures"] == [
        {
            "imageId": asked,
            "failureCode": "ImageReferencedByManifestList",
            "failureReason": f"Requested image referenced by manifest list: [{parent}]",
        }
    ]
    assert (child, "child") in _names(ecr, repository)


def test_a_parent_and_its_child_go_in_one_call_in_that_order(ecr, repository):
    child = push_image(ecr, repository, "child")
    ecr.put_image(repositoryName=repository, imageManifest=index(child), imageTag="parent")

    _delete(ecr, repository, {"imageTag": "parent"}, {"imageDigest": child})

    assert _names(ecr, repository) == []


def test_what_is_deleted_is_gone_from_the_other_face(ecr, registry, repository):
    push_image(ecr, repository, "one", "v1")
    assert registry("HEAD", f"/v2/{repository}/manifests/v1").status == 200

    _delete(ecr, repository, {"imageTag": "v1"})

    assert registry("HEAD", f"/v2/{repository}/manifests/v1").status == 404
