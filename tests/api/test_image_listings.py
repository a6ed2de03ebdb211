"""What images there are, by the API. Source: Amazon ECR API reference; ecr-api.md A.3."""

from datetime import UTC, datetime

import pytest

from tests.support.api import image, index, push_image, refused, subject
from tests.support.server import ACCOUNT, digest_of

UNKNOWN = f"sha256:{'0' * 64}"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def _names(ecr, repository, **filters):
    listed = ecr.list_images(repositoryName=repository, **filters)["imageIds"]
    return [(each["imageDigest"], each.get("imageTag")) for each in listed]


def _text(digest, tag):
    return f"{{imageDigest:'{digest}', imageTag:'{tag}'}}"


# ── describe and list ───────────────────────────────────────────────────────────────────────────────


def test_an_image_is_described(ecr, repository):
    before = datetime.now(UTC)
    digest = push_image(ecr, repository, "one", "b", "a")

    (detail,) = ecr.describe_images(repositoryName=repository)["imageDetails"]

    assert abs((detail.pop("imagePushedAt") - before).total_seconds()) < 60
    assert detail == {
        "registryId": ACCOUNT,
        "repositoryName": repository,
        "imageDigest": digest,
        "imageTags": ["a", "b"],
        "imageSizeInBytes": len(b'{"name": "one"}') + len(b"layer of one"),
        "imageManifestMediaType": OCI_MANIFEST,
        "artifactMediaType": "application/vnd.oci.image.config.v1+json",
        "imageStatus": "ACTIVE",
    }


def test_an_untagged_image_has_no_member_for_tags(ecr, repository):
    push_image(ecr, repository, "one")

    assert "imageTags" not in ecr.describe_images(repositoryName=repository)["imageDetails"][0]


def test_moving_a_tag_is_no_push_of_the_image(ecr, repository):
    push_image(ecr, repository, "one", "v1")
    (before,) = ecr.describe_images(repositoryName=repository)["imageDetails"]
    push_image(ecr, repository, "one", "v2")
    (after,) = ecr.describe_images(repositoryName=repository)["imageDetails"]

    assert after["imagePushedAt"] == before["imagePushedAt"]


def test_an_index_is_as_large_as_its_largest_child_and_of_no_artifact_type(ecr, repository):
    children = [push_image(ecr, repository, name) for name in ("small", "somewhat larger")]
    ecr.put_image(repositoryName=repository, imageManifest=index(*children), imageTag="all")

    (detail,) = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "all"}])["imageDetails"]

    larger = len(b'{"name": "somewhat larger"}') + len(b"layer of somewhat larger")
    assert detail["imageSizeInBytes"] == larger
    assert "artifactMediaType" not in detail


def test_an_image_named_twice_is_described_once(ecr, repository):
    digest = push_image(ecr, repository, "one", "v1")

    answer = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "v1"}, {"imageDigest": digest}])

    assert [each["imageDigest"] for each in answer["imageDetails"]] == [digest]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"imageTag": "missing"}, _text("null", "missing")),
        ({"imageDigest": UNKNOWN}, _text(UNKNOWN, "null")),
        ({"imageTag": "v1", "imageDigest": UNKNOWN}, _text(UNKNOWN, "v1")),
    ],
)
def test_one_unknown_image_refuses_the_whole_call(ecr, repository, asked, shown):
    push_image(ecr, repository, "one", "v1")

    with refused(
        "ImageNotFoundException",
        f"The image with imageId {shown} does not exist within the repository with name '{repository}' "
        f"in the registry with id '{ACCOUNT}'",
    ):
        ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "v1"}, asked])


@pytest.mark.parametrize("bad", [{}, {"imageDigest": "nonsense"}, {"imageTag": "no/tag"}])
def test_an_identifier_that_names_nothing_refuses_the_whole_call(ecr, repository, bad):
    with refused("InvalidParameterException"):
        ecr.describe_images(repositoryName=repository, imageIds=[bad])


