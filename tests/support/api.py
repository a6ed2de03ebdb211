"""Pushes by the API alone, as a client without Docker does them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.support.server import REGION, Server, descriptor, digest_of, manifest


def push_layer(ecr: Any, repository: str, content: bytes) -> str:
    """Upload a layer in one part, if it is not there; its digest."""
    digest = digest_of(content)
    (layer,) = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])["layers"]
    if layer["layerAvailability"] == "UNAVAILABLE":
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload,
            partFirstByte=0,
            partLastByte=len(content) - 1,
            layerPartBlob=content,
        )
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    return digest


def image(ecr: Any, repository: str, name: str, **members: Any) -> str:
    """The text of a manifest whose layers are pushed; *name* makes it differ from others."""
    config, layer = json.dumps({"name": name}).encode(), f"layer of {name}".encode()
    for content in (config, layer):
        push_layer(ecr, repository, content)
    return json.dumps(manifest(config, layer, **members))


def push_image(ecr: Any, repository: str, name: str, *tags: str, **members: Any) -> str:
    """Push an image; its digest."""
    text = image(ecr, repository, name, **members)
    for tag in tags or (None,):
        ecr.put_image(repositoryName=repository, imageManifest=text, **({"imageTag": tag} if tag else {}))
    return digest_of(text.encode())


def index(*digests: str) -> str:
    """The text of an index of manifests."""
    listed = [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 2} for digest in digests
    ]
    media_type = "application/vnd.oci.image.index.v1+json"
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": listed})


def subject(digest: str) -> dict[str, Any]:
    """The descriptor with which a referrer points at an image."""
    return {**descriptor(b"", "application/vnd.oci.image.manifest.v1+json"), "digest": digest}


@contextmanager
def refused(code: str, message: str | None = None) -> Iterator[dict[str, Any]]:
    """That what follows is refused with this code and, if one is given, exactly this sentence; then the answer."""
    answer: dict[str, Any] = {}
    with pytest.raises(ClientError) as caught:
        yield answer
    answer.update(caught.value.response)
    error = answer["Error"]
    assert error["Code"] == code, error
    if message is not None:
        assert error["Message"] == message


def raw(
    server: Server,
    operation: str,
    body: bytes,
    *,
    key: tuple[str, str],
    target: str = "AmazonEC2ContainerRegistry_V20150921",
    service: str = "ecr",
) -> urllib3.BaseHTTPResponse:
    """
    A signed request with any *body*, also one that no client would send.

    *target* is what X-Amz-Target begins with; where it is empty, the body is a form, which names the operation.
    """
    headers = {"X-Amz-Target": f"{target}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    if not target:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", f"{server.url}/", data=body, headers=headers)
    SigV4Auth(Credentials(*key), service, REGION).add_auth(request)
    return urllib3.request(
        "POST", f"{server.url}/", body=body, headers=dict(request.headers), retries=False, timeout=30
    )
