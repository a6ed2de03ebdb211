"""Names, digests and addresses that want to lead elsewhere: security-design 9, rows 10 and 11."""

import pytest

from tests.abuse.raw import request, send, statuses
from tests.oci.kinds import random_bytes
from tests.oci.wire import begin, finish, refusal
from tests.support.server import digest_of

# Ways to say "up", "root" or "end here" that somebody, somewhere, has decoded into that.
_TOKENS = [
    *("..", "../", "../..", "../../../../etc/passwd", "/etc/passwd", "//etc/passwd", "./", "././", ".../", "....//"),
    *("..;", "..;/", "..\\", "..\\..\\", "\\..\\", "%5c..%5c", "..%5c", "..%2f", "..%2F", "%2e%2e/", "%2e%2e%2f"),
    *("%2E%2E%2F", ".%2e/", "%2e./", "..%252f", "%252e%252e%252f", "..%c0%af", "%c0%ae%c0%ae/", "%c0%ae%c0%ae%c0%af"),
    *("..%ef%bc%8f", "%uff0e%uff0e%u2215", "..%00/", "%00", "%00.json", "%0a", "%0d%0aX:%20y", "%09", "%20", "%7f"),
    *("~", "~root", "~/.ssh", "file:///etc/passwd", "C:\\windows", "\\\\host\\share", "con", "nul:", "%s%s%n"),
    *("${HOME}", "$(id)", "`id`", "{{7*7}}", ";id", "|id", "&&id", "'", '"', "<x>", "*", "%3f", "%23", "@", "::$DATA"),
]
# Where a client can put text: name, tag, digest, upload, source of a mount, digest of a closing request.
_PLACES = {
    "name": ("GET", "/v2/{}/manifests/latest"),
    "inner name": ("GET", "/v2/app/{}/x/blobs/" + digest_of(b"")),
    "tag": ("GET", "/v2/app/manifests/{}"),
    "tag to put": ("PUT", "/v2/app/manifests/{}"),
    "tag to delete": ("DELETE", "/v2/app/manifests/{}"),
    "digest": ("GET", "/v2/app/blobs/{}"),
    "digest after its algorithm": ("GET", "/v2/app/blobs/sha256:{}"),
    "algorithm": ("GET", "/v2/app/blobs/{}:" + "0" * 64),
    "blob to delete": ("DELETE", "/v2/app/blobs/sha256:{}"),
    "referrers": ("GET", "/v2/app/referrers/{}"),
    "upload": ("PATCH", "/v2/app/blobs/uploads/{}"),
    "upload to cancel": ("DELETE", "/v2/app/blobs/uploads/{}"),
    "digest to close with": ("PUT", "/v2/app/blobs/uploads/x?digest={}"),
    "signed address": ("GET", "/_dl/v1/us-east-1/123456789012/1/{}?exp=99999999999&kid=1&by=x&sig=" + "0" * 64),
    "before the face": ("GET", "/{}/v2/app/manifests/latest"),
}


@pytest.fixture(scope="module")
def edge_login(edge):
    """Headers of root at the server whose log is in order."""
    return [("Authorization", edge.registry().headers["Authorization"]), ("Content-Length", "0")]


@pytest.mark.parametrize("place", _PLACES)
def test_abuse_10_no_text_leads_out_of_its_place(edge, edge_login, place):
    """containers/image CVE-2024-3727: whatever stands there is refused, and nothing of the machine comes back."""
    method, template = _PLACES[place]
    payloads = [request(method, template.format(token), edge_login) for token in _TOKENS]
    before = _files(edge)

    for token, payload in zip(_TOKENS, payloads, strict=True):
        answer = send(edge.port, payload)

        assert len(statuses(answer)) == 1, (token, answer)
        assert 400 <= statuses(answer)[0] < 500, (token, answer)
        assert b"root:x:" not in answer
        assert str(edge.data).encode() not in answer
    assert _files(edge) == before


def test_abuse_10_a_source_that_leads_elsewhere_is_none(edge, edge_login):
    for token in _TOKENS:
        target = f"/v2/app/blobs/uploads/?mount={digest_of(b'')}&from={token}"
        answer = send(edge.port, request("POST", target, edge_login))

        assert statuses(answer) in ([202], [400]), (token, answer)  # 400: no request at all


def _files(server):
    """Every file of the store, and what lies beside the data."""
    return sorted(map(str, [*(server.data / "blobs").rglob("*"), *server.data.parent.iterdir()]))


