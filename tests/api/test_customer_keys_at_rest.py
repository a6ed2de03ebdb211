"""What lies on the disk of repositories under customers' keys: nothing to read, and verified and collected like all."""

import json

import pytest

from tests.oci.wire import WAYS, append, begin
from tests.support.server import Server, descriptor, digest_of

MARKER = b"a sentence that nobody shall find at rest, "
CONFIG = b'{"os":"linux"}'


@pytest.fixture(scope="module", params=["service", "disk"])
def server(tmp_path_factory, request):
    data = tmp_path_factory.mktemp("keys") / "data"
    with Server(data, default_at_rest=request.param, jobs=False) as server:
        yield server


@pytest.fixture(params=["KMS", "KMS_DSSE"])
def app(server, request):
    """A repository under a key of its own, and that key."""
    name, key = request.param.lower(), server.aws("kms").create_key()["KeyMetadata"]["Arn"]
    configuration = {"encryptionType": request.param, "kmsKey": key}
    server.aws("ecr").create_repository(repositoryName=name, encryptionConfiguration=configuration)
    yield name, key
    server.aws("kms").enable_key(KeyId=key)
    server.aws("ecr").delete_repository(repositoryName=name, force=True)


def with_marker(server):
    found = [path.name for path in server.data.rglob("*") if path.is_file() and MARKER in path.read_bytes()]
    rows = [
        (table, row[0])
        for table, column in (("blobs", "content"), ("uploads", "content"), ("manifests", "content"))
        for row in server.sql(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
        if MARKER in bytes(row[0])
    ]
    return found + rows


def push(server, name):
    """An image whose layers and text have the marker, in every way there is; its digest."""
    registry = server.registry()
    layers = []
    for number, way in enumerate(WAYS.values()):
        for size in (100, 40_000):
            content = b"%d" % number + MARKER * (size // len(MARKER) + 1)
            assert way(registry, name, content, digest_of(content)).status == 201
            layers.append(content)
    for size in (100, 40_000):
        append(registry, begin(registry, name), 0, MARKER * (size // len(MARKER) + 1))
    registry.push_blob(name, CONFIG)
    text = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor(CONFIG, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(layer, "application/vnd.oci.image.layer.v1.tar") for layer in layers],
        "annotations": {"note": MARKER.decode()},
    }
    return registry.put_manifest(name, "v1", json.dumps(text).encode()), layers


def test_nothing_of_what_is_pushed_is_found_and_all_of_it_is_verified_and_collected(server, app):
    name, key = app
    _, layers = push(server, name)

    assert with_marker(server) == []
    whole = server.command("verify").stdout
    server.aws("kms").disable_key(KeyId=key)
    locked = server.command("verify").stdout
    server.aws("kms").enable_key(KeyId=key)
    for layer in layers:
        assert server.registry()("GET", f"/v2/{name}/blobs/{digest_of(layer)}").data == layer
    server.aws("ecr").batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "v1"}])
    collected = server.command("gc", "--grace", "0").stdout

    assert whole.endswith("no damage\n")
    assert "not opened" not in whole
    assert f"blob {digest_of(layers[0])} of 123456789012/us-east-1/{name}: {key} is disabled." in locked
    assert f"/{name}: {key} is disabled." in next(line for line in locked.splitlines() if line.startswith("manifest "))
    assert f"no damage, {len(layers) + 2} not opened because of their key\n" in locked
    assert f"blobs {len(layers) + 1}" in collected
    assert server.command("verify").stdout.startswith("0 blobs and 0 manifests")
