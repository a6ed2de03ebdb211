"""
Images for moto's tests as a client would push them, a pytest plugin that runs inside moto's environment.

moto's own helper makes up digests of layers and of children that nobody has ever pushed; moto never looks.
A registry does. This plugin puts another helper in its place: the same shapes, but every digest is that of
bytes which both this module and ``tests.moto.harness`` can write down, so that the harness pushes them
before the manifest goes through. It also leaves out the account of nobody that moto's tests of BatchDeleteImage
name and moto ignores, gives a role a sound trust policy and a key its usual one where moto's tests send any text, and
a path its slashes. It imports nothing of ours: moto's environment has none of it.
"""

import hashlib
import itertools
import json
import sys
from types import ModuleType
from typing import Any

from botocore.handlers import BUILTIN_HANDLERS

_DOCKER = "application/vnd.docker"
_LAYERS = [f"moto's layer {number}".encode() for number in range(5)]
_MOST_IMAGES = 4096  # how many a run of moto's tests may make


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _config(number: int) -> bytes:
    return json.dumps({"architecture": "amd64", "os": "linux", "number": number}).encode()


def blobs() -> dict[str, bytes]:
    """Every blob that an image of this module may name, by digest."""
    return {_digest(content): content for content in [*_LAYERS, *map(_config, range(_MOST_IMAGES))]}


_numbers = iter(range(_MOST_IMAGES))


def image_manifest(image_digest: str | None = None) -> dict[str, Any]:
    """A manifest that is unlike every earlier one. *image_digest* is what moto's helper takes: the config's."""
    config = _config(next(_numbers))
    return {
        "schemaVersion": 2,
        "mediaType": f"{_DOCKER}.distribution.manifest.v2+json",
        "config": {
            "mediaType": f"{_DOCKER}.container.image.v1+json",
            "size": len(config),
            "digest": image_digest or _digest(config),
        },
        "layers": [
            {"mediaType": f"{_DOCKER}.image.rootfs.diff.tar.gzip", "size": len(layer), "digest": _digest(layer)}
            for layer in _LAYERS
        ],
    }


def manifest_list() -> dict[str, Any]:
    """Two manifests and a list that names them by the digests which they have when a test dumps them."""
    images = [image_manifest(), image_manifest()]
    children = [
        {
            "mediaType": image["mediaType"],
            "digest": _digest(json.dumps(image).encode()),
            "size": len(json.dumps(image)),
            "platform": {"architecture": architecture, "os": "linux"},
        }
        for image, architecture in zip(images, itertools.cycle(("arm64", "amd64")), strict=False)
    ]
    listing = {"mediaType": f"{_DOCKER}.distribution.manifest.list.v2+json", "schemaVersion": 2, "manifests": children}
    return {"image_manifests": images, "manifest_list": listing}


def _at_home(params: dict[str, Any], **_: Any) -> None:
    if params.get("registryId") == "012345678910":
        del params["registryId"]


_TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def _trusting(params: dict[str, Any], **_: Any) -> None:
    try:
        is_sound = "Statement" in json.loads(params["AssumeRolePolicyDocument"])
    except ValueError:
        is_sound = False
    if not is_sound:
        params["AssumeRolePolicyDocument"] = json.dumps({"Version": "2012-10-17", "Statement": [_TRUST]})


def _with_policies(params: dict[str, Any], **_: Any) -> None:
    if not params.get("Policy", "{").startswith("{"):
        del params["Policy"]


def _between_slashes(params: dict[str, Any], **_: Any) -> None:
    if "Path" in params:
        params["Path"] = f"/{params['Path'].strip('/')}/".replace("//", "/")


def pytest_configure() -> None:
    """Stand in for the helper before any of moto's tests imports it."""
    BUILTIN_HANDLERS.append(("provide-client-params.ecr.BatchDeleteImage", _at_home))
    BUILTIN_HANDLERS.append(("provide-client-params.iam.CreateRole", _trusting))
    BUILTIN_HANDLERS.append(("provide-client-params.kms.CreateKey", _with_policies))
    for made in ("User", "Group", "Role", "InstanceProfile"):
        BUILTIN_HANDLERS.append((f"provide-client-params.iam.Create{made}", _between_slashes))
    helper = ModuleType("tests.test_ecr.test_ecr_helpers")
    vars(helper).update(_create_image_manifest=image_manifest, _create_image_manifest_list=manifest_list)
    sys.modules[helper.__name__] = helper
