"""A handful of ECR's operations, for tests of the engine: they answer with what they were asked."""

from collections.abc import Sequence
from typing import Any

from entrepot.call import Call, moves_bytes
from entrepot.errors import Fault


class LayerPartRefused(Fault, aws="InvalidLayerPartException"):
    """Members: registry_id, upload_id, last_byte."""

    message = "The part does not follow byte {last_valid_byte_received}"


def describe_repositories(
    call: Call,
    *,
    registry_id: str | None = None,
    repository_names: Sequence[str] = (),
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    return {
        "repositories": [
            {"repositoryName": name, "registryId": call.registry.account, "createdAt": 1700000000.1239}
            for name in repository_names
        ],
        "nextToken": next_token,
    }


def delete_repository(
    call: Call, *, repository_name: str, registry_id: str | None = None, force: bool = False
) -> dict[str, Any]:
    assert call.tx is not None
    return {"repository": {"repositoryName": repository_name}}


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
) -> dict[str, Any]:
    if part_last_byte - part_first_byte + 1 != len(layer_part_blob):
        raise LayerPartRefused(registry_id="123456789012", upload_id=upload_id, last_valid_byte_received=7)
    return {"uploadId": upload_id, "lastByteReceived": part_last_byte}


def get_registry_policy(call: Call) -> dict[str, Any]:
    raise RuntimeError("a bug")
