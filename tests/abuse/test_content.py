"""Manifests that mislead, burst or reach out: security-design 9, rows 12-15, 17, 52, 58."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.oci.kinds import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.oci.wire import refusal
from tests.support.network import free_port
from tests.support.server import Registry, descriptor, digest_of, manifest

CONFIG, LAYER = b'{"architecture": "amd64"}', b"layer"


@pytest.fixture
def stocked(registry, repository: str) -> str:
    """A repository that has the blobs of ``_image``."""
    for content in (CONFIG, LAYER):
        registry.push_blob(repository, content)
    return repository


def _image(**members: Any) -> dict[str, Any]:
    return manifest(CONFIG, LAYER, **members)


# ── 12: what a document is ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST])
def test_abuse_12_a_document_that_is_both_is_refused(registry, stocked, media_type):
    """CVE-2021-41190: ``manifests`` and ``layers`` together mean one thing to one client and another to the next."""
    double = _image(manifests=[], mediaType=media_type)

    for text in (json.dumps(double), json.dumps({key: double[key] for key in double if key != "mediaType"})):
        refused = registry.put_manifest(stocked, "double", text.encode(), media_type)
        assert refusal(refused)[:2] == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("sent", [OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST])
def test_abuse_12_a_document_is_what_it_was_sent_as(registry, stocked, sent):
    text = json.dumps(_image()).encode()

    assert refusal(registry.put_manifest(stocked, "v1", text, sent))[:2] == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("accept", [OCI_INDEX, DOCKER_MANIFEST, "application/json", "text/html, */*;q=0.1"])
def test_abuse_12_a_document_is_served_as_what_it_was_stored(registry, stocked, accept):
    text = json.dumps({key: value for key, value in _image().items() if key != "mediaType"}).encode()
    assert registry.put_manifest(stocked, "v1", text, DOCKER_MANIFEST).status == 201

    for reference in ("v1", digest_of(text)):
        got = registry("GET", f"/v2/{stocked}/manifests/{reference}", headers={"Accept": accept})
        assert (got.data, got.headers["Content-Type"]) == (text, DOCKER_MANIFEST)


# ── 13: what two readers would read differently ─────────────────────────────────────────────────────

_GOOD = json.dumps(_image()).encode()


@pytest.mark.parametrize(
    "text",
    [
        _GOOD.replace(b'"schemaVersion": 2', b'"schemaVersion": 2, "schemaVersion": 2'),
        _GOOD.replace(b'"layers"', b'"config": {}, "layers"'),
        _GOOD + b"{}",
        _GOOD + b"\0",
        b"\xef\xbb\xbf" + _GOOD,
        _GOOD.decode().encode("utf-16"),
        _GOOD.replace(b"layers", b"\xff"),
        _GOOD.replace(b'"layers"', b'"\\ud800": 1, "layers"'),
        _GOOD.replace(b'"layers"', b'"x": NaN, "layers"'),
    ],
    ids=range(9),
)
def test_abuse_13_ambiguous_json_is_refused(registry, stocked, text):
    assert refusal(registry.put_manifest(stocked, "v1", text))[:2] == (405, "UNSUPPORTED")
    assert registry("HEAD", f"/v2/{stocked}/manifests/{digest_of(text)}").status == 404


# ── 14, 52: bombs ───────────────────────────────────────────────────────────────────────────────────

_ROOM = (4 << 20) - 2_000
_BOMBS = {
    "objects": b"{}," * (_ROOM // 3) + b"{}",
    "lists in lists": b"[" * (_ROOM // 2) + b"]" * (_ROOM // 2),
    "objects in objects": b'{"a":' * (_ROOM // 6) + b"1" + b"}" * (_ROOM // 6),
    "500 levels": b"[" * 500 + b"]" * 500,
    "65 levels": b"[" * 65 + b"]" * 65,
}


@pytest.mark.parametrize("bomb", _BOMBS)
def test_abuse_14_52_a_bomb_is_refused_and_the_server_goes_on(registry, stocked, bomb):
    """Size, depth and number are bounded; what a bomb costs is counted in the tests of documents."""
    text = _GOOD.replace(b"{", b'{"x": [' + _BOMBS[bomb] + b"], ", 1)

    assert registry.put_manifest(stocked, "bomb", text).status in {400, 405}
    assert registry.put_manifest(stocked, "good", _GOOD).status == 201


def test_abuse_14_100_000_layers_are_refused(registry, stocked):
    layer = {"mediaType": "a/b", "digest": digest_of(LAYER), "size": len(LAYER)}
    text = json.dumps(_image(layers=[layer] * 30_000), separators=(",", ":")).encode()
    assert len(text) < 4 << 20

    assert refusal(registry.put_manifest(stocked, "many", text))[:2] == (400, "MANIFEST_INVALID")


def test_abuse_14_the_most_layers_that_are_allowed_are_taken(registry, stocked):
    text = json.dumps(_image(layers=[descriptor(LAYER, "a/b")] * 1_000)).encode()

    assert registry.put_manifest(stocked, "thousand", text).status == 201


# ── 15: graphs ──────────────────────────────────────────────────────────────────────────────────────


def _index(*children: bytes, number: int = 0) -> bytes:
    entries = [descriptor(child, OCI_INDEX if b"manifests" in child else OCI_MANIFEST) for child in children]
    tree = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, "annotations": {"n": str(number)}}
    return json.dumps(tree).encode()


def test_abuse_15_children_come_first_so_there_are_no_cycles(registry, stocked):
    """Who names a child must have its digest, and the child must be here: a cycle would need both to be first."""
    inner = _index(number=1)
    outer = _index(inner, number=2)

    assert refusal(registry.put_manifest(stocked, "outer", outer, OCI_INDEX))[:2] == (400, "MANIFEST_BLOB_UNKNOWN")
    assert registry.put_manifest(stocked, "inner", inner, OCI_INDEX).status == 201
    assert registry.put_manifest(stocked, "outer", outer, OCI_INDEX).status == 201


def test_abuse_15_a_manifest_may_point_at_itself_only_in_vain(registry, stocked):
    """No text contains its own digest; a subject that points round in a ring is never followed."""
    first = digest_of(b"whatever comes next")
    one = json.dumps(_image(subject={"mediaType": OCI_MANIFEST, "digest": first, "size": 1})).encode()
    two = json.dumps(_image(subject={"mediaType": OCI_MANIFEST, "digest": digest_of(one), "size": 1})).encode()
    for text in (one, two):
        assert registry.put_manifest(stocked, digest_of(text), text).status == 201

    assert len(registry("GET", f"/v2/{stocked}/referrers/{digest_of(one)}").json()["manifests"]) == 1
    for text in (one, two):
        assert registry("DELETE", f"/v2/{stocked}/manifests/{digest_of(text)}").status == 202


def test_abuse_15_a_deep_chain_and_a_wide_diamond_are_ordinary(registry, ecr, stocked):
    """40 levels, each of which lists everything below it: 2^40 paths, and no walk takes them."""
    below = [_GOOD]
    assert registry.put_manifest(stocked, "leaf", _GOOD).status == 201
    for level in range(40):
        index = _index(*below, number=level)
        assert registry.put_manifest(stocked, f"level-{level}", index, OCI_INDEX).status == 201
        below.append(index)

    assert registry("GET", f"/v2/{stocked}/manifests/level-39").data == below[-1]
    described = ecr.describe_images(repositoryName=stocked, imageIds=[{"imageTag": "level-39"}])["imageDetails"][0]
    assert described["imageSizeInBytes"] == len(CONFIG) + len(LAYER)
    for index in below:
        status = 202 if index is below[-1] else 405
        assert registry("DELETE", f"/v2/{stocked}/manifests/{digest_of(index)}").status == status
    for index in reversed(below[:-1]):
        assert registry("DELETE", f"/v2/{stocked}/manifests/{digest_of(index)}").status == 202


# ── 17: layers that lie elsewhere ───────────────────────────────────────────────────────────────────


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody who would notice if we came."""
    with socket.create_server(("127.0.0.1", free_port())) as listening:
        listening.setblocking(False)
        yield listening


