"""Layers by the API. Source: Amazon ECR API reference."""

import os
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.support.api import push_image, push_layer, refused
from tests.support.server import ACCOUNT, digest_of

UNKNOWN = f"sha256:{'0' * 64}"


@pytest.fixture
def upload(ecr, repository):
    begun = ecr.initiate_layer_upload(repositoryName=repository)
    assert begun["partSize"] == 10485760
    return begun["uploadId"]


def _part(ecr, repository, upload, content, *, first=0, last=None):
    return ecr.upload_layer_part(
        repositoryName=repository,
        uploadId=upload,
        partFirstByte=first,
        partLastByte=first + len(content) - 1 if last is None else last,
        layerPartBlob=content,
    )


def _complete(ecr, repository, upload, *digests):
    return ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=list(digests))


def test_a_layer_that_is_not_there_is_unavailable_and_no_failure(ecr, repository):
    answer = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[UNKNOWN])

    assert answer["layers"] == [{"layerDigest": UNKNOWN, "layerAvailability": "UNAVAILABLE"}]
    assert answer["failures"] == []


def test_what_is_no_digest_is_a_failure_beside_the_layers(ecr, repository):
    digest = push_layer(ecr, repository, b"layer")

    answer = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=["nonsense", "", digest])

    assert answer["layers"] == [{"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": 5}]
    assert [(each["layerDigest"], each["failureCode"]) for each in answer["failures"]] == [
        ("nonsense", "InvalidLayerDigest"),
        ("", "MissingLayerDigest"),
    ]


def test_a_layer_of_an_image_has_the_type_that_the_image_says(ecr, repository):
    push_image(ecr, repository, "one", "v1")
    digests = [digest_of(b"layer of one"), digest_of(b'{"name": "one"}')]

    layers = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=digests)["layers"]

    assert [layer["mediaType"] for layer in layers] == [
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.config.v1+json",
    ]


def test_abuse_03_a_layer_of_another_repository_is_like_one_that_nobody_has(ecr, repository):
    other = f"{repository}/other"
    ecr.create_repository(repositoryName=other)
    digest = push_layer(ecr, other, b"secret")

    answer = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest, UNKNOWN])

    assert [layer["layerAvailability"] for layer in answer["layers"]] == ["UNAVAILABLE", "UNAVAILABLE"]
    with refused("LayersNotFoundException"):
        ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)


def test_parts_make_a_layer(ecr, repository, upload):
    pieces = [os.urandom(5 << 20), os.urandom(6 << 20), b"end"]
    content = b"".join(pieces)
    first = 0
    for piece in pieces:
        answer = _part(ecr, repository, upload, piece, first=first)
        first += len(piece)
        del answer["ResponseMetadata"]
        assert answer == {
            "registryId": ACCOUNT,
            "repositoryName": repository,
            "uploadId": upload,
            "lastByteReceived": first - 1,
        }

    answer = _complete(ecr, repository, upload, digest_of(content))

    del answer["ResponseMetadata"]
    assert answer == {
        "registryId": ACCOUNT,
        "repositoryName": repository,
        "uploadId": upload,
        "layerDigest": digest_of(content),
    }
    (layer,) = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest_of(content)])[
        "layers"
    ]
    assert layer["layerSize"] == len(content)


def test_a_part_out_of_order_says_where_to_go_on(ecr, repository, upload):
    _part(ecr, repository, upload, b"0123456789")

    with refused("InvalidLayerPartException", "First byte of the layer part is 12 instead of 10") as error:
        _part(ecr, repository, upload, b"x", first=12)

    assert error["lastValidByteReceived"] == 9
    assert error["registryId"] == ACCOUNT
    assert error["repositoryName"] == repository
    assert error["uploadId"] == upload


def test_a_part_of_another_length_than_it_says_is_refused(ecr, repository, upload):
    with refused("InvalidLayerPartException"):
        _part(ecr, repository, upload, b"abc", last=3)


def test_a_part_has_at_most_20_mebibytes(ecr, repository, upload):
    largest = bytes(20 << 20)

    with refused("InvalidParameterException"):
        _part(ecr, repository, upload, largest + b"x")
    assert _part(ecr, repository, upload, largest)["lastByteReceived"] == len(largest) - 1


