"""The ECR API beside moto's server, and pages of a repository that holds 100,000 images."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench import content, load
from bench.figures import Figure, Target
from bench.servers import MOTO, OURS, Server, running
from bench.work import Measure, Scale, Work

_PAGE = 100
_CONNECTIONS = 8
_PAGES_ASKED = 500  # signed beforehand; a signature is good for five minutes
_SEED_CONNECTIONS = 16
_SEED_SECONDS = 600
_SEED_BATCH = 20_000
_TARGET = "AmazonEC2ContainerRegistry_V20150921"


def signed(server: Server, operation: str, parameters: Mapping[str, Any]) -> load.Request:
    """A call of the ECR API, signed now."""
    body = orjson.dumps(dict(parameters)).decode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{_TARGET}.{operation}"}
    request = AWSRequest(method="POST", url=f"{server.url}/", data=body, headers=headers)
    keys = server.keys
    credentials = Credentials(keys.get("AWS_ACCESS_KEY_ID", "test"), keys.get("AWS_SECRET_ACCESS_KEY", "test"))
    SigV4Auth(credentials, "ecr", "us-east-1").add_auth(request)
    return load.Request("POST", "/", dict(request.headers.items()), body)


@contextmanager
def _calling(name: str, scale: Scale, *, key: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Measure]:
    """One call, over and over, on a repository of exactly 100 images."""
    with running(name, scale.folder, workers=scale.workers) as server:
        server.create_repository("api")
        _fill(server, "api", _PAGE)
        file = scale.folder / f"calls-{name}"

        def measure(_number: int) -> Mapping[str, float]:
            call = signed(server, operation, {"repositoryName": "api", **parameters})
            seen = load.requests(server, [call], file, connections=_CONNECTIONS, seconds=scale.seconds)
            return {key: seen.rate}

        measure(0)
        yield measure


def _fill(server: Server, repository: str, count: int) -> None:
    """Tagged images of one config and layer, by PutImage."""
    image, ecr = content.small_image(), server.ecr()
    if server.name == OURS:
        content.push(server, repository, image, tag="t0")
    for number in range(1 if server.name == OURS else 0, count):
        manifest = content.manifest_of(image.config, image.layer, number=str(number)).decode()
        ecr.put_image(
            repositoryName=repository,
            imageManifest=manifest,
            imageManifestMediaType=content.MANIFEST,
            imageTag=f"t{number}",
        )


@contextmanager
def _paging(name: str, scale: Scale) -> Iterator[Measure]:
    with running(name, scale.folder, workers=scale.workers) as server:
        server.create_repository("many")
        seeded = _seed(server, scale)
        file = scale.folder / "pages"
        tokens = _tokens(server)

        def measure(_number: int) -> Mapping[str, float]:
            step = max(1, scale.images // _PAGES_ASKED)
            tags = [_tags_after(server, f"t{at}") for at in range(0, scale.images, step)]
            chosen = tokens[:: max(1, len(tokens) // _PAGES_ASKED)]
            describes = [
                signed(server, "DescribeImages", {"repositoryName": "many", "nextToken": token}) for token in chosen
            ]
            shoot = partial(load.requests, server, file=file, connections=1, seconds=scale.seconds)
            by_tag, by_call = shoot(made=tags), shoot(made=describes)
            return {
                "tags-page": by_tag.p99 * 1000,
                "tags-page-p50": by_tag.p50 * 1000,
                "images-page": by_call.p99 * 1000,
                "images-page-p50": by_call.p50 * 1000,
                "seed": seeded,
            }

        yield measure


def _tags_after(server: Server, last: str) -> load.Request:
    return load.Request("GET", f"/v2/many/tags/list?n={_PAGE}&last={last}", server.headers)


def _seed(server: Server, scale: Scale) -> float:
    """Push manifests over two shared blobs, each with a tag of its own; gives how many a second."""
    image, prefix, seconds = content.small_image(), scale.folder / "many", 0.0
    content.push(server, "many", image, tag="t0")
    for first in range(1, scale.images, _SEED_BATCH):
        numbers = range(first, min(first + _SEED_BATCH, scale.images))
        manifests = [
            (f"t{number}", content.manifest_of(image.config, image.layer, number=str(number))) for number in numbers
        ]
        load.write_manifests(prefix, manifests, connections=_SEED_CONNECTIONS)
        seen = load.pushes(server, prefix, "many", connections=_SEED_CONNECTIONS, seconds=_SEED_SECONDS)
        if seen.count != len(manifests):
            raise RuntimeError(f"{len(manifests)} manifests were to be pushed, {seen.count} were")
        seconds += seen.seconds
    return (scale.images - 1) / seconds


def _tokens(server: Server) -> list[str]:
    """The tokens of all pages of DescribeImages at its own size of a page."""
    pages = server.ecr().get_paginator("describe_images").paginate(repositoryName="many")
    return [token for page in pages if (token := page.get("nextToken"))]


def _call_work(key: str, title: str, operation: str, parameters: Mapping[str, Any]) -> Work:
    figure = Figure(key, f"{title}, {_CONNECTIONS} connections", "1/s", targets={MOTO: Target(15)})
    prepare = partial(_calling, key=key, operation=operation, parameters=parameters)
    return Work(key, [figure], prepare, peers=(MOTO,), rounds=3)


WORKS = (
    _call_work("describe", "DescribeImages of 100 images", "DescribeImages", {}),
    _call_work("batch-get", "BatchGetImage of one image", "BatchGetImage", {"imageIds": [{"imageTag": "t50"}]}),
    _call_work(
        "batch-get-100",
        "BatchGetImage of 100 images",
        "BatchGetImage",
        {"imageIds": [{"imageTag": f"t{number}"} for number in range(_PAGE)]},
    ),
    Work(
        "pages",
        [
            Figure("tags-page", "tags/list, pages of 100, in the large repository: p99", "ms", better="less", bound=20),
            Figure("tags-page-p50", "the same: median", "ms", better="less"),
            Figure(
                "images-page",
                "DescribeImages, pages of 100, in the large repository: p99",
                "ms",
                better="less",
                bound=20,
            ),
            Figure("images-page-p50", "the same: median", "ms", better="less"),
            Figure("seed", "PUT of the large repository's manifests, 16 connections", "1/s"),
        ],
        _paging,
        rounds=1,
    ),
)