def test_abuse_17_addresses_in_manifests_are_never_fetched(registry, server, ecr, stocked, listener):
    """CVE-2020-15157: not at the push, nor at a pull, nor by the API, nor when everything is verified."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/layer"
    layer = descriptor(b"elsewhere", "application/vnd.oci.image.layer.nondistributable.v1.tar") | {"urls": [url]}
    tree = _image(layers=[layer])
    tree["config"]["urls"] = [url]
    text = json.dumps(tree).encode()

    assert registry.put_manifest(stocked, "v1", text).status == 201
    assert registry("GET", f"/v2/{stocked}/manifests/v1").data == text
    assert registry("GET", f"/v2/{stocked}/blobs/{layer['digest']}").status == 404
    ecr.batch_get_image(repositoryName=stocked, imageIds=[{"imageTag": "v1"}])
    ecr.describe_images(repositoryName=stocked)
    ecr.batch_check_layer_availability(repositoryName=stocked, layerDigests=[layer["digest"]])
    assert server.command("verify").returncode == 0

    with pytest.raises(BlockingIOError):
        listener.accept()


# ── 58: what browsers make of it ────────────────────────────────────────────────────────────────────

_PAGE = b"<!doctype html><script>fetch('/v2/_catalog')</script>" + b" " * 20_000


@pytest.mark.parametrize("content", [_PAGE[:100], _PAGE], ids=["a row", "a file"])
@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-99"}, {"Accept": "text/html"}], ids=str)
def test_abuse_58_a_page_that_was_pushed_is_no_page(registry, ecr, repository, content, headers):
    """Octet-stream, nosniff, attachment, sandbox: by digest and by signed address."""
    registry.push_blob(repository, CONFIG)
    digest = registry.push_blob(repository, content)
    registry.put_manifest(repository, "v1", json.dumps(manifest(CONFIG, content)).encode())
    url = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)["downloadUrl"]

    for method in ("GET", "HEAD"):
        for got in (
            registry(method, f"/v2/{repository}/blobs/{digest}", headers=headers),
            Registry("", None)(method, url, headers=headers),
        ):
            assert got.status in {200, 206}
            assert got.headers["Content-Type"] == "application/octet-stream"
            assert got.headers["X-Content-Type-Options"] == "nosniff"
            assert got.headers["Content-Disposition"] == "attachment"
            assert got.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert got.headers["Referrer-Policy"] == "no-referrer"
            assert "Set-Cookie" not in got.headers
