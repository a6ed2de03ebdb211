"""Layers: what is there, uploads in parts, addresses to download from."""

from collections.abc import Sequence

from entrepot.call import Call, moves_bytes
from entrepot.database import Transaction
from entrepot.names import Registry
from entrepot.registry import addresses, blobs, downloads, layers, parts, repositories, uploads
from entrepot.registry.faults import LayerInaccessible
from entrepot.registry.parts import Part, Target
from entrepot.services.ecr import shapes
from entrepot.services.ecr.identifiers import DIGEST_PATTERN, is_digest_shaped
from entrepot.services.ecr.shapes import Output

# What the service suggests; parts from 5 to 20 MiB are taken.
_PART_SIZE = 10 << 20


@moves_bytes  # it reads, and writes only for layers that nobody has asked for in a while
def batch_check_layer_availability(
    call: Call, *, repository_name: str, layer_digests: Sequence[str], registry_id: str | None = None
) -> Output:
    """
    Which layers need not be pushed. One that is not here is UNAVAILABLE, and no failure.

    Raises: RepositoryNotFound.
    Source: Amazon ECR API reference, BatchCheckLayerAvailability.
    """
    database = call.runtime.database
    with database.reading() as tx:
        repository = repositories.get(tx, call.addressed(registry_id), repository_name)
    asked = list(dict.fromkeys(layer_digests))
    sound = [digest for digest in asked if is_digest_shaped(digest)]
    found = layers.available(database, repository, sound, grace=call.runtime.settings.gc_grace)
    return {
        "layers": [shapes.layer(digest, found.get(digest)) for digest in sound],
        "failures": [_failure(digest) for digest in asked if not is_digest_shaped(digest)],
    }


@moves_bytes  # it asks the store for room first
def initiate_layer_upload(call: Call, *, repository_name: str, registry_id: str | None = None) -> Output:
    """
    Begin an upload. Raises: RepositoryNotFound, LimitExceeded, NoSpace, KmsUnavailable.

    Source: Amazon ECR API reference, InitiateLayerUpload.
    """
    settings = call.runtime.settings

    registry = call.addressed(registry_id)

    def begin(tx: Transaction) -> str:
        repository = repositories.get(tx, registry, repository_name)
        return uploads.begin(tx, repository, call.principal.id, settings)

    _demand_key(call, registry, repository_name)
    uploads.check_space(call.runtime.store, settings)
    return {"uploadId": call.runtime.database.write(begin), "partSize": _PART_SIZE}


@moves_bytes
def upload_layer_part(
    call: Call,
    *,
    repository_name: str,
    upload_id: str,
    part_first_byte: int,
    part_last_byte: int,
    layer_part_blob: bytes,
    registry_id: str | None = None,
) -> Output:
    """
    Add a part to an upload, behind those that came before.

    Raises: RepositoryNotFound, UploadNotFound, InvalidLayerPart, LayerPartLength, LimitExceeded, NoSpace,
    KmsUnavailable.
    Source: Amazon ECR API reference, UploadLayerPart.
    """
    target = Target(call.addressed(registry_id), repository_name, upload_id, call.principal.id)
    _demand_key(call, target.registry, repository_name)
    parts.append(call.runtime, target, Part(part_first_byte, part_last_byte, layer_part_blob))
    return {**_belongs(target), "uploadId": upload_id, "lastByteReceived": part_last_byte}


@moves_bytes
def complete_layer_upload(
    call: Call,
    *,
    repository_name: str,
    upload_id: str,
    layer_digests: Sequence[str],
    registry_id: str | None = None,
) -> Output:
    """
    Make a layer of what was uploaded.

    Raises: RepositoryNotFound, UploadNotFound, EmptyUpload, LayerPartTooSmall, InvalidLayer, LayerAlreadyExists,
    KmsUnavailable.
    Source: Amazon ECR API reference, CompleteLayerUpload.
    """
    target = Target(call.addressed(registry_id), repository_name, upload_id, call.principal.id)
    _demand_key(call, target.registry, repository_name)
    digest = parts.complete(call.runtime, target, list(layer_digests))
    return {**_belongs(target), "uploadId": upload_id, "layerDigest": digest}


def get_download_url_for_layer(
    call: Call, *, repository_name: str, layer_digest: str, registry_id: str | None = None
) -> Output:
    """
    An address from which the layer can be fetched for an hour.

    Raises: RepositoryNotFound, LayerNotFound, LayerInaccessible.
    Source: Amazon ECR API reference, GetDownloadUrlForLayer.
    """
    repository = repositories.get(call.tx, call.addressed(registry_id), repository_name)
    blob = blobs.get(call.tx, repository, layer_digest)
    if not blobs.is_referenced(call.tx, repository, blob):
        raise LayerInaccessible(digest=layer_digest, name=repository.name, account=repository.account)
    address = downloads.address(call.directory.ring, repository, layer_digest, principal=call.principal.id)
    host = addresses.proxy_endpoint(repository.registry, call.runtime.settings)
    return {"downloadUrl": host + address, "layerDigest": layer_digest}


def _demand_key(call: Call, registry: Registry, name: str) -> None:
    """Raises: RepositoryNotFound; KmsUnavailable, where the repository's content cannot be sealed."""
    with call.runtime.database.reading() as tx:
        call.reads.demand_key(repositories.get(tx, registry, name))


def _belongs(target: Target) -> Output:
    return {"registryId": target.registry.account, "repositoryName": target.name}


def _failure(digest: str) -> Output:
    """Shape LayerFailure, of a digest that is none."""
    if not digest:
        reason = "Invalid request parameters: layer digest cannot be empty"
        return {"layerDigest": digest, "failureCode": "MissingLayerDigest", "failureReason": reason}
    reason = f"Invalid request parameters: layer digest should satisfy the regex '{DIGEST_PATTERN}'"
    return {"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason}
