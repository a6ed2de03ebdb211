"""Tags that must not move, whoever tries and however: security-design 9, rows 18 and 19."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.oci.wire import refusal
from tests.support.server import descriptor, digest_of, manifest

CONFIG, LAYER = b"{}", b"layer"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def _text(number: int) -> bytes:
    return json.dumps(manifest(CONFIG, LAYER, annotations={"number": str(number)})).encode()


@pytest.fixture
def immutable(registry, ecr, repository: str) -> str:
    """A repository whose tags cannot move, with the image 0 under the tags v1 and latest."""
    for content in (CONFIG, LAYER):
        registry.push_blob(repository, content)
    for tag in ("v1", "latest"):
        assert registry.put_manifest(repository, tag, _text(0)).status == 201
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    return repository


def test_abuse_18_of_fifty_pushes_of_one_tag_one_wins(server, registry, immutable):
    """The tag and the manifest are one transaction; the losers hear why, and the winner's image is there."""
    pushers = [server.registry() for _ in range(10)]

    def push(number: int) -> tuple[int, Any]:
        return number, pushers[number % 10].put_manifest(immutable, "raced", _text(number))

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(push, range(1, 51)))

    winners = [number for number, answer in answers if answer.status == 201]
    assert len(winners) == 1
    for number, answer in answers:
        if number not in winners:
            assert refusal(answer)[:2] == (400, "TAG_INVALID")
            assert registry("HEAD", f"/v2/{immutable}/manifests/{digest_of(_text(number))}").status == 404
    assert registry("GET", f"/v2/{immutable}/manifests/raced").data == _text(winners[0])


def test_abuse_18_both_faces_race_for_one_tag(server, immutable):
    registry, api = server.registry(), server.aws("ecr")

    def push(number: int) -> bool:
        if number % 2:
            return bool(registry.put_manifest(immutable, "raced", _text(number)).status == 201)
        try:
            api.put_image(
                repositoryName=immutable,
                imageManifest=_text(number).decode(),
                imageManifestMediaType=OCI_MANIFEST,
                imageTag="raced",
            )
        except ClientError as refused:
            if refused.response["Error"]["Code"] != "ImageTagAlreadyExistsException":
                raise
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(push, range(1, 17)))

    assert sum(won) == 1


# Every path by which a tag could be given to another image; each is refused, or does not touch the tag.
_PATHS = {
    "by tag": lambda registry, ecr, name, tag: registry.put_manifest(name, tag, _text(1)),
    "by digest with a tag": lambda registry, ecr, name, tag: registry.put_manifest(
        name, f"{digest_of(_text(1))}?tag={tag}", _text(1)
    ),
    "by digest with a free tag before it": lambda registry, ecr, name, tag: registry.put_manifest(
        name, f"{digest_of(_text(1))}?tag=free&tag={tag}", _text(1)
    ),
    "by another algorithm": lambda registry, ecr, name, tag: registry.put_manifest(
        name, f"{digest_of(_text(0), 'sha512')}?tag={tag}", _text(0)
    ),
    "as an index": lambda registry, ecr, name, tag: registry.put_manifest(
        name,
        tag,
        json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": [descriptor(_text(0), OCI_MANIFEST)],
            }
        ).encode(),
        "application/vnd.oci.image.index.v1+json",
    ),
    "as docker's": lambda registry, ecr, name, tag: registry.put_manifest(
        name,
        tag,
        _text(1).replace(OCI_MANIFEST.encode(), b"application/vnd.docker.distribution.manifest.v2+json"),
        "application/vnd.docker.distribution.manifest.v2+json",
    ),
    "with a subject": lambda registry, ecr, name, tag: registry.put_manifest(
        name, tag, json.dumps(manifest(CONFIG, LAYER, subject=descriptor(_text(0), OCI_MANIFEST))).encode()
    ),
}


@pytest.mark.parametrize("tag", ["v1", "latest"])
@pytest.mark.parametrize("path", _PATHS)
def test_abuse_19_no_push_moves_a_tag(registry, ecr, immutable, path, tag):
    """Of CVE-2026-31801; ``latest`` is a tag like any other (Quay PROJQUAY-10504)."""
    refused = _PATHS[path](registry, ecr, immutable, tag)

    assert refusal(refused)[:2] == (400, "TAG_INVALID")
    assert registry("GET", f"/v2/{immutable}/manifests/{tag}").data == _text(0)
    assert registry("GET", f"/v2/{immutable}/tags/list").json()["tags"] == ["latest", "v1"]


@pytest.mark.parametrize("tag", ["v1", "latest"])
def test_abuse_19_no_call_moves_a_tag(registry, ecr, immutable, tag):
    for text in (_text(1), _text(0).replace(b" ", b"  ", 1)):
        with pytest.raises(ClientError, match="ImageTagAlreadyExistsException"):
            ecr.put_image(
                repositoryName=immutable,
                imageManifest=text.decode(),
                imageManifestMediaType=OCI_MANIFEST,
                imageTag=tag,
            )

    assert registry("GET", f"/v2/{immutable}/manifests/{tag}").data == _text(0)


def test_abuse_19_a_tag_is_immutable_from_the_moment_of_the_setting(registry, ecr, repository):
    """Every worker obeys at once; what it remembers of the repository does not count."""
    for content in (CONFIG, LAYER):
        registry.push_blob(repository, content)
    for number in range(20):
        assert registry.put_manifest(repository, "v1", _text(number)).status == 201
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")

    for number in range(20, 40):
        assert refusal(registry.put_manifest(repository, "v1", _text(number)))[1] == "TAG_INVALID"
    assert registry("GET", f"/v2/{repository}/manifests/v1").data == _text(19)


def test_abuse_19_deleting_is_a_right_of_its_own_and_then_the_name_is_free(registry, ecr, immutable):
    """What may delete is per ECR's rules: a tag that was taken away can be given anew, by whoever may delete."""
    assert registry("DELETE", f"/v2/{immutable}/manifests/v1").status == 202
    ecr.batch_delete_image(repositoryName=immutable, imageIds=[{"imageTag": "latest"}])

    for tag in ("v1", "latest"):
        assert registry.put_manifest(immutable, tag, _text(1)).status == 201
        assert refusal(registry.put_manifest(immutable, tag, _text(2)))[1] == "TAG_INVALID"
