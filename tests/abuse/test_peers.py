"""Names that are forged, and headers that only a proxy may send: security-design 9, rows 38 and 39."""

import base64
import itertools

import pytest

from tests.abuse.raw import lines_of, request, requests_of, send, statuses
from tests.oci.wire import begin, refusal
from tests.support.server import ACCOUNT, Registry, digest_of

PROXY = "127.0.0.2"
_numbers = itertools.count(1)

_FORGED = ["evil.example.org", "localhost.evil.example.org", "evil.example.org:5000", "localhost\\evil.example.org"]


@pytest.mark.parametrize("host", _FORGED)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/"),
        ("POST", "/v2/app/blobs/uploads/"),
        ("GET", "/v2/app/tags/list?n=1"),
        ("POST", "/"),
        ("GET", "/x"),
    ],
)
def test_abuse_38_a_forged_host_is_not_repeated(edge, host, method, path):
    """Realm, Location, Link and addresses: no answer names a host that is not set up."""
    login = [("Authorization", edge.registry().headers["Authorization"]), ("Content-Length", "0")]

    for headers in ([], login):
        answer = send(edge.port, request(method, path, headers, host=host))

        assert statuses(answer) == [421]
        head, _, body = answer.partition(b"\r\n\r\n")
        assert host.encode() not in head
        assert b"evil" not in body or b"MISDIRECTED" in body


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Host", "X-Forwarded-Server"])
def test_abuse_38_a_forwarded_host_from_a_stranger_is_noise(registry, stranger, server, repository, name):
    evil = {name: "host=evil.example.org" if name == "Forwarded" else "evil.example.org"}

    challenge = stranger("GET", "/v2/", headers=evil).headers["WWW-Authenticate"]
    begun = registry("POST", f"/v2/{repository}/blobs/uploads/", headers=evil)

    assert challenge == f'Basic realm="http://127.0.0.1:{server.port}/",service="ecr.amazonaws.com"'
    assert begun.headers["Location"].startswith(f"/v2/{repository}/")
    assert "evil" not in str(begun.headers)


def test_abuse_38_locations_name_no_host_at_all(registry, repository):
    """A client follows them on the host that it has reached, whatever that is called."""
    content = repository.encode()
    for location in (
        begin(registry, repository),
        registry("POST", f"/v2/{repository}/blobs/uploads/?digest={digest_of(content)}", content).headers["Location"],
    ):
        assert location.startswith("/v2/")
        assert not location.startswith("//")


def test_abuse_38_what_the_api_says_of_itself_is_what_is_set_up(server, ecr, repository):
    """``repositoryUri`` and ``proxyEndpoint`` come from the settings, not from the request."""
    described = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
    endpoint = ecr.get_authorization_token()["authorizationData"][0]["proxyEndpoint"]

    assert described["repositoryUri"] == f"localhost:{server.port}/{repository}"
    assert endpoint == f"http://localhost:{server.port}"


# ── 39 ──────────────────────────────────────────────────────────────────────────────────────────────


def _through_proxy(edge, headers, *, source=PROXY):
    """GET /v2/ as root, and the line of the log about it."""
    marker = f"/v2/marker-{next(_numbers)}/tags/list"
    login = ("Authorization", edge.registry().headers["Authorization"])
    answer = send(edge.port, request("GET", marker, [login, *headers]), source=source)
    (line,) = (line for line in requests_of(edge, until=marker) if line["path"] == marker)
    return statuses(answer)[0], line["client"], answer


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.3"])
def test_abuse_39_headers_of_a_stranger_do_not_count(edge, source):
    """Gitea CVE-2026-20896: neither the address nor the scheme can be claimed."""
    claims = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")]

    status, client, _ = _through_proxy(edge, claims, source=source)

    assert (status, client) == (404, source)


def test_abuse_39_a_login_over_plain_http_through_a_proxy_is_refused(edge):
    """The proxy says where the client is, and that it came over http: that is not this machine."""
    status, client, answer = _through_proxy(edge, [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "http")])

    assert (status, client) == (403, "203.0.113.9")
    assert b"insecure_http" in answer
    assert b"--tls-cert" in answer


def test_abuse_39_a_login_over_https_through_a_proxy_is_taken(edge):
    status, client, _ = _through_proxy(edge, [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")])

    assert (status, client) == (404, "203.0.113.9")


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("127.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1,203.0.113.9", "203.0.113.9"),
        ("127.0.0.1, 203.0.113.9, 127.0.0.2", "203.0.113.9"),
        ("127.0.0.1, unknown", "unknown"),
        ("127.0.0.1, ", ""),
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_abuse_39_of_several_addresses_the_last_that_is_no_proxy_counts(edge, forwarded, client):
    """What stands further left was written by whoever sent the request."""
    status, seen, _ = _through_proxy(edge, [("X-Forwarded-For", forwarded), ("X-Forwarded-Proto", "http")])

    assert (status, seen) == (403, client)


def test_abuse_39_a_known_login_is_refused_over_plain_http_too(edge):
    """That the same password was good over https does not make plain http safe."""
    secure = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")]

    assert [
        _through_proxy(edge, headers)[0]
        for headers in (secure, [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "http")], secure)
    ] == [404, 403, 404]


def test_abuse_39_a_forwarded_host_must_be_set_up_too(edge):
    headers = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")]

    assert _through_proxy(edge, [*headers, ("X-Forwarded-Host", "evil.example.org")])[0] == 421
    good = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    answer = send(edge.port, request("GET", "/v2/", [*headers, ("X-Forwarded-Host", good)]), source=PROXY)
    assert f'realm="https://{good}/"'.encode() in answer


def test_abuse_39_a_proxy_cannot_be_used_to_slow_others_down(edge):
    """Failed logins count for the client that the proxy names, not for the proxy."""
    wrong = "Basic " + base64.b64encode(b"AWS:wrong").decode()
    for _ in range(12):
        headers = [("X-Forwarded-For", "203.0.113.66"), ("X-Forwarded-Proto", "https"), ("Authorization", wrong)]
        assert statuses(send(edge.port, request("GET", "/v2/", headers), source=PROXY, silence=10)) == [401]

    clients = [line["client"] for line in lines_of(edge) if line["event"] == "request" and line["status"] == 401]
    assert clients.count("203.0.113.66") >= 10
    assert isinstance(edge.registry(), Registry)
    assert refusal(edge.registry()("GET", "/v2/no/such/tags/list"))[0] == 404
