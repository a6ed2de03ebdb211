"""The registry over an object store, as its clients and its operator see it."""

import hashlib
import json
import subprocess
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.support.clients import client
from tests.support.server import Registry, Server, digest_of, manifest

LARGE = hashlib.shake_128(b"large").digest(40_000)


@pytest.fixture(scope="module")
def place(weed):
    return weed.place()


@pytest.fixture(scope="module")
def server(tmp_path_factory, weed, place):
    """A server of two workers over a bucket."""
    data = tmp_path_factory.mktemp("s3") / "data"
    with Server(data, workers=2, storage=place, variables=weed.variables) as server:
        yield server


@pytest.fixture(scope="module")
def registry(server):
    return server.registry()


@pytest.fixture(scope="module")
def ecr(server):
    return server.aws("ecr")


@pytest.fixture
def careful(server) -> Registry:
    """The OCI face to a client that follows no redirect."""
    registry: Registry = server.registry()
    registry.follows = False
    return registry


def push_image(registry, name, layer):
    """An image with this one layer, whose digest is returned."""
    config = b'{"architecture":"amd64","os":"linux"}'
    registry.push_blob(name, config)
    digest = registry.push_blob(name, layer)
    done = registry.put_manifest(name, "v1", json.dumps(manifest(config, layer)).encode())
    assert done.status == 201, done.data
    return digest


def objects(weed, place):
    """The bytes of what lies in the bucket, marks left out."""
    address = urlsplit(place)
    listed = weed.s3().list_objects_v2(Bucket=address.netloc, Prefix=address.path.strip("/"))
    keys = [entry["Key"] for entry in listed.get("Contents", [])]
    return {
        key: weed.s3().get_object(Bucket=address.netloc, Key=key)["Body"].read() for key in keys if key[-3:] != ".is"
    }


def test_a_pull_is_sent_to_the_bucket_for_its_bytes(careful, repository, weed):
    digest = careful.push_blob(repository, LARGE)

    sent = careful("GET", f"/v2/{repository}/blobs/{digest}")

    assert sent.status == 307
    assert sent.headers["Docker-Content-Digest"] == digest
    assert "no-store" in sent.headers["Cache-Control"]
    assert sent.headers["Location"].startswith(weed.endpoint)
    got = urllib3.request("GET", sent.headers["Location"], retries=False)
    assert (got.status, got.data) == (200, LARGE)
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Disposition"] == "attachment"


def test_who_asks_again_is_sent_to_the_same_address_until_the_blob_is_gone(careful, repository):
    digest = careful.push_blob(repository, LARGE)

    addresses = {careful("GET", f"/v2/{repository}/blobs/{digest}").headers["Location"] for _ in range(3)}

    assert len(addresses) == 1
    assert careful("DELETE", f"/v2/{repository}/blobs/{digest}").status == 202
    assert careful("GET", f"/v2/{repository}/blobs/{digest}").status == 404


def test_who_may_not_pull_is_sent_nowhere(server, careful, repository):
    digest = careful.push_blob(repository, LARGE)
    stranger = Registry(server.url, None)
    stranger.follows = False

    assert stranger("GET", f"/v2/{repository}/blobs/{digest}").status == 401


def test_what_is_said_of_a_blob_is_said_here(careful, repository):
    digest = careful.push_blob(repository, LARGE)

    head = careful("HEAD", f"/v2/{repository}/blobs/{digest}")

    assert (head.status, head.headers["Content-Length"]) == (200, str(len(LARGE)))


def test_small_blobs_come_from_here(careful, repository):
    digest = careful.push_blob(repository, b"small")

    assert careful("GET", f"/v2/{repository}/blobs/{digest}").data == b"small"


def test_a_download_address_leads_to_the_bucket(ecr, registry, repository, weed):
    digest = push_image(registry, repository, LARGE)

    address = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)["downloadUrl"]

    sent = urllib3.request("GET", address, redirect=False)
    assert (sent.status, sent.headers["Location"].startswith(weed.endpoint)) == (307, True)
    assert urllib3.request("GET", address).data == LARGE


def test_an_upload_outlives_the_server(server, repository, ecr):
    """The pieces lie in the bucket, and how many count in the database."""
    registry = server.registry()
    begun = registry("POST", f"/v2/{repository}/blobs/uploads/")
    piece, rest = LARGE[:20_000], LARGE[20_000:]
    patched = registry("PATCH", begun.headers["Location"], piece)
    assert (patched.status, patched.headers["Range"]) == (202, "0-19999")

    server.kill()
    server.start()

    done = registry("PUT", f"{patched.headers['Location']}?digest={digest_of(LARGE)}", rest)
    assert done.status == 201, done.data
    assert registry("GET", f"/v2/{repository}/blobs/{digest_of(LARGE)}").data == LARGE


