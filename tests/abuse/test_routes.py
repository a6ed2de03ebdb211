"""Routes that somebody forgot, and paths that tell by what they do: security-design 9, rows 45, 59, 69."""

import hmac
import itertools
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.loaders import Loader

from entrepot import clock
from entrepot.aws.models import DATA
from entrepot.identity.faults import LoginInvalid, TokenInvalid
from entrepot.identity.logins import Logins
from entrepot.identity.tokens import Ring
from entrepot.names import Registry as RegistryName
from entrepot.oci.routes import ROUTES
from entrepot.registry import downloads
from entrepot.registry.mutability import Mutability
from entrepot.registry.repositories import Repository
from tests.oci.wire import refusal
from tests.support.rootkey import root_key
from tests.support.server import Registry, digest_of

DIGEST = digest_of(b"layer anonymous")

# What anybody may ask: whether the server lives. Nothing else is ever answered without credentials.
ALLOWED = {("GET", "/healthz"), ("HEAD", "/healthz"), ("GET", "/readyz"), ("HEAD", "/readyz")}

_PATHS = {
    "": "/v2/",
    "_catalog": "/v2/_catalog",
    "tags": "/v2/anonymous/app/tags/list",
    "referrers": f"/v2/anonymous/app/referrers/{DIGEST}",
    "manifests": "/v2/anonymous/app/manifests/v1",
    "blobs": f"/v2/anonymous/app/blobs/{DIGEST}",
    "uploads": f"/v2/anonymous/app/blobs/uploads/?mount={DIGEST}&from=anonymous/app",
    "upload": f"/v2/anonymous/app/blobs/uploads/x?digest={DIGEST}",
}


@pytest.fixture(scope="module")
def image(registry, ecr) -> str:
    """A repository with an image, which nobody shall see."""
    ecr.create_repository(repositoryName="anonymous/app")
    registry.push_image("anonymous/app", "v1", seed=b"anonymous")
    return "anonymous/app"


def test_abuse_69_every_kind_of_route_is_probed():
    """A route that comes later comes here too, or this test says so."""
    assert {kind for _, kind in ROUTES} == set(_PATHS)


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("kind", _PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"])
def test_abuse_69_no_route_of_the_registry_answers_a_stranger(stranger, method, kind):
    """Gitea CVE-2026-27771, a private image readable without login: 401 and nothing else."""
    answer = stranger(method, _PATHS[kind])

    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers
    if method != "HEAD":
        assert refusal(answer) == (401, "UNAUTHORIZED", "Not Authorized")


@pytest.mark.usefixtures("image")
def test_abuse_69_of_all_paths_a_stranger_gets_those_of_the_list(stranger):
    """Harbor CVE-2020-29662: paths that other products have, and those of ours written in other ways."""
    paths = [
        *("/", "/healthz", "/readyz", "/metrics", "/debug/pprof/", "/debug/vars", "/admin", "/api", "/api/v2.0/users"),
        *(
            "/v1/_ping",
            "/v1/search",
            "/v2",
            "/v2/",
            "//v2/",
            "/v2//",
            "/V2/",
            "/v2/_catalog",
            "/v3/",
            "/v2/token",
            "/token",
        ),
        *(
            "/_dl/",
            "/_dl/v1/",
            f"/_dl/v1/us-east-1/123456789012/1/{DIGEST}",
            "/favicon.ico",
            "/robots.txt",
            "/index.html",
        ),
        *(
            "/static/x",
            "/.git/config",
            "/.env",
            "/docs",
            "/openapi.json",
            "/console",
            "/login",
            "/healthz/",
            "/healthz/x",
        ),
        *("/readyz?x=y", "/%76%32/", "/v2/%2e%2e/healthz", "/healthz/../v2/_catalog", "/v2/../healthz", "/x/healthz"),
        *_PATHS.values(),
    ]
    answered = set()
    for method, path in itertools.product(["GET", "HEAD", "POST", "PUT", "DELETE"], paths):
        answer = stranger(method, path, b"" if method in {"POST", "PUT"} else None)
        assert answer.status < 500, (method, path)
        if answer.status < 400:
            assert b"anonymous" not in answer.data
            answered.add((method, urlsplit(path).path))

    # A path to the probes that a client of HTTP makes shorter by itself is the probe's.
    assert {pair for pair in answered if pair[0] in {"GET", "HEAD"}} <= ALLOWED | {
        (method, "/v2/../healthz") for method in ("GET", "HEAD")
    }
    assert {path for method, path in answered if method not in {"GET", "HEAD"}} <= {
        "/healthz",
        "/readyz",
        "/v2/../healthz",
    }


def _operations() -> list[tuple[str | None, str]]:
    loader = Loader(extra_search_paths=[DATA])
    found = []
    for service in ("ecr", "entrepot", "sts"):
        model = loader.load_service_model(service, "service-2")
        prefix = model["metadata"].get("targetPrefix")
        # AWS says of some that nobody signs them: what they take in place of that proves who calls.
        unsigned = {name for name, operation in model["operations"].items() if operation.get("authtype") == "none"}
        found += [(prefix, name) for name in model["operations"].keys() - unsigned]
    return found


def test_abuse_69_no_operation_of_the_api_answers_a_stranger(stranger):
    """Missing Authentication Token, or that there is no such operation yet, before anything is said of the input."""
    operations = _operations()
    assert len(operations) > 60
    for prefix, name in operations:
        if prefix:
            headers = {"X-Amz-Target": f"{prefix}.{name}", "Content-Type": "application/x-amz-json-1.1"}
            answer = stranger("POST", "/", b"{}", headers=headers)
        else:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = stranger("POST", "/", f"Action={name}&Version=2011-06-15".encode(), headers=headers)

        assert answer.status in {400, 403}, (name, answer.data)
        code = answer.data.decode()
        assert "MissingAuthenticationToken" in code or "is not yet in this version" in code, (name, code)


# ── 45: where credentials might go along ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [100, 100_000], ids=["a row", "a file"])
def test_abuse_45_no_answer_sends_a_client_elsewhere(registry, repository, size):
    """Who follows a redirect may take the Authorization header along: so there is none."""
    digest = registry.push_blob(repository, b"x" * size)

    for method, path in (("GET", f"blobs/{digest}"), ("HEAD", f"blobs/{digest}"), ("GET", "tags/list")):
        answer = registry(method, f"/v2/{repository}/{path}")
        assert answer.status == 200
        assert "Location" not in answer.headers


def test_abuse_45_a_signed_address_is_ours_and_carries_no_credential(server, registry, ecr, repository):
    """It opens the one blob for an hour, by itself; whatever else is sent along makes no difference."""
    registry.push_image(repository, "v1", seed=repository.encode())
    digest = digest_of(b"layer " + repository.encode())

    url = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)["downloadUrl"]

    parts = urlsplit(url)
    assert parts.hostname in {"127.0.0.1", "localhost"}
    assert parts.port == server.port
    secrets = [registry.headers["Authorization"].partition(" ")[2], *server.environment().values()]
    assert not [secret for secret in secrets if len(secret) > 15 and secret in url]
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Cookie": "a=b"}, dict(registry.headers)):
        assert Registry("", None)("GET", url, headers=headers).status == 200


