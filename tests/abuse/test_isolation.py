"""What is in one repository, account or session is not in another: security-design 9, rows 1-6, 8, 9, 16, 21, 23."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.abuse.same import seen
from tests.oci.kinds import OCI_INDEX, OCI_MANIFEST, random_bytes
from tests.oci.wire import append, begin, finish, refusal
from tests.support.server import Registry, descriptor, digest_of, manifest

SIZES = pytest.mark.parametrize("size", [100, 40_000], ids=["a row", "a file"])


@pytest.fixture
def secret(theirs, other, server, repository) -> str:
    """The digest of a blob that only the other account has, in a repository of the same name."""
    server.aws("ecr", key=other.key).create_repository(repositoryName=repository)
    digest: str = theirs.push_blob(repository, random_bytes(f"secret of {repository}", 500))
    return digest


@pytest.fixture
def nowhere(repository) -> str:
    """A digest that nobody has."""
    return digest_of(f"nowhere {repository}".encode())


# ── 1, 2: mounts ────────────────────────────────────────────────────────────────────────────────────


def test_abuse_01_a_blob_that_one_cannot_read_is_not_mounted(registry, repository, secret, nowhere, other):
    """Of CVE-2024-39897: 202, as for a blob that is unknown, and a PUT without bytes fails."""
    for source in (repository, f"{other.id}/{repository}", f"{other.id}.dkr.ecr.us-east-1.amazonaws.com/{repository}"):
        answers = []
        for digest in (secret, nowhere):
            begun = registry("POST", f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}")
            session = begun.headers["Docker-Upload-UUID"]
            closed = finish(registry, begun.headers["Location"], digest)
            answers.append((seen(begun, digest, session), seen(closed, digest, session)))

            assert (begun.status, closed.status) == (202, 400)
        assert answers[0] == answers[1]
    assert registry("HEAD", f"/v2/{repository}/blobs/{secret}").status == 404


def test_abuse_01_mounting_can_be_switched_off(theirs, other, server, repository, secret):
    """Account setting BLOB_MOUNTING=DISABLED."""
    theirs_api = server.aws("ecr", key=other.key)
    theirs_api.create_repository(repositoryName=f"{repository}/target")
    path = f"/v2/{repository}/target/blobs/uploads/?mount={secret}&from={repository}"
    theirs_api.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    try:
        assert theirs("POST", path).status == 202
    finally:
        theirs_api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert theirs("POST", path).status == 201


def test_abuse_02_a_mount_without_a_source_finds_nothing(registry, repository, secret, nowhere, make_repository):
    """A digest in a foreign repository, and in one of ours: 202 all the same."""
    ours = registry.push_blob(make_repository(), random_bytes(repository, 100))

    answers = []
    for digest in (secret, ours, nowhere):
        begun = registry("POST", f"/v2/{repository}/blobs/uploads/?mount={digest}")
        answers.append(seen(begun, digest, begun.headers["Docker-Upload-UUID"]))
        assert begun.status == 202
    assert answers[0] == answers[1] == answers[2]


# ── 3: is a blob anywhere? ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["HEAD", "GET", "DELETE"])
def test_abuse_03_a_foreign_blob_is_like_one_that_is_nowhere(registry, repository, secret, nowhere, method):
    answers = [seen(registry(method, f"/v2/{repository}/blobs/{digest}"), digest) for digest in (secret, nowhere)]

    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_abuse_03_no_upload_is_cut_short_by_what_others_have(registry, repository, secret, nowhere):
    """Whoever names a digest has to bring its bytes."""
    answers = []
    for digest in (secret, nowhere):
        posted = registry("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}")
        wrong = registry("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", b"other bytes")
        closed = finish(registry, posted.headers["Location"], digest)
        session = posted.headers["Docker-Upload-UUID"]
        answers.append([seen(answer, digest, session) for answer in (posted, wrong, closed)])

        assert [answer.status for answer in (posted, wrong, closed)] == [202, 400, 400]
    assert answers[0] == answers[1]


def test_abuse_03_the_api_tells_no_more(ecr, repository, secret, nowhere):
    found = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[secret, nowhere])

    assert [layer["layerAvailability"] for layer in found["layers"]] == ["UNAVAILABLE", "UNAVAILABLE"]
    assert found["failures"] == []
    messages = []
    for digest in (secret, nowhere):
        with pytest.raises(ClientError) as refused:
            ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
        messages.append(str(refused.value).replace(digest, "…"))
    assert messages[0] == messages[1]


@SIZES
def test_abuse_03_a_push_of_what_others_have_is_a_push(registry, theirs, repository, secret, size):
    """The same bytes in two accounts are stored twice, and nobody is told."""
    content = random_bytes(f"twice {repository}", size)
    digest = theirs.push_blob(repository, content)

    pushed = finish(registry, begin(registry, repository), digest, content)
    assert pushed.status == 201
    assert theirs("DELETE", f"/v2/{repository}/blobs/{digest}").status == 202
    assert registry("GET", f"/v2/{repository}/blobs/{digest}").data == content


# ── 4, 5: repositories of one account ───────────────────────────────────────────────────────────────


@SIZES
def test_abuse_04_a_blob_is_served_by_the_repositories_that_have_it(registry, repository, make_repository, size):
    """Membership is checked on each read, also where the bytes are remembered."""
    other, content = make_repository(), random_bytes(f"member {repository}", size)
    digest = registry.push_blob(repository, content)

    for _ in range(8):
        assert registry("GET", f"/v2/{repository}/blobs/{digest}").data == content
        for method in ("GET", "HEAD"):
            assert registry(method, f"/v2/{other}/blobs/{digest}").status == 404


def test_abuse_04_a_manifest_is_served_by_the_repositories_that_have_it(registry, repository, make_repository):
    other = make_repository()
    digest, text = registry.push_image(repository, "v1", seed=repository.encode())

    for _ in range(8):
        for reference in (digest, "v1"):
            assert registry("GET", f"/v2/{repository}/manifests/{reference}").data == text
            assert registry("GET", f"/v2/{other}/manifests/{reference}").status == 404


@SIZES
def test_abuse_05_what_was_deleted_is_gone_from_every_cache(registry, repository, make_repository, size):
    """Of CVE-2026-35172: delete in A, push to B; A stays without."""
    other, content = make_repository(), random_bytes(f"deleted {repository}", size)
    digest = registry.push_blob(repository, content)
    path = f"/v2/{repository}/blobs/{digest}"
    for _ in range(20):  # so that every worker has it in mind
        assert registry("GET", path).status == 200

    assert registry("DELETE", path).status == 202
    registry.push_blob(other, content)

    for _ in range(20):
        assert registry("GET", path).status == 404
        assert registry("HEAD", path).status == 404
        assert registry("GET", f"/v2/{other}/blobs/{digest}").data == content


def test_abuse_05_a_deleted_manifest_is_gone_from_every_cache(registry, repository):
    digest, _ = registry.push_image(repository, "v1", seed=repository.encode())
    paths = [f"/v2/{repository}/manifests/{reference}" for reference in ("v1", digest)]
    for path in paths * 10:
        assert registry("GET", path).status == registry("HEAD", path).status == 200

    assert registry("DELETE", paths[1]).status == 202

    for path in paths * 10:
        assert registry("GET", path).status == registry("HEAD", path).status == 404


# ── 6: accounts ─────────────────────────────────────────────────────────────────────────────────────

_REQUESTS = [
    *(("GET", path) for path in ("tags/list", "manifests/v1", "blobs/{}", "referrers/{}", "blobs/uploads/x")),
    *(("HEAD", path) for path in ("manifests/v1", "blobs/{}")),
    *(("PUT", path) for path in ("manifests/v1", "blobs/uploads/x?digest={}")),
    *(("DELETE", path) for path in ("manifests/v1", "blobs/{}", "blobs/uploads/x")),
    ("PATCH", "blobs/uploads/x"),
    *(("POST", path) for path in ("blobs/uploads/", "blobs/uploads/?digest={}", "blobs/uploads/?mount={}&from=a/b")),
]


@pytest.mark.parametrize(("method", "path"), _REQUESTS)
def test_abuse_06_nobody_learns_which_repositories_another_account_has(registry, intruder, repository, method, path):
    """No right at all: the same 403 for what exists and for what does not."""
    registry.push_image(repository, "v1", seed=b"here")
    missing = f"{repository[:-1]}x"
    path = path.format(digest_of(b"layer here"))

    answers = [seen(intruder(method, f"/v2/{name}/{path}", b""), name) for name in (repository, missing)]

    assert answers[0] == answers[1]
    assert answers[0][0] == 403


# ── 8, 9: sessions ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def session(registry, repository) -> Iterator[str]:
    """The path of root's upload session with ten bytes; afterwards it still has them."""
    location = begin(registry, repository)
    assert append(registry, location, 0, b"0123456789").status == 202
    yield location
    assert registry("GET", location).headers["Range"] == "0-9"
    assert finish(registry, location, digest_of(b"0123456789")).status == 201


