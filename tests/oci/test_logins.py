"""Who may come in: challenges, passwords, their end. Source: ecr-api B.5; decisions: "401 and 403"."""

import base64
import itertools

import pytest

from entrepot.identity import credentials, users
from tests.oci.principals import change, new_user, password_of
from tests.oci.wire import refusal
from tests.support.identities import dismiss
from tests.support.server import ACCOUNT, Registry, digest_of

HOUR = 3600


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


_addresses = itertools.count(1)


@pytest.fixture
def stranger(server) -> Registry:
    """Somebody without credentials, from an address where nobody has failed to log in yet."""
    return Registry(server.url, None, address=f"127.0.3.{next(_addresses)}")


def test_the_ping_of_somebody_who_is_logged_in_is_ok(registry):
    """A GET request to /v2/ … 200 OK: the registry supports this specification. "Determining Support"."""
    got = registry("GET", "/v2/")

    assert (got.status, got.json()) == (200, {})
    assert got.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/"),
        ("GET", "/v2"),
        ("HEAD", "/v2/"),
        ("GET", "/v2/_catalog"),
        ("GET", "/v2/no/such/tags/list"),
        ("GET", "/v2/no/such/manifests/latest"),
        ("PUT", "/v2/no/such/manifests/latest"),
        ("POST", "/v2/no/such/blobs/uploads/"),
        ("GET", "/v2/nothing at all"),
        ("PATCH", "/v2/"),
    ],
)
def test_without_credentials_there_is_a_challenge(server, stranger, method, path):
    """401 with WWW-Authenticate: Basic realm="<the host asked>",service="ecr.amazonaws.com"."""
    got = stranger(method, path)

    realm = f'Basic realm="http://127.0.0.1:{server.port}/",service="ecr.amazonaws.com"'
    assert (got.status, got.headers["WWW-Authenticate"]) == (401, realm)
    assert got.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    if method != "HEAD":
        assert refusal(got) == (401, "UNAUTHORIZED", "Not Authorized")


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + base64.b64encode(b"AWS").decode(),
        "Basic " + base64.b64encode(b"AWS:").decode(),
        "Basic " + base64.b64encode(b"AWS:wrong").decode(),
        "Basic " + base64.b64encode(b":password").decode(),
        "Basic " + base64.b64encode("AWS:pässword".encode()).decode(),
        "Basic " + base64.b64encode(b"AWS:rg1_" + b"A" * 60).decode(),
        "Bearer abc.def.ghi",
        "AWS4-HMAC-SHA256 Credential=x",
        "Negotiate YII=",
        "x" * 20_000,
    ],
    ids=lambda text: text[:30],
)
def test_wrong_credentials_get_a_challenge(stranger, authorization):
    got = stranger("GET", "/v2/", headers={"Authorization": authorization})

    assert refusal(got)[:2] == (401, "UNAUTHORIZED")
    assert got.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_the_user_is_called_aws(server, stranger):
    """User name: AWS, exactly. security-design 4.1."""
    password = server.password()

    for user in ("aws", "Aws", "root", "", "AWS "):
        assert stranger("GET", "/v2/", headers=_basic(user, password)).status == 401
    assert stranger("GET", "/v2/", headers=_basic("AWS", password)).status == 200


def test_an_access_key_is_no_password(server, stranger):
    """Basic with access key id + secret is not accepted. security-design 4.1."""
    environment = server.environment()
    key, secret = environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]

    for user, password in ((key, secret), ("AWS", secret), ("AWS", f"{key}:{secret}")):
        assert stranger("GET", "/v2/", headers=_basic(user, password)).status == 401


def test_the_scheme_is_written_as_anybody_likes(server, stranger):
    """The scheme is case-insensitive. RFC 9110, 11.1."""
    header = _basic("AWS", server.password())["Authorization"].removeprefix("Basic ")

    for scheme in ("basic", "BASIC", "Basic"):
        assert stranger("GET", "/v2/", headers={"Authorization": f"{scheme} {header}"}).status == 200


