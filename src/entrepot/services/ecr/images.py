"""Images: push a manifest, get, describe, list and delete them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from entrepot import clock
from entrepot.call import Call, moves_bytes
from entrepot.database import Transaction
from entrepot.errors import LimitExceeded
from entrepot.keys.faults import KmsUnavailable
from entrepot.registry import batches, documents, listings, manifests, repositories, tags, uploads, usage
from entrepot.registry.faults import (
    ImageAlreadyExists,
    ImageDigestDoesNotMatch,
    ImageNotFound,
    ImageReferenced,
    ManifestTooLarge,
)
from entrepot.registry.listings import Image
from entrepot.registry.reads import Named
from entrepot.registry.repositories import Repository
from entrepot.services.ecr import identifiers, shapes
from entrepot.services.ecr.identifiers import Failure, Identifier
from entrepot.services.ecr.paging import Paging, refuse_with
from entrepot.services.ecr.shapes import Output

ImageIds = Sequence[Mapping[str, str]]
_Image = TypeVar("_Image", Image, Named)

# A worker holds an answer about three times: as rows, as text, as JSON.
_MOST_TEXT = 16 << 20


@moves_bytes  # parsing a manifest of 4 MiB takes long enough to hold up every writer
def put_image(
    call: Call,
    *,
    repository_name: str,
    image_manifest: str,
    registry_id: str | None = None,
    image_manifest_media_type: str | None = None,
    image_tag: str | None = None,
    image_digest: str | None = None,
) -> Output:
    """
    Store a manifest, whose layers are here, and give it a tag.

    Raises: RepositoryNotFound, ManifestUnacceptable, ManifestInvalid, ImageDigestDoesNotMatch, LayersMissing,
    ReferencedImagesNotFound, ImageAlreadyExists, ImageTagAlreadyExists, LimitExceeded, KmsUnavailable.
    Source: Amazon ECR API reference, PutImage.
    """
    registry, settings, database = call.addressed(registry_id), call.runtime.settings, call.runtime.database
    with database.reading() as tx:
        call.reads.demand_key(repositories.get(tx, registry, repository_name))
    uploads.check_space(call.runtime.store, settings)
    if image_tag is not None:
        identifiers.check([Identifier(None, image_tag)], "imageTag")
    document = documents.parse(
        _bytes_of(image_manifest),
        image_manifest_media_type,
        most_descriptors=settings.descriptors_per_manifest,
        foreign_layers=settings.foreign_layers,
    )
    if image_digest is not None and image_digest != document.digest:
        raise ImageDigestDoesNotMatch(given=image_digest, computed=document.digest)

    def put(tx: Transaction) -> Repository:
        repository = repositories.get(tx, registry, repository_name)
        names = () if image_tag is None else (image_tag,)
        done = manifests.put(tx, repository, document, names=names, settings=settings, at_rest=call.runtime.at_rest)
        if not (done.new or done.placed):
            raise ImageAlreadyExists(
                digest=document.digest, tag=image_tag or "null", name=repository.name, account=repository.account
            )
        return repository

    image = shapes.image(database.write(put), document.digest, image_tag, document.media_type)
    return {"image": {**image, "imageManifest": image_manifest}}


def batch_get_image(
    call: Call,
    *,
    repository_name: str,
    image_ids: ImageIds,
    registry_id: str | None = None,
    accepted_media_types: Sequence[str] = (),
) -> Output:
    """
    Manifests as they were pushed, whatever media types the caller accepts: ECR converts none by digest either.

    Raises: RepositoryNotFound, LimitExceeded.
    Source: Amazon ECR API reference, BatchGetImage.
    """
    reads = call.reads
    repository = reads.repository(call.addressed(registry_id), repository_name)
    found, failures = _resolve(identifiers.parse(image_ids), lambda reference: reads.named(repository, reference))
    inaccessible = [identifier for identifier, image in found.items() if image.status != "ACTIVE"]
    for identifier in inaccessible:
        del found[identifier]
        failures.append(Failure(identifier, "ImageInaccessible", "The image is archived: restore it first"))
    try:
        reads.demand_key(repository)
    except KmsUnavailable as fault:
        failures += [Failure(identifier, "KmsError", str(fault)) for identifier in found]
        found = {}
    total = sum(image.size for image in found.values())
    if total > _MOST_TEXT:
        raise LimitExceeded(reason=f"One answer has at most {_MOST_TEXT} bytes of manifests; these are {total}")
    images = [
        {
            **shapes.image(repository, image.digest, identifier.tag, image.media_type),
            "imageManifest": reads.text_of(image).decode(),
        }
        for identifier, image in found.items()
    ]
    now = clock.now()
    for manifest in {image.id for image in found.values()}:
        usage.record(manifest, now)
    return {"images": images, "failures": [failure.shape for failure in failures]}


def batch_delete_image(
    call: Call, *, repository_name: str, image_ids: ImageIds, registry_id: str | None = None
) -> Output:
    """
    Delete images by digest, or take tags away; an image goes with its last tag.

    Raises: RepositoryNotFound.
    Source: Amazon ECR API reference, BatchDeleteImage.
    """
    repository = repositories.get(call.tx, call.addressed(registry_id), repository_name)
    deleted: list[Output] = []
    failures: list[Output] = []
    for identifier in identifiers.parse(image_ids):
        result = identifiers.flaw(identifier) or _delete(call.tx, repository, identifier)
        if isinstance(result, Failure):
            failures.append(result.shape)
        else:
            deleted += result
    return {"imageIds": deleted, "failures": failures}


def describe_images(
    call: Call,
    *,
    repository_name: str,
    registry_id: str | None = None,
    image_ids: ImageIds = (),
    next_token: str | None = None,
    max_results: int | None = None,
    filter: Mapping[str, str] | None = None,
) -> Output:
    """
    What is known of the images that are named, or of a page of all that are active.

    Raises: RepositoryNotFound, ImageNotFound, InvalidParameter.
    Source: Amazon ECR API reference, DescribeImages.
    """
    repository = repositories.get(call.tx, call.addressed(registry_id), repository_name)
    if image_ids:
        refuse_with("imageIds", next_token, max_results)
        return {"imageDetails": shapes.image_details(repository, _named(call.tx, repository, image_ids))}
    tag_status, status = _filter(filter)
    paging = Paging(call, "DescribeImages", repository.id, tag_status, status)
    at, digest = paging.key(next_token) or (0.0, "")
    found, more = listings.list_images(
        call.tx, repository, limit=max_results or 100, after=(at, digest), tag_status=tag_status, status=status
    )
    output: Output = {"imageDetails": shapes.image_details(repository, found)}
    if more:
        output["nextToken"] = paging.token(found[-1].pushed_at, found[-1].digest)
    return output


def list_images(
    call: Call,
    *,
    repository_name: str,
    registry_id: str | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
    filter: Mapping[str, str] | None = None,
) -> Output:
    """
    Identifiers of images: one for each tag, and one for each image that has none.

    Raises: RepositoryNotFound, InvalidParameter.
    Source: Amazon ECR API reference, ListImages.
    """
    repository = repositories.get(call.tx, call.addressed(registry_id), repository_name)
    tag_status, status = _filter(filter)
    paging = Paging(call, "ListImages", repository.id, tag_status, status)
    at, digest, tag = paging.key(next_token) or (0.0, "", "")
    found, more = listings.list_names(
        call.tx, repository, limit=max_results or 100, after=(at, digest, tag), tag_status=tag_status, status=status
    )
    output: Output = {"imageIds": [shapes.image_id(name.digest, name.tag) for name in found]}
    if more:
        output["nextToken"] = paging.token(found[-1].pushed_at, found[-1].digest, found[-1].tag or "")
    return output


def list_image_referrers(
    call: Call,
    *,
    repository_name: str,
    subject_id: Mapping[str, str],
    registry_id: str | None = None,
    filter: Mapping[str, Any] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Output:
    """
    Artifacts that point at an image, whether that is here or not.

    Raises: RepositoryNotFound, InvalidParameter.
    Source: Amazon ECR API reference, ListImageReferrers.
    """
    repository = repositories.get(call.tx, call.addressed(registry_id), repository_name)
    subject = subject_id["imageDigest"]
    identifiers.check([Identifier(subject, None)], "subjectId")
    types = sorted((filter or {}).get("artifactTypes") or ())
    status = (filter or {}).get("artifactStatus") or "ACTIVE"
    paging = Paging(call, "ListImageReferrers", repository.id, subject, types, status)
    (after,) = paging.key(next_token) or ("",)
    found, more = listings.list_referrers(
        call.tx, repository, subject, limit=max_results or 20, after=after, artifact_types=types, status=status
    )
    output: Output = {"referrers": [shapes.referrer(referrer) for referrer in found]}
    if more:
        output["nextToken"] = paging.token(found[-1].digest)
    return output


def _bytes_of(image_manifest: str) -> bytes:
    content = image_manifest.encode()
    if len(content) > documents.LARGEST:
        raise ManifestTooLarge(limit=documents.LARGEST)
    return content


def _filter(given: Mapping[str, str] | None) -> tuple[str, str]:
    """Which tag status and which image status to list; only active images unless others are asked for."""
    chosen = given or {}
    return chosen.get("tagStatus") or "ANY", chosen.get("imageStatus") or "ACTIVE"


def _resolve(
    asked: Sequence[Identifier], find: Callable[[str], _Image | None]
) -> tuple[dict[Identifier, _Image], list[Failure]]:
    """The image that each identifier means, and a failure for each that means none."""
    failures, found = [], {}
    for identifier in asked:
        digest, tag = identifier
        failure = identifiers.flaw(identifier)
        image = None if failure else find(tag or digest or "")
        if image is None:
            failures.append(failure or identifiers.not_found(identifier))
        elif digest is not None and digest != image.digest:
            failures.append(identifiers.mismatch(identifier))
        else:
            found[identifier] = image
    return found, failures


def _named(tx: Transaction, repository: Repository, image_ids: ImageIds) -> list[Image]:
    """The images of a call that is refused as a whole, each once. Raises: InvalidParameter, ImageNotFound."""
    asked = identifiers.parse(image_ids)
    identifiers.check(asked, "imageIds")
    named = batches.images_by_tag(tx, repository, {tag for _, tag in asked if tag is not None})
    named |= batches.images_by_digest(tx, repository, {digest for digest, tag in asked if digest and tag is None})
    found, failures = _resolve(asked, named.get)
    if failures:
        digest, tag = failures[0].identifier
        raise ImageNotFound(
            digest=digest or "null", tag=tag or "null", name=repository.name, account=repository.account
        )
    return list({image.id: image for image in found.values()}.values())


def _delete(tx: Transaction, repository: Repository, identifier: Identifier) -> list[Output] | Failure:
    """Identifiers of what is gone."""
    digest, tag = identifier
    manifest = manifests.find(tx, repository, tag=tag) if tag else manifests.find(tx, repository, digest=digest)
    if manifest is None:
        return identifiers.not_found(identifier)
    if digest is not None and digest != manifest.digest:
        return identifiers.mismatch(identifier)
    names = tags.names_of(tx, manifest.id)
    if tag is not None and len(names) > 1:
        tags.remove(tx, repository.id, [tag])
        return [shapes.image_id(manifest.digest, tag)]
    try:
        manifests.remove(tx, repository, manifest)
    except ImageReferenced as fault:
        return Failure(identifier, "ImageReferencedByManifestList", str(fault))
    return [shapes.image_id(manifest.digest, name) for name in names] or [shapes.image_id(manifest.digest, None)]