def test_parts_of_the_api_become_one_object(ecr, registry, repository, weed, place):
    content = hashlib.shake_128(b"parts").digest(12 << 20)
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    for first in range(0, len(content), 5 << 20):
        part = content[first : first + (5 << 20)]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload,
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )

    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest_of(content)])

    assert registry("GET", f"/v2/{repository}/blobs/{digest_of(content)}").data == content
    assert sum(found == content for found in objects(weed, place).values()) == 1


def test_a_refused_digest_publishes_nothing(registry, repository, weed, place):
    before = objects(weed, place)
    begun = registry("POST", f"/v2/{repository}/blobs/uploads/")

    refused = registry("PUT", f"{begun.headers['Location']}?digest={digest_of(b'other')}", LARGE[:-1])
    gone = registry("DELETE", begun.headers["Location"])

    assert (refused.status, gone.status) == (400, 204)
    assert objects(weed, place) == before


@pytest.mark.parametrize("kind", ["KMS", "KMS_DSSE"])
def test_under_a_customers_key_the_bucket_has_nothing_to_read_and_nobody_is_sent_there(careful, ecr, weed, place, kind):
    name = f"keys/{kind.lower()}"
    ecr.create_repository(repositoryName=name, encryptionConfiguration={"encryptionType": kind})
    marker = b"a sentence that nobody shall find at rest, " * 3000

    digest = careful.push_blob(name, marker)

    pulled = careful("GET", f"/v2/{name}/blobs/{digest}")
    assert (pulled.status, pulled.data) == (200, marker)
    assert not any(marker[:40] in content for content in objects(weed, place).values())


def test_clients_follow_to_the_bucket(server, registry, repository, tmp_path):
    """A client without a docker login of its own, written in Go like docker."""
    crane = client("crane")
    digest = registry.push_blob(repository, LARGE)
    environment = {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}
    host = server.url.removeprefix("http://")
    login = [crane, "auth", "login", host, "-u", "AWS", "-p", server.password(), "--insecure"]
    subprocess.run(login, env=environment, check=True, capture_output=True)
    blob = subprocess.run(
        [crane, "blob", "--insecure", f"{host}/{repository}@{digest}"],
        env=environment,
        check=True,
        capture_output=True,
    )

    assert blob.stdout == LARGE


def test_gc_and_verify_know_it(tmp_path, weed):
    place = weed.place()
    with Server(tmp_path / "data", storage=place, variables=weed.variables, jobs=False) as server:
        server.aws("ecr").create_repository(repositoryName="app")
        registry = server.registry()
        forgotten = registry.push_blob("app", LARGE)
        kept = push_image(registry, "app", LARGE[::-1])
        server.command("verify")

        server.command("gc", "--grace", "0")

        assert registry("HEAD", f"/v2/app/blobs/{forgotten}").status == 404
        assert registry("GET", f"/v2/app/blobs/{kept}").data == LARGE[::-1]
        assert list(objects(weed, place).values()) == [LARGE[::-1]]
        damaged = next(iter(objects(weed, place)))
        weed.s3().put_object(Bucket=urlsplit(place).netloc, Key=damaged, Body=b"something else")
        found = server.command("verify", check=False)
        assert (found.returncode, kept in found.stdout + found.stderr) == (1, True)


def test_with_redirects_off_the_bytes_come_through_us(tmp_path, weed):
    place = f"{weed.place()}&redirect=no"
    with Server(tmp_path / "data", storage=place, variables=weed.variables) as server:
        server.aws("ecr").create_repository(repositoryName="app")
        registry = server.registry()
        registry.follows = False
        large = hashlib.shake_128(b"through us").digest(20 << 20)
        digest = registry.push_blob("app", large)

        got = registry("GET", f"/v2/app/blobs/{digest}")
        part = registry("GET", f"/v2/app/blobs/{digest}", headers={"Range": "bytes=9000000-18000000"})

        assert (got.status, got.data) == (200, large)
        assert (part.status, part.data) == (206, large[9_000_000:18_000_001])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("entrepot-tests", "no-such-bucket"), "cannot be used"),
        (("?", "?speed=high&"), "knows no option 'speed'"),
        (("?", "?encryption=rot13&"), "encryption is one of AES256"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused_at_the_start(tmp_path, weed, change, words):
    server = Server(tmp_path / "data", storage=weed.place().replace(*change), variables=weed.variables)

    with pytest.raises(RuntimeError) as refused:
        server.start()

    assert "storage: " in str(refused.value)
    assert words in str(refused.value)
