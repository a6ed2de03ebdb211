"""
AWS Signature Version 4, the verifying side: in the Authorization header, and in the query of a signed address.

Pure: the request as it was received goes in, who signed it comes out. Everything is judged on the raw
bytes of the request, never on what a framework decoded. Source: AWS IAM user guide, "Signature Version 4",
and the AWS test suites; the order and the texts of refusals are ecr-api B.4.

    Authorization: AWS4-HMAC-SHA256 Credential=<key id>/<day>/<region>/<service>/aws4_request,
                   SignedHeaders=<a;b;c>, Signature=<hex>

    canonical request   method, path, query, signed headers, their names, sha256 of the body; a line each
    string to sign      algorithm, time, scope, sha256 of the canonical request; a line each
    key                 secret -> day -> region -> service -> "aws4_request", an HMAC each
"""

import hashlib
import hmac
import re
import secrets
from calendar import timegm
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property, lru_cache
from time import gmtime, strftime
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from entrepot.aws.faults import (
    IncompleteSignature,
    InvalidSignature,
    MissingAuthenticationToken,
    SignatureMismatch,
    UnrecognizedClient,
)

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = 900  # seconds: what ECR accepts, either way
LONGEST_LIFETIME = 604_800  # seconds: a signed address lasts a week at most
_TERMINATOR = "aws4_request"
_FORM = ("Credential", "Signature", "SignedHeaders")
_QUERY_FORM = tuple(f"X-Amz-{part}" for part in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders"))
# A request that repeats one of these means two things at once: which one a proxy or we would take is anyone's guess.
_SINGLE = frozenset(
    (b"authorization", b"content-type", b"host", b"x-amz-content-sha256")
    + (b"x-amz-date", b"x-amz-security-token", b"x-amz-target")
)

_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_ESCAPED = re.compile(rb"[^A-Za-z0-9\-._~]")
_ESCAPED_IN_PATH = re.compile(rb"[^A-Za-z0-9\-._~/]")
_BLANKS = re.compile(rb"\s+")
# Stands in for the secret of a key that does not exist, so that it is refused on the same path as a wrong signature.
_NO_SECRET = secrets.token_urlsafe(30)


@dataclass
class SignedRequest:
    """A request as it was received: *target* is the raw request target, *secure* says that it came by TLS."""

    method: str
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes | bytearray = b""
    secure: bool = False

    @cached_property
    def fields(self) -> dict[bytes, bytes]:
        """
        The headers by lower-case name, trimmed, inner blanks collapsed, repeats joined in order.

        Raises: IncompleteSignature, where one is repeated that must not be.
        """
        fields: dict[bytes, bytes] = {}
        for name, value in self.headers:
            key, text = name.lower(), _BLANKS.sub(b" ", value.strip())
            if key in fields:
                if key in _SINGLE:
                    raise IncompleteSignature(reason=f"The header '{key.decode()}' may not be repeated")
                text = fields[key] + b"," + text
            fields[key] = text
        return fields


class Credential(Protocol):
    """An access key. *session_token* is what must come with it, None where nothing may."""

    @property
    def secret(self) -> str: ...
    @property
    def active(self) -> bool: ...
    @property
    def session_token(self) -> str | None: ...
    @property
    def principal(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Verified:
    """Who signed a request, for which region and day, and whether by a signed address."""

    credential: Credential
    access_key_id: str
    region: str
    date: str
    presigned: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says about its own signature. *day*, *region*, *service* and *terminator* are its scope."""

    access_key_id: str
    day: str
    region: str
    service: str
    terminator: str
    signed_headers: tuple[str, ...]
    signature: str
    time: str
    lifetime: int | None
    token: str | None

    @property
    def scope(self) -> str:
        """The scope, as it is signed."""
        return f"{self.day}/{self.region}/{self.service}/{self.terminator}"


def verify(
    request: SignedRequest,
    *,
    lookup: Callable[[str], Credential | None],
    now: float,
    regions: Collection[str],
    service: str,
    hosts: Sequence[str] = (),
) -> Verified:
    """
    Who signed *request*. *service* is the one it is routed to, *regions* those it may be signed for.

    *hosts* are names that the client may have signed in place of the Host that came here, as proxies
    change it: the caller vouches for them.

    Raises: MissingAuthenticationToken, IncompleteSignature, InvalidSignature, UnrecognizedClient, SignatureMismatch.
    """
    headers = request.fields
    claim = claim_of(request)
    check_scope(claim, now=now, regions=regions, service=service)
    _check_coverage(claim, headers)
    credential = lookup(claim.access_key_id)
    known = credential is not None and credential.active and _same(credential.session_token, claim.token)
    secret = credential.secret if credential is not None and known else _NO_SECRET
    matches = _matches(request, claim, headers, secret=secret, hosts=hosts)
    if credential is None or not known:
        raise UnrecognizedClient
    if not matches:
        raise SignatureMismatch
    return Verified(credential, claim.access_key_id, claim.region, claim.day, claim.lifetime is not None)


def claim_of(request: SignedRequest) -> Claim:
    """
    What *request* says about its signature; nothing of it is verified yet.

    Raises: MissingAuthenticationToken, IncompleteSignature.
    """
    headers = request.fields
    query = _query_form(request.target)
    authorization = headers.get(b"authorization")
    if query is None:
        if authorization is None or not authorization.startswith(b"AWS"):
            raise MissingAuthenticationToken
        return _claim_in_header(authorization.decode("latin-1"), headers)
    if authorization is not None:
        raise IncompleteSignature(reason="Credentials may be in the Authorization header or in the query, not in both")
    return _claim_in_query(query, headers, body=request.body)


def check_scope(claim: Claim, *, now: float, regions: Collection[str], service: str) -> None:
    """
    Refuse a signature for another place or time; every fault of the scope is told at once.

    Raises: InvalidSignature.
    """
    faults = []
    if claim.region not in regions:
        faults.append("Credential should be scoped to a valid region.")
        faults.append(f"The setting 'regions' of this registry has: {', '.join(sorted(regions))}.")
    if claim.service != service:
        faults.append(f"Credential should be scoped to correct service: '{service}'.")
    if claim.terminator != _TERMINATOR:
        faults.append(
            f"Credential should be scoped with a valid terminator: '{_TERMINATOR}', not '{claim.terminator}'."
        )
    if claim.day != claim.time[:8]:
        faults.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{claim.day}' != '{claim.time[:8]}', from '{claim.time}'."
        )
    if faults:
        raise InvalidSignature(reason=" ".join(faults))
    _check_time(claim, now)


def _check_time(claim: Claim, now: float) -> None:
    signed = _seconds(claim.time)
    if signed > now + SKEW:
        raise InvalidSignature(
            reason=f"Signature not yet current: {claim.time} is still later than {_stamp(now + SKEW)} "
            f"({_stamp(now)} + {SKEW // 60} min.)"
        )
    if claim.lifetime is not None and now > signed + claim.lifetime:
        raise InvalidSignature(
            reason=f"Signature expired: {_stamp(now)} is now later than {_stamp(signed + claim.lifetime)} "
            f"({claim.time} + {claim.lifetime} s.)"
        )
    if claim.lifetime is None and signed < now - SKEW:
        raise InvalidSignature(
            reason=f"Signature expired: {claim.time} is now earlier than {_stamp(now - SKEW)} "
            f"({_stamp(now)} - {SKEW // 60} min.)"
        )


def _query_form(target: bytes) -> dict[str, str] | None:
    """The signature's parameters in the query, decoded; None where there are none. Raises: IncompleteSignature."""
    form: dict[str, str] = {}
    for raw, value in _parameters(target.partition(b"?")[2]) if b"X-Amz-" in target else ():
        name = raw.decode("latin-1")
        if name.startswith("X-Amz-"):
            if name in form:
                raise IncompleteSignature(reason=f"The parameter '{name[:64]}' may not be repeated")
            form[name] = value.decode("latin-1")
    return form if form.keys() & {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"} else None


def _claim_in_header(authorization: str, headers: dict[bytes, bytes]) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    _check_algorithm(algorithm)
    form: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name in form:
            # AWS repeats the whole header here. We do not: what is echoed is also logged by proxies and clients.
            raise IncompleteSignature(
                reason=f"'{name[:64]}' not a valid key=value pair (missing equal-sign) in Authorization header"
            )
        form[name] = value
    _require(_FORM, form, "Authorization header requires '{}' parameter.")
    token = headers.get(b"x-amz-security-token")
    return _claim(
        {name: form[name] for name in _FORM},
        time=_header_time(headers),
        lifetime=None,
        token=None if token is None else token.decode("latin-1"),
    )


def _claim_in_query(query: dict[str, str], headers: dict[bytes, bytes], *, body: bytes | bytearray) -> Claim:
    _require((*_QUERY_FORM, "X-Amz-Signature"), query, "AWS query-string parameters must include '{}'.")
    _check_algorithm(query["X-Amz-Algorithm"])
    expires = query["X-Amz-Expires"]
    if not (expires.isascii() and expires.isdigit() and len(expires) < 7 and 1 <= int(expires) <= LONGEST_LIFETIME):
        raise IncompleteSignature(reason=f"X-Amz-Expires must be a number of seconds from 1 to {LONGEST_LIFETIME}")
    if body or b"x-amz-security-token" in headers:
        raise IncompleteSignature(reason="A presigned request has no body, and its session token in the query")
    return _claim(
        {name: query[f"X-Amz-{name}"] for name in _FORM},
        time=_checked_time(query["X-Amz-Date"]),
        lifetime=int(expires),
        token=query.get("X-Amz-Security-Token"),
    )


def _claim(form: dict[str, str], *, time: str, lifetime: int | None, token: str | None) -> Claim:
    parts = form["Credential"].split("/")
    if len(parts) != 5 or not parts[0]:
        raise IncompleteSignature(
            reason="Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term"
        )
    names = tuple(form["SignedHeaders"].split(";"))
    if list(names) != sorted({name.lower() for name in names}):
        raise IncompleteSignature(reason="SignedHeaders must be lower-case names in order, none of them twice")
    key, day, region, service, terminator = parts
    return Claim(key, day, region, service, terminator, names, form["Signature"], time, lifetime, token)


def _check_algorithm(algorithm: str) -> None:
    if algorithm != ALGORITHM:
        raise IncompleteSignature(reason=f"Unsupported AWS 'algorithm': '{algorithm[:64]}'; use {ALGORITHM}")


def _require(names: Sequence[str], form: dict[str, str], sentence: str) -> None:
    missing = [sentence.format(name) for name in names if not form.get(name)]
    if missing:
        raise IncompleteSignature(reason=" ".join(missing))


def _header_time(headers: dict[bytes, bytes]) -> str:
    """When the request was signed: X-Amz-Date, else Date in either of its forms."""
    stamp = headers.get(b"x-amz-date", headers.get(b"date"))
    if stamp is None:
        raise IncompleteSignature(
            reason="Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    text = stamp.decode("latin-1")
    if b"x-amz-date" not in headers and not _TIME.fullmatch(text):
        try:
            return _stamp(parsedate_to_datetime(text).timestamp())
        except ValueError:
            pass
    return _checked_time(text)


def _checked_time(text: str) -> str:
    try:
        _seconds(text)
    except ValueError:
        raise IncompleteSignature(reason=f"Date must be in ISO-8601 'basic format'. Got '{text[:32]}'.") from None
    return text


@lru_cache(maxsize=256)
def _seconds(stamp: str) -> int:
    """Seconds since 1970 of ``YYYYMMDDTHHMMSSZ``. Raises: ValueError."""
    match = _TIME.fullmatch(stamp)
    parts = tuple(int(part) for part in match.groups()) if match else (0,) * 6
    seconds = timegm(parts) if 1970 <= parts[0] and 1 <= parts[1] <= 12 else -1
    if _stamp(seconds) != stamp:  # 30 February is a time that does not print as itself
        raise ValueError(stamp)
    return seconds


def _stamp(seconds: float) -> str:
    return strftime("%Y%m%dT%H%M%SZ", gmtime(seconds))


def _check_coverage(claim: Claim, headers: dict[bytes, bytes]) -> None:
    """The host and every x-amz-* header must be signed, above all the target: else operations could be swapped."""
    signed = set(claim.signed_headers)
    unsigned = [name for name in headers if name.startswith(b"x-amz-") and name.decode("latin-1") not in signed]
    if "host" not in signed and ":authority" not in signed:
        raise InvalidSignature(reason="'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if unsigned:
        raise InvalidSignature(
            reason=f"'{unsigned[0].decode('latin-1')}' must be a 'SignedHeader' in the AWS Authorization."
        )


def _matches(
    request: SignedRequest, claim: Claim, headers: dict[bytes, bytes], *, secret: str, hosts: Sequence[str]
) -> bool:
    """Whether the signature is this request's under *secret*, with any of the host names that may be meant."""
    digest = hashlib.sha256(request.body).hexdigest()
    declared = headers.get(b"x-amz-content-sha256", digest.encode())
    key = _signing_key(secret, claim.day, claim.region, claim.service)
    for host in _hosts(headers.get(b"host", b""), hosts, secure=request.secure):
        canonical = canonical_request(
            request.method, request.target, {**headers, b"host": host}, signed=claim.signed_headers, body_hash=digest
        )
        expected = hmac.digest(key, string_to_sign(claim, canonical), "sha256").hex()
        if _same(expected, claim.signature) and declared == digest.encode():
            return True
    return False


def canonical_request(
    method: str,
    target: bytes,
    headers: dict[bytes, bytes],
    *,
    signed: Sequence[str],
    body_hash: str,
    normalize: bool = True,
) -> bytes:
    """The request as it is signed. *headers* are trimmed; *normalize* is off for S3 alone, in the vectors."""
    path, _, query = target.partition(b"?")
    lines = [method.encode("latin-1"), _canonical_path(path, normalize=normalize), _canonical_query(query)]
    for name in signed:
        key = b"host" if name == ":authority" else name.encode("latin-1")
        if key not in headers:
            raise SignatureMismatch
        lines.append(b"%b:%b" % (name.encode("latin-1"), headers[key]))
    return b"\n".join((*lines, b"", ";".join(signed).encode("latin-1"), body_hash.encode()))


def string_to_sign(claim: Claim, canonical: bytes) -> bytes:
    """What the HMAC is taken of."""
    return "\n".join((ALGORITHM, claim.time, claim.scope, hashlib.sha256(canonical).hexdigest())).encode("latin-1")


@lru_cache(maxsize=1024)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (day, region, service, _TERMINATOR):
        key = hmac.digest(key, part.encode("latin-1"), "sha256")
    return key


def _canonical_path(path: bytes, *, normalize: bool) -> bytes:
    """
    Dot segments and doubled slashes go, then every byte is encoded once: what came encoded, ``%`` too, is so twice.
    """
    if path in (b"/", b""):
        return b"/"
    if normalize and (b"//" in path or b"/." in path):
        kept: list[bytes] = []
        for segment in path.split(b"/"):
            if segment == b"..":
                del kept[-1:]
            elif segment not in (b"", b"."):
                kept.append(segment)
        path = b"/" + b"/".join(kept) + (b"/" if kept and path.endswith(b"/") else b"")
    return _ESCAPED_IN_PATH.sub(_escape, path)


def _canonical_query(query: bytes) -> bytes:
    if not query:
        return b""
    encoded = sorted((_ESCAPED.sub(_escape, name), _ESCAPED.sub(_escape, value)) for name, value in _parameters(query))
    return b"&".join(b"%b=%b" % pair for pair in encoded if pair[0] != b"X-Amz-Signature")


def _parameters(query: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values of a query, decoded. A plus is a plus: SDKs write a blank as %20."""
    pairs = (part.partition(b"=") for part in query.split(b"&") if part)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]


def _escape(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % match[0][0]


def _hosts(received: bytes, others: Sequence[str], *, secure: bool) -> list[bytes]:
    """
    The Host as it came; the same with or without the default port, which SDKs leave out and proxies add; *others*.

    Three at most: each costs a hash, and a caller who is not who he says should cost little.
    """
    port = b":443" if secure else b":80"
    twin = received.removesuffix(port) if received.endswith(port) else received + port
    return [received, twin, *(other.encode("latin-1") for other in others)][:3]


def _same(left: str | None, right: str | None) -> bool:
    """Whether both are the same, in a time that does not tell where they differ."""
    if left is None or right is None:
        return left is right
    return hmac.compare_digest(left.encode(), right.encode())