def test_a_password_changed_anywhere_is_wrong(server, stranger):
    password = server.password()

    for at in (0, 4, 5, 10, len(password) // 2, len(password) - 1):
        changed = password[:at] + ("A" if password[at] != "A" else "B") + password[at + 1 :]
        assert stranger("GET", "/v2/", headers=_basic("AWS", changed)).status == 401
    for cut in (1, len(password) - 5):
        assert stranger("GET", "/v2/", headers=_basic("AWS", password[:-cut])).status == 401


def test_a_password_of_eleven_hours_ago_counts(server, stranger):
    """12 hours. ECR API reference, GetAuthorizationToken."""
    assert stranger("GET", "/v2/", headers=_basic("AWS", password_of(server, ago=11.9 * HOUR))).status == 200


def test_a_password_that_has_run_out_is_refused_in_the_words_of_ecr(server, stranger):
    """403 DENIED, not 401: clients that see 401 would ask for the same password again."""
    got = stranger("GET", "/v2/", headers=_basic("AWS", password_of(server, ago=12.1 * HOUR)))

    assert refusal(got) == (
        403,
        "DENIED",
        "Your authorization token has expired. Reauthenticate and try again.",
    )


def test_a_password_from_the_day_before_yesterday_is_refused(server, stranger):
    """Keys of the ring are kept for two days: then nothing can be read in it any more, not even its end."""
    assert stranger("GET", "/v2/", headers=_basic("AWS", password_of(server, ago=72 * HOUR))).status in {401, 403}


def test_a_password_from_the_future_is_wrong(server, stranger):
    assert stranger("GET", "/v2/", headers=_basic("AWS", password_of(server, ago=-HOUR))).status == 401


def test_a_user_pulls_what_root_has_pushed(server, registry, repository):
    _, text = registry.push_image(repository, "v1", seed=repository.encode())
    user = server.registry(key=new_user(server, "puller"))

    assert user("GET", f"/v2/{repository}/manifests/v1").data == text


def test_a_deactivated_key_ends_its_logins_and_an_activated_one_revives_them(server, repository):
    key = new_user(server, "switched")
    user = server.registry(key=key)
    path = f"/v2/{repository}/tags/list"
    assert user("GET", path).status == 200

    change(server, lambda tx: credentials.switch(tx, key[0], active=False))
    assert refusal(user("GET", path))[:2] == (401, "UNAUTHORIZED")
    change(server, lambda tx: credentials.switch(tx, key[0], active=True))
    assert user("GET", path).status == 200
    change(server, lambda tx: credentials.remove(tx, key[0]))
    assert user("GET", path).status == 401


def test_a_deleted_user_is_out_and_its_namesake_is_somebody_else(server, repository):
    former = server.registry(key=new_user(server, "namesake"))
    assert former("GET", "/v2/").status == 200

    change(server, lambda tx: dismiss(tx, users.get(tx, ACCOUNT, name="namesake")))
    assert former("GET", "/v2/").status == 401
    new = server.registry(key=new_user(server, "namesake"))

    assert new("GET", "/v2/").status == 200
    assert former("GET", "/v2/").status == 401


def test_what_was_pulled_with_a_login_is_not_given_to_another(registry, stranger, repository):
    """Answers are remembered; not for those who have not logged in."""
    registry.push_image(repository, "v1", seed=repository.encode())
    path = f"/v2/{repository}/manifests/v1"
    for _ in range(10):
        assert registry("GET", path).status == 200

    for _ in range(10):
        assert stranger("GET", path).status == 401
        assert stranger("GET", path, headers=_basic("AWS", "wrong")).status == 401


def test_an_end_in_the_middle_of_a_session_ends_the_session_too(server, repository):
    key = new_user(server, "pusher")
    user = server.registry(key=key)
    location = user("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]

    change(server, lambda tx: credentials.switch(tx, key[0], active=False))

    assert user("PATCH", location, b"bytes").status == 401
    assert user("PUT", f"{location}?digest={digest_of(b'')}").status == 401