# ── 11: digests ─────────────────────────────────────────────────────────────────────────────────────

_CONTENT = b"the bytes that are there"
_HEX = digest_of(_CONTENT).partition(":")[2]
_DIGESTS = {
    "upper-case": f"sha256:{_HEX.upper()}",
    "mixed case": f"sha256:{_HEX[:-1]}{_HEX[-1].upper() if _HEX[-1].isalpha() else 'A'}",
    "upper-case algorithm": f"SHA256:{_HEX}",
    "no algorithm": _HEX,
    "empty algorithm": f":{_HEX}",
    "dash": f"sha-256:{_HEX}",
    "equals sign": f"sha256={_HEX}",
    "two colons": f"sha256::{_HEX}",
    "two algorithms": f"sha256:sha256:{_HEX}",
    "plus": f"sha256+b64:{_HEX}",
    "one short": f"sha256:{_HEX[:-1]}",
    "one long": f"sha256:{_HEX}0",
    "prefix": f"sha256:{_HEX[:12]}",
    "nothing": "sha256:",
    "of sha512's length": f"sha256:{_HEX}{_HEX}",
    "sha512 of sha256's length": f"sha512:{_HEX}",
    "sha384": f"sha384:{_HEX[:32]}{_HEX}",
    "sha1": f"sha1:{_HEX[:40]}",
    "md5": f"md5:{_HEX[:32]}",
    "blake3": f"blake3:{_HEX}",
    "full-width digits": f"sha256:{_HEX[:-1]}１",
    "line break": f"sha256:{_HEX}%0A",
    "NUL": f"sha256:{_HEX}%00",
    "blank before": f"%20sha256:{_HEX}",
    "blank after": f"sha256:{_HEX}%20",
    "encoded letter": f"sha256:{_HEX[:-1]}%6{_HEX[-1] if _HEX[-1].isdigit() else '1'}",
}


@pytest.mark.parametrize("case", _DIGESTS)
def test_abuse_11_only_the_canonical_digest_is_one(registry, repository, case):
    """Only ``sha256:`` + 64 or ``sha512:`` + 128 lower-case hex digits."""
    digest = _DIGESTS[case]
    registry.push_blob(repository, _CONTENT)

    for method, path in (
        ("GET", f"blobs/{digest}"),
        ("HEAD", f"blobs/{digest}"),
        ("DELETE", f"blobs/{digest}"),
        ("GET", f"referrers/{digest}"),
        ("GET", f"manifests/{digest}"),
        ("PUT", f"manifests/{digest}"),
        ("POST", f"blobs/uploads/?digest={digest}"),
    ):
        answer = registry(method, f"/v2/{repository}/{path}", _CONTENT if method in {"PUT", "POST"} else None)
        assert answer.status in {400, 404, 405}, (path, answer.data)
    assert registry("POST", f"/v2/{repository}/blobs/uploads/?mount={digest}&from={repository}").status == 202
    location = begin(registry, repository)
    assert refusal(finish(registry, location, digest, _CONTENT))[:2] == (400, "DIGEST_INVALID")
    assert registry("GET", f"/v2/{repository}/blobs/{digest_of(_CONTENT)}").data == _CONTENT


@pytest.mark.parametrize("size", [100, 40_000], ids=["a row", "a file"])
@pytest.mark.parametrize(("named", "computed"), [("sha256", "sha512"), ("sha512", "sha256")])
def test_abuse_11_a_digest_is_always_computed_in_its_own_algorithm(registry, repository, size, named, computed):
    """The hex of one algorithm under the name of the other, cut or doubled, is another digest."""
    content = random_bytes(repository, size)
    hexadecimal = digest_of(content, computed).partition(":")[2]
    forged = f"{named}:{(hexadecimal * 2)[: 64 if named == 'sha256' else 128]}"

    pushed = finish(registry, begin(registry, repository), forged, content)

    assert refusal(pushed)[:2] == (400, "DIGEST_INVALID")
    assert registry("HEAD", f"/v2/{repository}/blobs/{forged}").status == 404


def test_abuse_11_header_address_and_content_agree(registry, repository):
    for algorithm in ("sha256", "sha512"):
        digest = registry.push_blob(repository, _CONTENT, algorithm)
        got = registry("GET", f"/v2/{repository}/blobs/{digest}", headers={"Docker-Content-Digest": digest_of(b"x")})

        assert got.headers["Docker-Content-Digest"] == digest == digest_of(got.data, algorithm)