def _use(registry: Registry, location: str) -> list[tuple[int, list[tuple[str, str]], bytes]]:
    """What somebody sees who tries everything with a session."""
    name, _, upload = location.removeprefix("/v2/").partition("/blobs/uploads/")
    answers = [
        registry("GET", location),
        registry("PATCH", location, b"more"),
        append(registry, location, 10, b"more"),
        registry("PATCH", location, b"m" * 40_000),
        finish(registry, location, digest_of(b"0123456789")),
        finish(registry, location, digest_of(b"x" * 40_000), b"x" * 40_000),
        registry("DELETE", location),
    ]
    return [seen(answer, upload, name) for answer in answers]


_UNUSED = "00000000-0000-4000-8000-000000000000"


def test_abuse_08_a_session_belongs_to_who_began_it(user, repository, session):
    """Quay CVE-2026-32589. Another user of the same account: as if there were no such session."""
    answers = _use(user, session)

    assert answers == _use(user, f"/v2/{repository}/blobs/uploads/{_UNUSED}")
    assert {status for status, _, _ in answers} == {404}


def test_abuse_08_a_session_belongs_to_its_repository(registry, session, make_repository):
    other = make_repository()

    answers = _use(registry, f"/v2/{other}/blobs/uploads/{session.rpartition('/')[2]}")

    assert answers == _use(registry, f"/v2/{other}/blobs/uploads/{_UNUSED}")
    assert {status for status, _, _ in answers} == {404}