def test_a_small_part_in_the_middle_is_refused_at_the_end(ecr, repository, upload):
    _part(ecr, repository, upload, b"small")
    _part(ecr, repository, upload, b"also small", first=5)

    with refused("LayerPartTooSmallException", "All layer parts except the last part should be at least 5MB"):
        _complete(ecr, repository, upload, digest_of(b"smallalso small"))


def test_an_upload_without_parts_is_no_layer(ecr, repository, upload):
    with refused(
        "EmptyUploadException",
        f"The upload with id '{upload}' in the repository with name '{repository}' in registry with id '{ACCOUNT}' "
        "cannot be completed because it does not have any parts",
    ):
        _complete(ecr, repository, upload, digest_of(b""))


def test_a_layer_of_another_digest_is_refused(ecr, repository, upload):
    _part(ecr, repository, upload, b"one")

    with refused("InvalidLayerException", "None of the provided layer digests match the calculated layer digest"):
        _complete(ecr, repository, upload, digest_of(b"two"))


def test_a_layer_that_is_there_already_is_said_to_be(ecr, repository, upload):
    digest = push_layer(ecr, repository, b"one")
    _part(ecr, repository, upload, b"one")

    with refused("LayerAlreadyExistsException"):
        _complete(ecr, repository, upload, digest)


def test_an_upload_can_be_completed_once(ecr, repository, upload):
    _part(ecr, repository, upload, b"one")
    _complete(ecr, repository, upload, digest_of(b"one"))

    with refused(
        "UploadNotFoundException",
        f"The upload with id '{upload}' does not exist in the repository with name '{repository}' "
        f"in registry with id '{ACCOUNT}'",
    ):
        _complete(ecr, repository, upload, digest_of(b"one"))


def test_both_faces_work_on_one_upload_and_one_layer(ecr, registry, repository):
    begun = registry("POST", f"/v2/{repository}/blobs/uploads/")
    _part(ecr, repository, begun.headers["docker-upload-uuid"], b"begun here")
    done = registry(
        "PUT", f"{begun.headers['location']}?digest={digest_of(b'begun here, ended there')}", b", ended there"
    )

    assert done.status == 201
    digest = digest_of(b"begun here, ended there")
    (layer,) = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])["layers"]
    assert layer["layerAvailability"] == "AVAILABLE"


def test_a_layer_pushed_by_the_api_is_pulled_by_the_other_face(ecr, registry, repository):
    digest = push_layer(ecr, repository, b"pushed here")

    pulled = registry("GET", f"/v2/{repository}/blobs/{digest}")

    assert (pulled.status, pulled.data) == (200, b"pushed here")


@pytest.fixture
def download(ecr, repository):
    """The address of a layer of an image, and its path and query."""
    push_image(ecr, repository, "one", "v1")
    answer = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest_of(b"layer of one"))
    assert answer["layerDigest"] == digest_of(b"layer of one")
    return answer["downloadUrl"]


def _get(url, method="GET"):
    return urllib3.request(method, url, retries=False, redirect=False)


def test_a_download_address_gives_the_layer_to_whoever_has_it(server, download):
    address = urlsplit(download)

    assert f"{address.scheme}://{address.netloc}" == f"http://localhost:{server.port}"
    assert _get(download).data == b"layer of one"


@pytest.mark.parametrize("change", [("exp=1", "exp=9"), ("sig=", "sig=0"), ("by=", "by=A"), ("sha256:", "sha256:0")])
def test_a_download_address_that_was_changed_gives_nothing(download, change):
    assert _get(download.replace(*change, 1)).status in (400, 403, 404)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_a_download_address_is_for_reading(download, method):
    assert _get(download, method).status in (403, 404, 405)


def test_a_layer_without_an_image_cannot_be_downloaded_by_address(ecr, repository):
    digest = push_layer(ecr, repository, b"not yet in an image")

    with refused("LayerInaccessibleException"):
        ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)


def test_an_unknown_layer_has_no_address(ecr, repository):
    with refused(
        "LayersNotFoundException",
        f"The layer with digest '{UNKNOWN}' does not exist within the repository with name '{repository}' "
        f"in the registry with id '{ACCOUNT}'",
    ):
        ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=UNKNOWN)
