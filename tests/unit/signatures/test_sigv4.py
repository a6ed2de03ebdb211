"""Signature Version 4: what is refused, by which name; and that no change of a signed request passes."""

import calendar
import string
import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import FrontDoor
from entrepot.identity.credentials import Credential
from entrepot.identity.principals import root_of
from entrepot.signatures import sigv4
from entrepot.signatures.claims import SignedRequest
from entrepot.signatures.faults import (
    ExpiredToken,
    IncompleteSignature,
    InvalidSignature,
    MissingAuthenticationToken,
    SignatureMismatch,
    UnrecognizedClient,
)

AKID, SECRET, TOKEN = "AKIATESTTESTTESTTEST", "sEcReT/+0123456789", "a+token/=="


OWNER = root_of("123456789012")


def key(*, active: bool = True, token: str | None = None) -> Credential:
    return Credential(AKID, SECRET, active, OWNER, token)


KEY = key()


def signed(
    method: str = "POST",
    url: str = "http://localhost:5000/",
    *,
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
    token: str | None = None,
    presign: int | None = None,
) -> SignedRequest:
    """A request signed by botocore, as it comes over the wire."""
    request: Any = AWSRequest(method, url, data=b"" if presign else body, headers=headers or {})
    signer = Credentials(AKID, SECRET, token)
    if presign:
        SigV4QueryAuth(signer, "ecr", "us-east-1", expires=presign).add_auth(request)
    else:
        SigV4Auth(signer, "ecr", "us-east-1").add_auth(request)
    host, _, target = request.url.removeprefix("http://").partition("/")
    fields = [(name.encode(), value.encode()) for name, value in request.headers.items() if name != "Content-Length"]
    return SignedRequest(method, b"/" + target.encode(), [*fields, (b"Host", host.encode())], request.data or b"")


def verify(request: SignedRequest, *, known: Credential | None = KEY, **changed: Any) -> sigv4.Verified:
    how: dict[str, Any] = {"now": time.time(), "regions": {"us-east-1"}, "service": "ecr", **changed}
    return sigv4.verify(request, lookup=lambda key, _: {AKID: known}.get(key), **how)


def with_authorization(old: bytes, new: bytes) -> SignedRequest:
    request = signed()
    request.headers = [
        (name, value.replace(old, new) if name == b"Authorization" else value) for name, value in request.headers
    ]
    return request


def test_a_signed_request_is_verified():
    found = verify(signed(headers={"X-Amz-Target": "T.DescribeImages"}))

    assert found.credential.principal is OWNER
    assert (found.access_key_id, found.region, found.presigned) == (AKID, "us-east-1", False)


def test_a_session_that_has_ended_is_told_so_to_whoever_can_sign_as_it():
    now = time.time()
    session = replace(key(token=TOKEN), expires_at=now + 10)

    assert verify(signed(token=TOKEN), known=session, now=now + 9).credential is session
    with pytest.raises(ExpiredToken, match=r"^The security token included in the request is expired$"):
        verify(signed(token=TOKEN), known=session, now=now + 10)
    with pytest.raises(SignatureMismatch):
        verify(signed(token=TOKEN), known=replace(session, secret="another"), now=now + 10)


def test_a_signed_address_is_verified():
    assert verify(signed("GET", "http://localhost:5000/?Action=A", presign=60)).presigned


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (b"AWS4-HMAC-SHA256", b"AWS4-ECDSA-P256-SHA256", "Unsupported AWS 'algorithm'"),
        (b"AWS4-HMAC-SHA256 ", b"AWS AKIA:x", "Unsupported AWS 'algorithm'"),
        (b"Signature=", b"Sig=", "requires 'Signature' parameter"),
        (b"Credential=", b"", "missing equal-sign"),
        (b"Signature=", b"Signature=a, Signature=", "not a valid key=value pair"),
        (b"/aws4_request", b"", "exactly 5 slash-delimited elements"),
        (b"AKIATESTTESTTESTTEST", b"", "exactly 5 slash-delimited elements"),
        (b"host;x-amz-date", b"x-amz-date;host", "in order"),
        (b"host;x-amz-date", b"host;host;x-amz-date", "none of them twice"),
        (b"host;x-amz-date", b"Host;x-amz-date", "lower-case"),
    ],
)
def test_a_signature_that_cannot_be_read_is_incomplete(old, new, text):
    with pytest.raises(IncompleteSignature, match=text):
        verify(with_authorization(old, new))


