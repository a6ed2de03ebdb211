"""What is refused, and how. Source: OCI distribution-spec 1.1, "Error Codes", "Endpoints"."""

import pytest

from tests.oci.wire import refusal
from tests.support.server import digest_of

DIGEST = digest_of(b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"])
def test_the_ping_is_a_get(registry, method):
    """UNSUPPORTED: the operation is unsupported."""
    assert registry(method, "/v2/").status == 405


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "tags/list"),
        ("PUT", "tags/list"),
        ("DELETE", "tags/list"),
        ("POST", "manifests/latest"),
        ("PATCH", "manifests/latest"),
        ("PUT", f"blobs/{DIGEST}"),
        ("POST", f"blobs/{DIGEST}"),
        ("POST", f"referrers/{DIGEST}"),
        ("GET", "blobs/uploads/"),
        ("PUT", "blobs/uploads/"),
        ("PATCH", "blobs/uploads/"),
        ("OPTIONS", "manifests/latest"),
    ],
)
def test_a_method_that_an_address_does_not_have_is_unsupported(registry, repository, method, path):
    assert refusal(registry(method, f"/v2/{repository}/{path}"))[:2] == (405, "UNSUPPORTED")


@pytest.mark.parametrize(
    "path", ["x", "x/y", "x/manifests", "x/tags", "x/tags/lists", "/", "//", "_catalogue", "x/blobs/"]
)
def test_an_address_that_the_specification_does_not_have_is_404(registry, path):
    assert registry("GET", f"/v2/{path}").status in {400, 404}


@pytest.mark.parametrize(
    "name",
    [
        "App",
        "a",
        "a..b",
        "-a",
        "a-",
        "a/",
        "a//b",
        "a/-b",
        "a___b",
        "a.-b",
        "a" * 257,
        "a/" * 128 + "aa",
        "_catalog",
    ],
)
def test_a_name_outside_the_grammar_is_invalid(registry, name):
    """NAME_INVALID, 400: <name> MUST match the regular expression. "Pulling manifests"; the text is ECR's."""
    status, code, message = refusal(registry("GET", f"/v2/{name}/manifests/latest"))

    assert (status, code) == (400, "NAME_INVALID")
    assert message.startswith("Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy")


@pytest.mark.parametrize("name", ["%61%61", "a%2Fb", "a%00", "%C3%BC", "..%2F..", "a%5Cb", "%2E%2E/a"])
def test_an_encoded_name_is_no_address(registry, name):
    """There is one way to write a name; two would let a proxy see another one than we do. security-design 8.2."""
    assert registry("GET", f"/v2/{name}/manifests/latest").status == 404


@pytest.mark.parametrize("name", ["aa", "a1", "0/0", "a__b", "a----b", "a.b/c_d/e-f", "library/tags/list", "ab" * 128])
def test_a_name_of_the_grammar_is_merely_unknown(registry, name):
    assert refusal(registry("GET", f"/v2/{name}/manifests/latest"))[:2] == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize(
    "digest", ["sha256:totallywrong", "sha256:", "sha256:" + "g" * 64, "sha256:" + "a" * 65, "x:y"]
)
@pytest.mark.parametrize("kind", ["manifests", "blobs", "referrers"])
def test_a_digest_that_is_none_is_invalid(registry, repository, kind, digest):
    """DIGEST_INVALID, 400."""
    assert refusal(registry("GET", f"/v2/{repository}/{kind}/{digest}"))[:2] == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("colon", ["%3A", "%3a"])
def test_the_colon_of_a_digest_may_be_encoded(registry, repository, colon):
    registry.push_blob(repository, b"")

    assert registry("GET", f"/v2/{repository}/blobs/{DIGEST.replace(':', colon)}").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", f"blobs/{DIGEST}"), ("GET", "manifests/x"), ("GET", "blobs/uploads/x"), ("PATCH", "blobs/uploads/x")],
)
def test_a_repository_that_is_not_there_is_unknown(registry, method, path):
    """NAME_UNKNOWN, 404; the text is ECR's."""
    assert refusal(registry(method, f"/v2/no/such/{path}")) == (
        404,
        "NAME_UNKNOWN",
        "The repository with name 'no/such' does not exist in the registry with id '123456789012'",
    )