# ── 59: time, as the work that is done ──────────────────────────────────────────────────────────────


class _Counting:
    """Counts what is done with secrets, instead of timing it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        for name in ("compare_digest", "digest", "new"):
            monkeypatch.setattr(hmac, name, self._counted(name, getattr(hmac, name)))

    def _counted(self, name: str, function: Any) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            self.done.append(name)
            return function(*arguments, **more)

        return call


@pytest.fixture
def ring() -> Ring:
    return Ring(root_key(), "deployment", clock.now)


def test_abuse_59_a_wrong_signature_of_an_address_costs_the_same_wherever_it_is_wrong(ring, monkeypatch):
    """compare_digest looks at all of it; what is compared does not depend on what was sent."""
    name = RegistryName("123456789012", "us-east-1")
    repository = Repository(1, name, "app", 0.0, Mutability(), scan_on_push=False)
    good = downloads.address(ring, repository, DIGEST, principal="123456789012")
    path, _, query = good.partition("?")
    wrong = [
        query[: -64 + at] + ("0" if query[-64 + at] != "0" else "1") + query[len(query) - 64 + at + 1 :]
        for at in (0, 1, 31, 63)
    ]
    work = []
    for text in (query, *wrong):
        with monkeypatch.context() as patch:
            counting = _Counting(patch)
            found = downloads.find(ring, path, text)
        assert (found is not None) == (text == query)
        work.append(counting.done)

    assert work[0].count("compare_digest") == 1
    assert all(done == work[0] for done in work)


def test_abuse_59_a_password_is_opened_or_not_as_a_whole(ring, monkeypatch):
    """AES-GCM tells nothing of where it was wrong: every change ends at the one place where it is opened."""
    logins = Logins(ring, credential=lambda _: None, principal=lambda _: None)
    sealed = ring.seal("docker-login", b"whatever", context=b"")
    opened: list[str] = []
    open_: Any = ring.open

    def counted(label: str, token: str, **more: Any) -> Any:
        opened.append(label)
        return open_(label, token, **more)

    monkeypatch.setattr(ring, "open", counted)
    for at in range(4, len(sealed), 7):
        changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        with pytest.raises((LoginInvalid, TokenInvalid)):
            logins.open(changed)
    assert opened == ["docker-login"] * len(range(4, len(sealed), 7))


def test_abuse_59_a_login_of_nobody_looks_like_a_wrong_one(stranger):
    """The same status, headers and body for every password that is no good."""
    passwords = ["x", "rg1_" + "A" * 100, "AKIAIOSFODNN7EXAMPLE", "x" * 3_000]
    answers = []
    for password in passwords:
        login = Registry(stranger.url, password).headers
        got = stranger("GET", "/v2/", headers=login)
        headers = {name: value for name, value in got.headers.items() if name.lower() != "date"}
        answers.append((got.status, headers, got.data))

    assert answers[0][0] == 401
    assert all(answer == answers[0] for answer in answers)