@pytest.mark.parametrize("paging", [{"maxResults": 5}, {"nextToken": "x"}])
def test_identifiers_and_paging_exclude_each_other(ecr, repository, paging):
    push_image(ecr, repository, "one", "v1")
    with refused("InvalidParameterException"):
        ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "v1"}], **paging)


def test_images_are_listed_by_tag_status_and_by_image_status(ecr, repository):
    tagged = push_image(ecr, repository, "tagged", "a", "b")
    untagged = push_image(ecr, repository, "untagged")

    def described(**chosen):
        answer = ecr.describe_images(repositoryName=repository, filter=chosen)
        return [each["imageDigest"] for each in answer["imageDetails"]]

    assert _names(ecr, repository) == [(tagged, "a"), (tagged, "b"), (untagged, None)]
    assert _names(ecr, repository, filter={"tagStatus": "TAGGED"}) == [(tagged, "a"), (tagged, "b")]
    assert _names(ecr, repository, filter={"tagStatus": "UNTAGGED"}) == [(untagged, None)]
    assert _names(ecr, repository, filter={"imageStatus": "ARCHIVED"}) == []
    assert _names(ecr, repository, filter={"imageStatus": "ANY", "tagStatus": "UNTAGGED"}) == [(untagged, None)]
    assert described(tagStatus="TAGGED") == [tagged]
    assert described(tagStatus="UNTAGGED") == [untagged]
    assert described(tagStatus="ANY") == [tagged, untagged]
    assert described(imageStatus="ARCHIVED") == []


def test_a_value_that_no_filter_has_is_refused(ecr, repository):
    with refused("InvalidParameterException"):
        ecr.list_images(repositoryName=repository, filter={"tagStatus": "SOME"})


# ── referrers ───────────────────────────────────────────────────────────────────────────────────────


def _referrers(ecr, repository, digest, **more):
    return ecr.list_image_referrers(repositoryName=repository, subjectId={"imageDigest": digest}, **more)["referrers"]


def test_referrers_are_listed_with_what_they_say_of_themselves(ecr, repository):
    digest = push_image(ecr, repository, "one", "v1")
    signature = image(
        ecr,
        repository,
        "signature",
        subject=subject(digest),
        artifactType="application/x.signature",
        annotations={"by": "us"},
    )
    ecr.put_image(repositoryName=repository, imageManifest=signature)

    assert _referrers(ecr, repository, digest) == [
        {
            "digest": digest_of(signature.encode()),
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/x.signature",
            "size": len(signature.encode()),
            "annotations": {"by": "us"},
            "artifactStatus": "ACTIVE",
        }
    ]
    (detail,) = ecr.describe_images(
        repositoryName=repository, imageIds=[{"imageDigest": digest_of(signature.encode())}]
    )["imageDetails"]
    assert detail["subjectManifestDigest"] == digest
    assert detail["artifactMediaType"] == "application/x.signature"


def test_referrers_are_listed_by_type_and_status(ecr, repository):
    digest = push_image(ecr, repository, "one", "v1")
    kinds = {
        kind: push_image(ecr, repository, kind, subject=subject(digest), artifactType=f"application/x.{kind}")
        for kind in ("a", "b", "c")
    }

    def listed(**chosen):
        return {each["digest"] for each in _referrers(ecr, repository, digest, filter=chosen)}

    assert listed(artifactTypes=["application/x.a", "application/x.c"]) == {kinds["a"], kinds["c"]}
    assert listed(artifactTypes=[]) == set(kinds.values())
    assert listed(artifactStatus="ARCHIVED") == set()
    assert listed(artifactStatus="ANY") == set(kinds.values())


def test_a_subject_that_is_not_here_may_have_referrers(ecr, repository):
    digest = push_image(ecr, repository, "early", subject=subject(UNKNOWN))

    assert [each["digest"] for each in _referrers(ecr, repository, UNKNOWN)] == [digest]
    assert _referrers(ecr, repository, f"sha256:{'1' * 64}") == []