def test_everything_that_is_missing_is_told_at_once():
    request = SignedRequest("POST", b"/", [(b"authorization", b"AWS4-HMAC-SHA256 Other=1")])

    with pytest.raises(IncompleteSignature) as refused:
        verify(request)

    assert str(refused.value) == (
        "Authorization header requires 'Credential' parameter. Authorization header requires 'SignedHeaders' "
        "parameter. Authorization header requires 'Signature' parameter."
    )


@pytest.mark.parametrize("authorization", [None, b"Basic QVdTOng=", b"Bearer abc", b""])
def test_a_request_without_awss_credentials_misses_them(authorization):
    headers = [] if authorization is None else [(b"authorization", authorization)]

    with pytest.raises(MissingAuthenticationToken):
        verify(SignedRequest("GET", b"/", headers))


def test_all_faults_of_a_scope_are_told_at_once():
    request = with_authorization(b"aws4_request", b"aws5_request")

    with pytest.raises(InvalidSignature) as refused:
        verify(request, regions={"eu-west-1", "eu-west-2"}, service="kms")

    assert str(refused.value) == (
        "Credential should be scoped to a valid region. The setting 'regions' of this registry has: eu-west-1, "
        "eu-west-2. Credential should be scoped to correct service: 'kms'. Credential should be scoped with a valid "
        "terminator: 'aws4_request', not 'aws5_request'."
    )


def test_the_days_of_scope_and_time_must_agree():
    today = time.strftime("/%Y%m%d/", time.gmtime()).encode()

    with pytest.raises(InvalidSignature, match=r"Date in Credential scope does not match YYYYMMDD .*: '20200101' != "):
        verify(with_authorization(today, b"/20200101/"))


def stamped(stamp: str, header: str = "X-Amz-Date") -> SignedRequest:
    """A request that only claims a time: refused by the time, or else by its signature."""
    signed = ";".join(sorted(["host", header.lower()]))
    scope = f"{AKID}/{stamp[:8]}/us-east-1/ecr/aws4_request"
    value = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={'0' * 64}"
    fields = {"authorization": value, header: stamp, "host": "a"}
    return SignedRequest("POST", b"/", [(name.encode(), text.encode()) for name, text in fields.items()])


LATER = "Signature not yet current: 20260102T030405Z is still later than 20260102T030404Z (20260102T024904Z + 15 min.)"


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (
            "20260102T031906Z",
            "Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z (20260102T031906Z - 15 min.)",
        ),
        (
            "20260102T024904Z",
            LATER,
        ),
    ],
)
def test_a_signature_of_another_time_is_refused_with_both_times(now, text):
    with pytest.raises(InvalidSignature) as refused:
        verify(stamped("20260102T030405Z"), now=calendar.timegm(time.strptime(now, "%Y%m%dT%H%M%SZ")))

    assert str(refused.value) == text


@pytest.mark.parametrize("seconds", [-900, 0, 900])
def test_a_clock_may_be_off_by_a_quarter_of_an_hour(seconds):
    with pytest.raises(SignatureMismatch):
        verify(stamped("20260102T030405Z"), now=1767323045 + seconds)


@pytest.mark.parametrize(
    "stamp",
    [
        "20260230T000000Z",
        "20261301T000000Z",
        "20260102T240000Z",
        "2026-01-02T03:04:05Z",
        "20260102T030405",
        "",
        "٢" * 16,
    ],
)
def test_a_time_that_is_none_is_refused(stamp):
    with pytest.raises(IncompleteSignature, match="ISO-8601 'basic format'"):
        verify(stamped(stamp))


@pytest.mark.parametrize("stamp", ["Fri, 02 Jan 2026 03:04:05 GMT", "20260102T030405Z"])
def test_the_date_header_stands_in_where_x_amz_date_is_missing(stamp):
    request = stamped(stamp, header="Date")
    request.headers = [(name, value.replace(b"/Fri, 02 /", b"/20260102/")) for name, value in request.headers]

    with pytest.raises(SignatureMismatch):
        verify(request, now=1767323045)


