"""
One account uses up what it may have: it is told so, in AWS's words, and nobody else notices.

What happens when the disk itself is full stands in ``tests/crash/test_full_disk.py``.
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.oci.principals import new_account
from tests.oci.wire import refusal
from tests.support.api import image, push_image, refused
from tests.support.server import Server

_LIMITS: dict[str, Any] = {
    "repositories_per_registry": 4,
    "images_per_repository": 3,
    "tags_per_image": 2,
    "uploads_per_principal": 3,
    "parts_per_upload": 2,
}
_REPOSITORY = "full"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with small quotas, whose default account has one repository."""
    with Server(tmp_path_factory.mktemp("exhaustion") / "data", access_log=False, **_LIMITS) as server:
        server.aws("ecr").create_repository(repositoryName=_REPOSITORY)
        yield server


@pytest.fixture(scope="module")
def greedy(server):
    """The API, as the account that takes whatever it gets."""
    return server.aws("ecr")


def _until_refused(ask):
    """How often something was allowed before it was refused as too much, and the reason."""
    for count in range(100):
        try:
            ask(count)
        except ClientError as error:
            if error.response["Error"]["Code"] != "LimitExceededException":
                raise
            return count, error.response["Error"]["Message"]
    raise AssertionError("there is no limit")


def _part(ecr, upload, first):
    ecr.upload_layer_part(
        repositoryName=_REPOSITORY, uploadId=upload, partFirstByte=first, partLastByte=first, layerPartBlob=b"x"
    )


def _live(server, key, name):
    """What an account does on any day: a repository, a push over the API and over /v2, a pull, people, keys."""
    ecr, iam = server.aws("ecr", key=key), server.aws("iam", key=key)
    ecr.create_repository(repositoryName=name)
    digest = push_image(ecr, name, name, "v1", "v2")
    pulled = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "v2"}])["images"]
    assert [each["imageId"]["imageDigest"] for each in pulled] == [digest]
    _manage(server, key, name)
    assert iam.get_user(UserName=name)["User"]["UserName"] == name


def _manage(server, key, name):
    """Rights, keys and secrets, which have limits of their own."""
    iam = server.aws("iam", key=key)
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    iam.create_access_key(UserName=name)
    server.aws("kms", key=key).create_key()
    server.aws("secretsmanager", key=key).create_secret(Name=name, SecretString="x")


def test_abuse_67_quotas_end_what_one_account_may_have_and_nothing_else(server, greedy):
    images = [image(greedy, _REPOSITORY, f"image {number}") for number in range(4)]
    tagged = {"repositoryName": _REPOSITORY, "imageManifest": images[0]}
    uploads = []

    made = {
        "repositories": _until_refused(lambda n: greedy.create_repository(repositoryName=f"full-{n}")),
        "tags": _until_refused(lambda n: greedy.put_image(**tagged, imageTag=f"v{n}")),
        "images": _until_refused(
            lambda n: greedy.put_image(repositoryName=_REPOSITORY, imageManifest=images[n + 1], imageTag=f"w{n}")
        ),
        "uploads": _until_refused(
            lambda n: uploads.append(greedy.initiate_layer_upload(repositoryName=_REPOSITORY)["uploadId"])
        ),
        "parts": _until_refused(lambda n: _part(greedy, uploads[0], n)),
    }

    # One repository and one image were there before.
    assert {what: count for what, (count, _) in made.items()} == {
        "repositories": 3,
        "tags": 2,
        "images": 2,
        "uploads": 3,
        "parts": 2,
    }
    assert "already has the maximum of 4 repositories" in made["repositories"][1]
    assert "already has 2 tags" in made["tags"][1]
    assert "already has 3 images" in made["images"][1]
    assert "3 open uploads" in made["uploads"][1]
    assert "at most 2 parts" in made["parts"][1]
    over_v2 = server.registry()("POST", f"/v2/{_REPOSITORY}/blobs/uploads/")
    assert refusal(over_v2)[:2] == (403, "DENIED")

    _manage(server, server.root_key(), "greedy")
    _live(server, new_account(server).key, "neighbour")


def test_abuse_67_who_deletes_has_room_again(server, greedy):
    """Whatever the test before has left: what is given back can be had."""
    _until_refused(lambda n: greedy.create_repository(repositoryName=f"again-{n}"))
    names = [each["repositoryName"] for each in greedy.describe_repositories()["repositories"]]
    assert len(names) == 4

    greedy.delete_repository(repositoryName=max(names), force=True)
    greedy.create_repository(repositoryName="room")
    with refused("LimitExceededException"):
        greedy.create_repository(repositoryName="no-room")