def test_abuse_08_a_session_belongs_to_its_account(theirs, other, server, repository, session):
    server.aws("ecr", key=other.key).create_repository(repositoryName=repository)

    answers = _use(theirs, session)

    assert answers == _use(theirs, f"/v2/{repository}/blobs/uploads/{_UNUSED}")
    assert {status for status, _, _ in answers} == {404}


def test_abuse_08_a_session_of_this_face_is_none_of_the_other(user, server, repository, session):
    """The API's parts go by the same rules."""
    api = server.aws("ecr")
    upload = session.rpartition("/")[2]
    stolen = api.initiate_layer_upload(repositoryName=repository)["uploadId"]

    assert user("GET", f"/v2/{repository}/blobs/uploads/{stolen}").status == 404
    assert user("DELETE", f"/v2/{repository}/blobs/uploads/{stolen}").status == 404
    assert api.upload_layer_part(
        repositoryName=repository, uploadId=stolen, partFirstByte=0, partLastByte=0, layerPartBlob=b"x"
    )
    assert upload != stolen


@pytest.mark.parametrize(
    "upload",
    [
        "..",
        "../x",
        "..%2F..%2Fentrepot.sqlite",
        "%2e%2e",
        "%00",
        "x" * 7_000,
        "0b6c?_state=abc",
        "%F0%9F%90%99",
        "ü",
        "'; DROP TABLE uploads; --",
        "*",
        "%",
        "_state=eyJ9",
        "{upper}",
        "{upload}%00",
        "{upload}.",
        "{upload}/",
        " {upload}",
        "{upload}%20",
        "{digits}",
    ],
)
def test_abuse_09_an_upload_id_that_was_tampered_with_is_no_session(registry, repository, session, upload):
    """An id is an opaque key to a row; there is no state in it."""
    real = session.rpartition("/")[2]
    upload = upload.format(upper=real.upper(), upload=real, digits=real.replace("-", ""))

    for method in ("GET", "PATCH", "PUT", "DELETE"):
        answer = registry(method, f"/v2/{repository}/blobs/uploads/{upload}", b"" if method != "GET" else None)

        assert answer.status in {400, 404, 405}, answer.data