@pytest.mark.parametrize("expires", ["0", "604801", "-1", "1e3", "٣", "", "00060", "9" * 30])
def test_a_signed_address_lasts_from_a_second_to_a_week(expires):
    request = signed("GET", "http://localhost:5000/?a=b", presign=60)
    request.target = request.target.replace(b"X-Amz-Expires=60", b"X-Amz-Expires=" + expires.encode())

    with pytest.raises(IncompleteSignature, match="X-Amz-Expires"):
        verify(request)


def test_a_signed_address_ends_with_its_lifetime():
    request = signed("GET", "http://localhost:5000/?a=b", presign=60)

    with pytest.raises(InvalidSignature, match=r"Signature expired: .* - 1 min\."):
        verify(request, now=time.time() + 100)


def test_credentials_may_not_stand_in_the_header_and_in_the_query():
    request = signed("GET", "http://localhost:5000/?a=b", presign=60)
    request.headers = [*request.headers, (b"Authorization", b"AWS4-HMAC-SHA256 x=y")]

    with pytest.raises(IncompleteSignature, match="in the query alone"):
        verify(request)


def test_a_signed_address_has_no_body():
    with pytest.raises(IncompleteSignature, match="no body"):
        verify(replace(signed("GET", "http://localhost:5000/?a=b", presign=60), body=b"x"))


@pytest.mark.parametrize("name", [b"X-Amz-Date", b"Authorization", b"host", b"X-Amz-Target", b"Content-Type"])
def test_abuse_37_headers_that_decide_may_not_be_repeated(name):
    request = signed(headers={"X-Amz-Target": "T.Op", "Content-Type": "a/b"})
    request.headers = [*request.headers, (name, b"other")]

    with pytest.raises(IncompleteSignature, match="may not be repeated"):
        verify(request)


def test_a_parameter_of_the_signature_may_not_be_repeated():
    request = signed("GET", "http://localhost:5000/?a=b", presign=60)
    request.target += b"&X%2DAmz-Expires=99"

    with pytest.raises(IncompleteSignature, match="may not be repeated"):
        verify(request)


def test_the_host_must_be_signed():
    with pytest.raises(InvalidSignature, match="'Host' or ':authority' must be a 'SignedHeader'"):
        verify(with_authorization(b"host;x-amz-date", b"x-amz-date"))


def test_abuse_37_an_amz_header_that_was_added_on_the_way_is_refused():
    request = signed()
    request.headers = [*request.headers, (b"X-Amz-Target", b"T.DeleteRepository")]

    with pytest.raises(InvalidSignature, match="'x-amz-target' must be a 'SignedHeader'"):
        verify(request)


def test_a_tracing_header_may_be_added_on_the_way():
    request = signed()
    request.headers = [*request.headers, (b"X-Amzn-Trace-Id", b"Root=1")]

    verify(request)


def test_a_declared_hash_must_be_that_of_the_body():
    request = signed(headers={"X-Amz-Content-SHA256": "0" * 64})

    with pytest.raises(SignatureMismatch):
        verify(request)


