"""What goes over the wire, one small function for each shape that several operations share."""

from collections.abc import Iterable, Mapping
from typing import Any

from entrepot.registry import addresses
from entrepot.registry.faults import InvalidTagParameter
from entrepot.registry.layers import Layer
from entrepot.registry.listings import Image, Referrer
from entrepot.registry.mutability import Mutability
from entrepot.registry.repositories import Repository
from entrepot.services.ecr import encryption
from entrepot.settings import Settings

Output = dict[str, Any]


def repository(repository: Repository, settings: Settings) -> Output:
    """Shape Repository."""
    return {
        "repositoryArn": repository.arn,
        "registryId": repository.account,
        "repositoryName": repository.name,
        "repositoryUri": addresses.repository_uri(repository.registry, repository.name, settings),
        "createdAt": repository.created_at,
        **mutability(repository.mutability),
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": encryption.shape(repository.encryption),
    }


def mutability(mutability: Mutability) -> Output:
    """The two members that every shape with a rule on tags has; the second only where there are filters."""
    shape: Output = {"imageTagMutability": mutability.setting}
    if mutability.exclusions:
        filters = [{"filterType": "WILDCARD", "filter": text} for text in mutability.exclusions]
        shape["imageTagMutabilityExclusionFilters"] = filters
    return shape


def belongs(repository: Repository) -> Output:
    """The two members that name a repository in an answer."""
    return {"registryId": repository.account, "repositoryName": repository.name}


def image_details(repository: Repository, images: Iterable[Image]) -> list[Output]:
    """Shapes ImageDetail; members that are None are left out when the answer is rendered."""
    account, name = repository.account, repository.name
    return [
        {
            "registryId": account,
            "repositoryName": name,
            "imageDigest": image.digest,
            "imageTags": image.tags or None,
            "imageSizeInBytes": image.size,
            "imagePushedAt": image.pushed_at,
            "imageManifestMediaType": image.media_type,
            "artifactMediaType": image.artifact_type,
            "lastRecordedPullTime": image.pulled_at,
            "subjectManifestDigest": image.subject,
            "imageStatus": image.status,
        }
        for image in images
    ]


def image_id(digest: str, tag: str | None) -> Output:
    """Shape ImageIdentifier."""
    return {"imageDigest": digest} if tag is None else {"imageDigest": digest, "imageTag": tag}


def resource_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Shapes Tag of a request, by their keys. Raises: InvalidTagParameter, where a key comes twice."""
    found: dict[str, str] = {}
    for tag in tags:
        if tag["Key"] in found:
            raise InvalidTagParameter(reason="Duplicate tag keys are not allowed")
        found[tag["Key"]] = tag["Value"]
    return found


def image(repository: Repository, digest: str, tag: str | None, media_type: str) -> Output:
    """Shape Image, but for its manifest."""
    return {**belongs(repository), "imageId": image_id(digest, tag), "imageManifestMediaType": media_type}


def referrer(referrer: Referrer) -> Output:
    """Shape ImageReferrer."""
    return {
        "digest": referrer.digest,
        "mediaType": referrer.media_type,
        "artifactType": referrer.artifact_type,
        "size": referrer.size,
        "annotations": referrer.annotations or None,
        "artifactStatus": referrer.status,
    }


def layer(digest: str, found: Layer | None) -> Output:
    """Shape Layer, of a layer that is there or not."""
    if found is None:
        return {"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}
    return {
        "layerDigest": digest,
        "layerAvailability": "AVAILABLE",
        "layerSize": found.blob.size,
        "mediaType": found.media_type,
    }
