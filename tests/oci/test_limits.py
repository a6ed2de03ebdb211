"""Where a registry is full, or a limit is reached: servers of their own, with small limits."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.oci.kinds import OCI_INDEX, OCI_MANIFEST, random_bytes
from tests.oci.principals import database_of
from tests.oci.wire import append, begin, finish, refusal
from tests.support.pushing import make_repository, push_image
from tests.support.server import Registry, Server, descriptor, digest_of, manifest

MIB = 1 << 20


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is soon full."""
    limits: dict[str, Any] = {
        "uploads_per_principal": 3,
        "descriptors_per_manifest": 4,
        "images_per_repository": 3,
        "tags_per_image": 2,
        "layer_size": 2 * MIB,
        "foreign_layers": False,
        "access_log": False,
    }
    with Server(tmp_path_factory.mktemp("small") / "data", **limits) as server:
        yield server


@pytest.fixture(scope="module")
def registry(small: Server) -> Registry:
    return small.registry()


@pytest.fixture(scope="module")
def _ecr(small: Server) -> Any:
    return small.aws("ecr")


@pytest.fixture
def repository(_ecr: Any, request: pytest.FixtureRequest) -> str:
    name = f"test/{abs(hash(request.node.nodeid)):x}"
    _ecr.create_repository(repositoryName=name)
    return name


def test_a_blob_as_large_as_the_limit_is_taken_and_one_byte_more_is_not(registry, repository):
    """SIZE_INVALID, 413; what came before it is no blob."""
    largest = random_bytes(repository, 2 * MIB)
    digest = digest_of(largest + b"x")

    registry.push_blob(repository, largest)
    for larger in (largest + b"x", iter([largest, b"x"])):
        location = begin(registry, repository)
        assert refusal(finish(registry, location, digest, larger))[:2] == (413, "SIZE_INVALID")
        assert registry("DELETE", location).status == 204
    assert refusal(registry("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", largest + b"x"))[0] == 413
    assert registry("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404


def test_pieces_together_are_no_larger_than_the_limit(registry, repository):
    location, piece = begin(registry, repository), b"x" * MIB
    assert append(registry, location, 0, piece).status == 202

    assert refusal(append(registry, location, MIB, piece + b"x"))[:2] == (413, "SIZE_INVALID")

    assert registry("GET", location).headers["Range"] == f"0-{MIB - 1}"
    assert append(registry, location, MIB, piece).status == 202
    assert finish(registry, location, digest_of(piece + piece)).status == 201


def test_a_principal_has_so_many_sessions_in_a_repository(registry, repository):
    """Source: security-design 8.1; DENIED with the remedy."""
    locations = [begin(registry, repository) for _ in range(3)]

    status, code, message = refusal(registry("POST", f"/v2/{repository}/blobs/uploads/"))
    assert (status, code) == (403, "DENIED")
    assert "3 open uploads" in message
    assert registry("DELETE", locations[0]).status == 204
    assert finish(registry, locations[1], digest_of(b""), b"").status == 201
    begin(registry, repository)
    begin(registry, repository)


def test_a_manifest_names_so_many_layers(registry, repository):
    layers = [b"%d" % number for number in range(5)]
    for content in (b"{}", *layers):
        registry.push_blob(repository, content)

    assert registry.put_manifest(repository, "four", json.dumps(manifest(b"{}", *layers[:4])).encode()).status == 201
    five = json.dumps(manifest(b"{}", *layers)).encode()
    assert refusal(registry.put_manifest(repository, "five", five))[:2] == (400, "MANIFEST_INVALID")


def test_an_index_lists_so_many_manifests(registry, repository):
    entries = [descriptor(b"%d" % number, OCI_MANIFEST) for number in range(5)]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()

    assert refusal(registry.put_manifest(repository, "five", index, OCI_INDEX))[:2] == (400, "MANIFEST_INVALID")


def test_foreign_layers_can_be_refused_by_a_setting(registry, repository):
    registry.push_blob(repository, b"{}")
    tree = manifest(b"{}", b"elsewhere")
    tree["layers"][0]["urls"] = ["https://example.org/layer"]

    refused = registry.put_manifest(repository, "v1", json.dumps(tree).encode())

    assert refusal(refused)[:2] == (400, "MANIFEST_INVALID")


def test_a_repository_has_so_many_images(registry, repository):
    digests = [registry.push_image(repository, None, seed=b"%d" % number)[0] for number in range(3)]
    text = json.dumps(manifest(b"{}", number=4)).encode()
    registry.push_blob(repository, b"{}")

    assert refusal(registry.put_manifest(repository, "v4", text))[:2] == (403, "DENIED")
    registry.push_image(repository, "again", seed=b"0")
    assert registry("DELETE", f"/v2/{repository}/manifests/{digests[1]}").status == 202
    assert registry.put_manifest(repository, "v4", text).status == 201


def test_an_image_has_so_many_tags(registry, repository):
    _, text = registry.push_image(repository, "one", seed=b"tags")

    assert registry.put_manifest(repository, "two", text).status == 201
    assert refusal(registry.put_manifest(repository, "three", text))[:2] == (403, "DENIED")
    assert registry.put_manifest(repository, "two", text).status == 201


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, str]]:
    """A registry whose disk is nearly full, and the digest of the image that it has. A bucket is never full."""
    folder = tmp_path_factory.mktemp("full")
    with Server(folder / "data", least_free=1 << 60, storage=(folder / "blobs").as_uri()) as server:
        with database_of(server) as database:
            digest = push_image(database, make_repository(database, "app"), "old", "v1")
        yield server.registry(), digest


class TestFullDisk:
    """Pushes are refused with the reason, pulls go on. Source: decisions, "Starting"."""

    def test_pulls_go_on(self, full):
        registry, digest = full

        assert digest_of(registry("GET", "/v2/app/manifests/v1").data) == digest
        assert registry("GET", f"/v2/app/blobs/{digest_of(b'layer of old')}").data == b"layer of old"
        assert registry("GET", "/v2/app/tags/list").json()["tags"] == ["v1"]

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "blobs/uploads/"),
            ("POST", f"blobs/uploads/?digest={digest_of(b'x')}"),
            ("PATCH", "blobs/uploads/x"),
            ("PUT", f"blobs/uploads/x?digest={digest_of(b'x')}"),
            ("PUT", "manifests/v2"),
        ],
    )
    def test_pushes_are_refused_with_the_reason(self, full, method, path):
        """507 Insufficient Storage. RFC 4918, 11.5."""
        status, _, message = refusal(full[0](method, f"/v2/app/{path}", b"x"))

        assert status == 507
        assert "free disk" in message

    def test_deleting_makes_room(self, full):
        registry, digest = full

        assert registry("DELETE", f"/v2/app/manifests/{digest}").status == 202
        assert registry("DELETE", f"/v2/app/blobs/{digest_of(b'layer of old')}").status == 202
