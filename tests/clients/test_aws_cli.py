"""The AWS CLI: an image by the API alone, from its repository's first day to the last."""

import json

import pytest
import urllib3

from tests.support.clients import client
from tests.support.server import digest_of, manifest

CONFIG = b'{"architecture":"amd64","os":"linux"}'
LAYER = b"a layer that came in by the command line " * 100


@pytest.fixture
def aws(shell):
    """What `aws ecr …` says, as data."""
    program = client("aws")

    def run(*arguments):
        said = shell(program, "ecr", *arguments, "--output=json")
        return json.loads(said) if said.strip() else None

    return run


def push(aws, shell, repository, tag):
    """Push an image, whose configuration is there, as one does it by hand."""
    at = f"--repository-name={repository}"
    (shell.home / "layer").write_bytes(LAYER)
    (shell.home / "manifest.json").write_text(json.dumps(manifest(CONFIG, LAYER)))
    upload = f"--upload-id={aws('initiate-layer-upload', at)['uploadId']}"
    ends = ["--part-first-byte=0", f"--part-last-byte={len(LAYER) - 1}"]
    aws("upload-layer-part", at, upload, *ends, "--layer-part-blob=fileb://layer")
    aws("complete-layer-upload", at, upload, f"--layer-digests={digest_of(LAYER)}")
    return aws("put-image", at, f"--image-tag={tag}", "--image-manifest=file://manifest.json")["image"]


def test_a_repository_lives_and_dies(aws, shell, server):
    name = "aws-cli/of-its-own"
    at = f"--repository-name={name}"

    made = aws("create-repository", at, "--tags=Key=team,Value=a", "--image-tag-mutability=IMMUTABLE")["repository"]
    found = aws("describe-repositories", f"--repository-names={name}")["repositories"][0]
    tags = aws("list-tags-for-resource", f"--resource-arn={made['repositoryArn']}")["tags"]
    aws("delete-repository", at)
    said = shell.refused(client("aws"), "ecr", "describe-repositories", f"--repository-names={name}")

    assert made["repositoryUri"] == f"localhost:{server.port}/{name}"
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert found == made
    assert tags == [{"Key": "team", "Value": "a"}]
    assert (
        "An error occurred (RepositoryNotFoundException) when calling the DescribeRepositories operation: "
        f"The repository with name '{name}' does not exist in the registry with id '123456789012'"
    ) in said


def test_a_layer_and_an_image_are_pushed_and_pulled_by_the_api(aws, shell, repository, registry):
    at = f"--repository-name={repository}"

    registry.push_blob(repository, CONFIG)
    image = push(aws, shell, repository, "1")
    pulled = aws("batch-get-image", at, "--image-ids=imageTag=1")["images"][0]
    layer = aws("get-download-url-for-layer", at, f"--layer-digest={digest_of(LAYER)}")

    assert pulled["imageManifest"] == image["imageManifest"]
    assert urllib3.request("GET", layer["downloadUrl"]).data == LAYER
    assert registry("GET", f"/v2/{repository}/manifests/1").data.decode() == image["imageManifest"]


def test_lists_come_in_pages(aws, repository, registry):
    for number in range(5):
        registry.push_image(repository, f"v{number}", seed=b"%d" % number)
    at = f"--repository-name={repository}"

    every = aws("list-images", at, "--page-size=2")["imageIds"]
    first = aws("describe-images", at, "--page-size=2", "--max-items=3")
    rest = aws("describe-images", at, "--page-size=2", f"--starting-token={first['NextToken']}")

    assert sorted(entry["imageTag"] for entry in every) == ["v0", "v1", "v2", "v3", "v4"]
    tags = [detail["imageTags"][0] for page in (first, rest) for detail in page["imageDetails"]]
    assert sorted(tags) == ["v0", "v1", "v2", "v3", "v4"]


def test_the_caller_is_told_who_it_is_and_how_to_log_in(aws, shell, server):
    who = json.loads(shell(client("aws"), "sts", "get-caller-identity", "--output=json"))
    password = shell(client("aws"), "ecr", "get-login-password").rstrip("\n")

    assert who["Arn"] == "arn:aws:iam::123456789012:root"
    headers = urllib3.make_headers(basic_auth=f"AWS:{password}")
    assert urllib3.request("GET", f"{server.url}/v2/", headers=headers).status == 200