@pytest.mark.parametrize("payload", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_an_unsigned_body_is_refused(payload):
    with pytest.raises(SignatureMismatch):
        verify(signed(headers={"X-Amz-Content-SHA256": payload}))


@pytest.mark.parametrize("known", [None, key(active=False), key(token=TOKEN), key(token=TOKEN, active=False)])
def test_a_key_that_does_not_work_is_not_recognised(known):
    with pytest.raises(UnrecognizedClient):
        verify(signed(), known=known)


def test_a_session_needs_its_own_token():
    verify(signed(token=TOKEN), known=key(token=TOKEN))
    for token in ("another", None):
        with pytest.raises(UnrecognizedClient):
            verify(signed(token=token), known=key(token=TOKEN))


def test_a_key_that_is_no_sessions_comes_without_a_token():
    with pytest.raises(UnrecognizedClient):
        verify(signed(token=TOKEN))


@pytest.mark.parametrize(
    ("url", "received", "secure"),
    [
        ("http://registry.test/", b"registry.test:80", False),
        ("http://registry.test:443/", b"registry.test", True),
        ("http://outside.test/", b"inside.test:5000", False),
    ],
)
def test_the_host_may_have_been_changed_by_a_proxy_in_a_way_that_is_known(url, received, secure):
    request = replace(signed(url=url), secure=secure)
    request.headers = [(name, received if name == b"Host" else value) for name, value in request.headers]

    verify(request, hosts=("outside.test",))


def test_another_host_is_a_mismatch():
    request = signed()
    request.headers = [(name, b"evil.test" if name == b"Host" else value) for name, value in request.headers]

    with pytest.raises(SignatureMismatch):
        verify(request)


@pytest.mark.parametrize("signature", ["0" * 63, "0" * 65, "F" * 64, "é" * 64, "x"])
def test_abuse_37_a_signature_in_another_form_is_a_mismatch(signature):
    request = signed()
    request.headers = [
        (name, value.rpartition(b"=")[0] + b"=" + signature.encode("latin-1") if name == b"Authorization" else value)
        for name, value in request.headers
    ]

    with pytest.raises(SignatureMismatch):
        verify(request)


SAFE = string.ascii_letters + string.digits + "-._~"
segments = st.lists(st.text(SAFE + " %+é&=", min_size=1, max_size=6), max_size=4)
pairs = st.lists(
    st.tuples(st.text(SAFE + " +é/", min_size=1, max_size=5), st.text(SAFE + " +é/=", max_size=5)), max_size=4
)
names = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8).map(lambda name: "X-Test-" + name)
values = st.text(string.ascii_letters + " ;,", max_size=12)


@st.composite
def requests(draw: Any) -> SignedRequest:
    """Any request that botocore signs."""
    path = "/".join(quote(segment, safe="") for segment in draw(segments) if segment not in (".", ".."))
    arguments = urlencode(draw(pairs), quote_via=quote)
    url = f"http://localhost:5000/{path}" + (f"?{arguments}" if arguments else "")
    return signed(
        draw(st.sampled_from(["GET", "POST", "PUT", "DELETE"])),
        url,
        body=draw(st.binary(max_size=40)),
        headers=draw(st.dictionaries(names, values, max_size=3)),
        presign=draw(st.none() | st.integers(60, 604_800)),
    )


@given(requests())
def test_whatever_botocore_signs_is_verified(request):
    verify(request, now=time.time())


@given(requests(), st.data())
def test_no_change_of_a_signed_request_is_verified(request, data):
    changed = data.draw(st.sampled_from(["method", "body", "path", "query", "header"]))
    path, _, arguments = request.target.partition(b"?")
    if changed == "method":
        request.method = data.draw(st.sampled_from(["PATCH", "get", "POSTS"]))
    elif changed == "body":
        request.body = bytes(request.body) + b"x"
    elif changed == "path":
        request.target = path + b"x?" + arguments
    elif changed == "query":
        request.target = path + b"?" + arguments + b"&x=y"
    else:
        position = data.draw(st.integers(0, len(request.headers) - 1))
        name, value = request.headers[position]
        request.headers = [*request.headers[:position], (name, value + b"x"), *request.headers[position + 1 :]]

    with pytest.raises(FrontDoor):
        verify(request, now=time.time())


@given(
    st.binary(max_size=60),
    st.lists(
        st.tuples(st.sampled_from([b"authorization", b"x-amz-date", b"host"]), st.binary(max_size=80)), max_size=4
    ),
)
def test_no_request_does_more_than_be_refused(target, headers):
    with pytest.raises(FrontDoor):
        verify(SignedRequest("GET", b"/" + target, headers))


@given(st.binary(max_size=60), st.binary(max_size=120))
def test_no_authorization_header_does_more_than_be_refused(start, rest):
    value = b"AWS4-HMAC-SHA256 " + start + b"Credential=" + rest

    with pytest.raises(FrontDoor):
        verify(SignedRequest("GET", b"/", [(b"authorization", value), (b"x-amz-date", b"20260102T030405Z")]))