def test_a_blob_that_is_not_there_is_unknown(registry, repository):
    """BLOB_UNKNOWN, 404."""
    digest = digest_of(repository.encode())

    assert refusal(registry("GET", f"/v2/{repository}/blobs/{digest}")) == (
        404,
        "BLOB_UNKNOWN",
        (
            f"The layer with digest '{digest}' does not exist within the repository with name '{repository}' "
            "in the registry with id '123456789012'"
        ),
    )
    head = registry("HEAD", f"/v2/{repository}/blobs/{digest}")
    assert (head.status, head.data) == (404, b"")


@pytest.mark.parametrize("upload", ["x", "00000000-0000-4000-8000-000000000000", "x" * 500, "...", "~"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_an_upload_that_is_not_there_is_unknown(registry, repository, method, upload):
    """BLOB_UPLOAD_UNKNOWN, 404."""
    query = f"?digest={DIGEST}" if method == "PUT" else ""

    got = registry(method, f"/v2/{repository}/blobs/uploads/{upload}{query}")

    assert refusal(got) == (
        404,
        "BLOB_UPLOAD_UNKNOWN",
        (
            f"The upload with id '{upload}' does not exist in the repository with name '{repository}' "
            "in registry with id '123456789012'"
        ),
    )


@pytest.mark.parametrize(
    "query",
    [
        "n=1;n=2",
        "&&&",
        "=",
        "%",
        "n=%",
        "n=1&n=2",
        "last=%00",
        "last=%FF%FE",
        "last=" + "x" * 7_000,
        "n=1&last=%ED%A0%80",
    ],
    ids=lambda query: query[:20],
)
def test_odd_queries_are_answered_and_not_crashed_on(registry, repository, query):
    for path in (f"/v2/{repository}/tags/list", "/v2/_catalog", f"/v2/{repository}/referrers/{DIGEST}"):
        got = registry("GET", f"{path}?{query}")

        assert got.status in {200, 400, 405}, got.data


@pytest.mark.parametrize("parameter", ["n=1", "last=%20", "x=+", ""])
def test_more_parameters_than_anybody_wants_are_refused(registry, repository, parameter):
    """414 URI Too Long, as distribution-spec (dev) has it for too many tags."""
    query = "&".join([parameter] * 101)

    assert refusal(registry("GET", f"/v2/{repository}/tags/list?{query}"))[:2] == (414, "UNSUPPORTED")


def test_the_first_of_two_parameters_counts(registry, repository):
    for tag in ("a", "b", "c"):
        registry.push_image(repository, tag, seed=b"one")

    assert registry("GET", f"/v2/{repository}/tags/list?n=1&n=2").json()["tags"] == ["a"]


@pytest.mark.parametrize(
    "path",
    ["/v2/", "/v2/_catalog", "/v2/no/such/tags/list", "/v2/x/y/z", f"/v2/no/such/blobs/{DIGEST}"],
)
def test_every_answer_has_the_headers_that_keep_browsers_harmless(registry, path):
    """Source: security-design 8.3."""
    headers = registry("GET", path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert "Access-Control-Allow-Origin" not in headers


def test_what_was_pulled_may_be_kept_by_whoever_pulled_it(registry, repository):
    """Cache-Control: private with Vary: Authorization. security-design 8.3."""
    digest, _ = registry.push_image(repository, "v1", seed=repository.encode())

    for reference, caching in ((digest, "private, max-age=3600"), ("v1", "private, no-cache")):
        headers = registry("GET", f"/v2/{repository}/manifests/{reference}").headers
        assert (headers["Cache-Control"], headers["Vary"]) == (caching, "Authorization")
        assert headers["X-Content-Type-Options"] == "nosniff"