# ── 16: what a manifest may name ────────────────────────────────────────────────────────────────────


def test_abuse_16_an_index_names_manifests_of_its_own_repository(registry, repository, make_repository):
    """A manifest of another repository is as missing as one that is nowhere."""
    _, text = registry.push_image(make_repository(), None, seed=repository.encode())

    answers = []
    for child in (text, f"nowhere {repository}".encode()):
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(child, OCI_MANIFEST)]}
        refused = registry.put_manifest(repository, "v1", json.dumps(index).encode(), OCI_INDEX)
        assert refusal(refused)[:2] == (400, "MANIFEST_BLOB_UNKNOWN")
        answers.append(seen(refused, digest_of(child)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("place", ["config", "layers"])
def test_abuse_16_a_manifest_names_blobs_of_its_own_repository(registry, repository, make_repository, place):
    other, own, foreign = make_repository(), b"own", random_bytes(f"foreign {repository}", 40_000)
    registry.push_blob(repository, own)
    registry.push_blob(other, foreign)

    answers = []
    for content in (foreign, f"nowhere {repository}".encode()):
        tree = manifest(content, own) if place == "config" else manifest(own, content)
        refused = registry.put_manifest(repository, "v1", json.dumps(tree).encode())
        assert refusal(refused)[:2] == (400, "BLOB_UPLOAD_UNKNOWN")
        answers.append(seen(refused, digest_of(content)))
    assert answers[0] == answers[1]


# ── 21: repositories that come back under their name ────────────────────────────────────────────────


def _recreate(ecr, repository):
    ecr.delete_repository(repositoryName=repository, force=True)
    ecr.create_repository(repositoryName=repository)


@SIZES
def test_abuse_21_a_new_repository_has_nothing_of_its_namesake(registry, ecr, repository, size):
    """Sessions, links, tags and images hang on the repository's id, which is never used twice."""
    content = random_bytes(f"old {repository}", size)
    blob = registry.push_blob(repository, content)
    image, _ = registry.push_image(repository, "v1", seed=repository.encode())
    location = begin(registry, repository)
    assert append(registry, location, 0, content).status == 202
    url = ecr.get_download_url_for_layer(
        repositoryName=repository, layerDigest=digest_of(b"layer " + repository.encode())
    )

    _recreate(ecr, repository)

    for path in ("manifests/v1", f"manifests/{image}", f"blobs/{blob}"):
        assert registry("GET", f"/v2/{repository}/{path}").status == 404
    assert registry("GET", f"/v2/{repository}/tags/list").json()["tags"] == []
    for answer in (
        registry("GET", location),
        append(registry, location, size, b"more"),
        finish(registry, location, blob),
        registry("DELETE", location),
    ):
        assert refusal(answer)[:2] == (404, "BLOB_UPLOAD_UNKNOWN")
    assert Registry("", None)("GET", url["downloadUrl"]).status in {403, 404}


@pytest.mark.parametrize("recreated", [True, False])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_abuse_21_a_push_under_way_does_not_outlive_its_repository(registry, ecr, repository, method, recreated):
    """The repository goes while the bytes come: they are in no repository afterwards, whatever its name."""
    content = random_bytes(f"under way {repository}", 200_000)
    digest = digest_of(content)
    location = begin(registry, repository)
    begun, gone = threading.Event(), threading.Event()

    def pieces():
        yield content[:100_000]
        begun.set()
        gone.wait()
        yield content[100_000:]

    path = f"/v2/{repository}/blobs/uploads/" if method == "POST" else location
    answers = []
    pushing = threading.Thread(
        target=lambda: answers.append(registry(method, f"{path}?digest={digest}", pieces())), daemon=True
    )
    pushing.start()
    assert begun.wait(30)
    ecr.delete_repository(repositoryName=repository, force=True)
    if recreated:
        ecr.create_repository(repositoryName=repository)
    gone.set()
    pushing.join(30)

    (answer,) = answers
    if method == "PATCH":
        assert registry("GET", location).status == 404
    elif method == "POST" and recreated:
        # No session and no bytes of the old one: the request is as good as one that begins now.
        assert answer.status in {201, 404}
        assert registry("HEAD", f"/v2/{repository}/blobs/{digest}").status == (200 if answer.status == 201 else 404)
    else:
        assert answer.status == 404
    if method != "POST":
        assert registry("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404


# ── 23: ids of others ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def api(server, other, repository) -> Any:
    """ECR of the other account, which has a repository of the same name."""
    client = server.aws("ecr", key=other.key)
    client.create_repository(repositoryName=repository)
    return client


def test_abuse_23_ids_of_another_account_lead_nowhere(registry, theirs, api, ecr, repository):
    """Harbor CVE-2022-31670 and its family: their digests, sessions and addresses, used as ours."""
    image, text = theirs.push_image(repository, "theirs", seed=b"theirs " + repository.encode())
    layer = digest_of(b"layer theirs " + repository.encode())
    upload = begin(theirs, repository).rpartition("/")[2]
    api_upload = api.initiate_layer_upload(repositoryName=repository)["uploadId"]

    for path in (f"manifests/{image}", "manifests/theirs", f"blobs/{layer}"):
        for method in ("GET", "HEAD", "DELETE"):
            assert registry(method, f"/v2/{repository}/{path}").status == 404
    for session in (upload, api_upload):
        for method in ("GET", "PATCH", "DELETE"):
            assert registry(method, f"/v2/{repository}/blobs/uploads/{session}").status == 404
        with pytest.raises(ClientError, match="UploadNotFound"):
            ecr.upload_layer_part(
                repositoryName=repository, uploadId=session, partFirstByte=0, partLastByte=0, layerPartBlob=b"x"
            )
    assert registry("GET", f"/v2/{repository}/referrers/{image}").json()["manifests"] == []
    assert theirs("GET", f"/v2/{repository}/manifests/theirs").data == text


@pytest.mark.usefixtures("api")
def test_abuse_23_a_signed_address_opens_one_blob_and_no_other(registry, ecr, theirs, other, repository):
    """Region, account, repository, digest, end and principal are signed."""
    registry.push_image(repository, "v1", seed=b"ours " + repository.encode())
    theirs.push_image(repository, "v1", seed=b"theirs " + repository.encode())
    ours, foreign = (digest_of(b"layer %s " % who + repository.encode()) for who in (b"ours", b"theirs"))
    url = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=ours)["downloadUrl"]
    anybody = Registry("", None)
    assert anybody("GET", url).status == 200
    region, account, number, _ = url.partition("/_dl/v1/")[2].split("/")

    for changed in (
        url.replace(ours, foreign),
        url.replace(ours, digest_of(b"{}")),
        url.replace(f"/{account}/", f"/{other.id}/"),
        url.replace(f"/{region}/", "/eu-west-1/"),
        url.replace(f"/{number}/", f"/{int(number) + 1}/"),
        url.replace(f"/{number}/", f"/{int(number) - 1}/"),
        url.replace("exp=1", "exp=2"),
        url.replace("by=", "by=9"),
        url.replace("kid=1", "kid=2"),
        url.replace("&sig=", "&sig=0"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.rpartition("&")[0],
        url + "&x=y",
        url.replace("sha256:", "sha256%3A"),
        url.replace("/_dl/v1/", "/_dl/v1//"),
    ):
        assert changed != url
        assert refusal(anybody("GET", changed))[:2] == (403, "DENIED")
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        assert anybody(method, url).status in {403, 405}
