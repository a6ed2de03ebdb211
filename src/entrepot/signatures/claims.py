"""
What a request says about its own signature, in the Authorization header or in the query. Nothing is verified here.

    Authorization: AWS4-HMAC-SHA256 Credential=<key id>/<day>/<region>/<service>/aws4_request,
                   SignedHeaders=<a;b;c>, Signature=<hex>

Pure, and judged on the raw bytes of the request, never on what a framework decoded. Texts: ecr-api B.4.
"""

import re
from calendar import timegm
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from time import gmtime, strftime
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from entrepot.signatures.faults import IncompleteSignature, InvalidSignature, MissingAuthenticationToken

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
SKEW = 900  # seconds: what ECR accepts, either way
LONGEST_LIFETIME = 604_800  # seconds: a signed address lasts a week at most

_FORM = ("Credential", "SignedHeaders", "Signature")
_QUERY_FORM = tuple(f"X-Amz-{part}" for part in ("Algorithm", "Date", "Expires", *_FORM))
# A request that repeats one of these says two things: which of them a proxy or we would hear is anyone's guess.
_SINGLE = b"authorization content-type host x-amz-content-sha256 x-amz-date x-amz-security-token x-amz-target".split()
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_EXPIRES = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(slots=True)
class SignedRequest:
    """A request as it was received: *target* is the raw request target, *secure* says that it came by TLS."""

    method: str
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes | bytearray = b""
    secure: bool = False
    _fields: dict[bytes, bytes] | None = None

    @property
    def fields(self) -> dict[bytes, bytes]:
        """
        The headers by lower-case name, trimmed, inner blanks collapsed, repeats joined in order.

        Raises: IncompleteSignature, where one is repeated that must not be.
        """
        if self._fields is not None:
            return self._fields
        fields: dict[bytes, bytes] = {}
        for name, value in self.headers:
            key, text = name.lower(), b" ".join(value.split())
            if key in fields:
                if key in _SINGLE:
                    raise IncompleteSignature(reason=f"The header '{key.decode()}' may not be repeated")
                text = fields[key] + b"," + text
            fields[key] = text
        self._fields = fields
        return fields


class Claim(NamedTuple):
    """Who claims to have signed what, when. *lifetime* (seconds) is that of a signed address, None in a header."""

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


def claim_of(request: SignedRequest) -> Claim:
    """What *request* says of its signature. Raises: MissingAuthenticationToken, IncompleteSignature."""
    fields, query = request.fields, _query_form(request.target)
    authorization = fields.get(b"authorization")
    if not query:
        if authorization is None or not authorization.startswith(b"AWS"):
            raise MissingAuthenticationToken
        return _in_header(authorization.decode("latin-1"), fields)
    if authorization is not None or request.body or b"x-amz-security-token" in fields:
        raise IncompleteSignature(reason="A presigned request has its credentials in the query alone, and no body")
    return _in_query(query)


def check_scope(claim: Claim, *, now: float, regions: Collection[str], service: str) -> None:
    """
    Refuse a signature for another place, service or time. Every fault of the scope is told at once.

    Raises: InvalidSignature.
    """
    faults = []
    if claim.region not in regions:
        faults.append("Credential should be scoped to a valid region.")
        faults.append(f"The setting 'regions' of this registry has: {', '.join(sorted(regions))}.")
    if claim.service != service:
        faults.append(f"Credential should be scoped to correct service: '{service}'.")
    if claim.terminator != TERMINATOR:
        faults.append(f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{claim.terminator}'.")
    if claim.day != claim.time[:8]:
        faults.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{claim.day}' != '{claim.time[:8]}', from '{claim.time}'."
        )
    if faults:
        raise InvalidSignature(reason=" ".join(faults))
    signed, age = seconds_of(claim.time), SKEW if claim.lifetime is None else claim.lifetime
    if signed - now > SKEW:
        limit = f"{_stamp(now + SKEW)} ({_stamp(now)} + {SKEW // 60} min.)"
        raise InvalidSignature(reason=f"Signature not yet current: {claim.time} is still later than {limit}")
    if now - signed > age:
        limit = f"{_stamp(now - age)} ({_stamp(now)} - {age // 60} min.)"
        raise InvalidSignature(reason=f"Signature expired: {claim.time} is now earlier than {limit}")


def parameters(query: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values of a query, decoded. A plus is a plus: SDKs write a blank as %20."""
    pairs = (part.partition(b"=") for part in query.split(b"&") if part)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]


@lru_cache(maxsize=256)
def seconds_of(stamp: str) -> int:
    """Seconds since 1970 of ``YYYYMMDDTHHMMSSZ``. Raises: ValueError."""
    match = _TIME.fullmatch(stamp)
    parts = tuple(int(part) for part in match.groups()) if match else (0,) * 6
    seconds = timegm(parts) if parts[0] >= 1970 and 1 <= parts[1] <= 12 else -1
    if _stamp(seconds) != stamp:  # 30 February is a time that does not print as itself
        raise ValueError(stamp)
    return seconds


def _query_form(target: bytes) -> dict[str, str]:
    """The signature's parameters in the query. Raises: IncompleteSignature."""
    form: dict[str, str] = {}
    for raw, value in parameters(target.partition(b"?")[2]) if b"X-Amz-" in target else ():
        name = raw.decode("latin-1")
        if name.startswith("X-Amz-"):
            if name in form:
                raise IncompleteSignature(reason=f"The parameter '{name[:64]}' may not be repeated")
            form[name] = value.decode("latin-1")
    return form


def _in_header(authorization: str, fields: dict[bytes, bytes]) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    _check_algorithm(algorithm)
    form: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name in form:
            # AWS repeats the whole header here. We do not: what is echoed is also logged, by clients and proxies.
            raise IncompleteSignature(
                reason=f"'{name[:64]}' not a valid key=value pair (missing equal-sign) in Authorization header"
            )
        form[name] = value
    _require(_FORM, form, "Authorization header requires '{}' parameter.")
    raw = fields.get(b"x-amz-security-token")
    token = None if raw is None else raw.decode("latin-1")
    return _claim(form, prefix="", time=_header_time(fields), lifetime=None, token=token)


def _in_query(query: dict[str, str]) -> Claim:
    _require(_QUERY_FORM, query, "AWS query-string parameters must include '{}'.")
    _check_algorithm(query["X-Amz-Algorithm"])
    expires = query["X-Amz-Expires"]
    if not _EXPIRES.fullmatch(expires) or int(expires) > LONGEST_LIFETIME:
        raise IncompleteSignature(reason=f"X-Amz-Expires must be a number of seconds from 1 to {LONGEST_LIFETIME}")
    time, token = _checked_time(query["X-Amz-Date"]), query.get("X-Amz-Security-Token")
    return _claim(query, prefix="X-Amz-", time=time, lifetime=int(expires), token=token)


def _claim(form: dict[str, str], *, prefix: str, time: str, lifetime: int | None, token: str | None) -> Claim:
    scope = form[prefix + "Credential"].split("/")
    if len(scope) != 5 or not scope[0]:
        raise IncompleteSignature(
            reason="Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term"
        )
    key, day, region, service, terminator = scope
    names = _names(form[prefix + "SignedHeaders"])
    return Claim(key, day, region, service, terminator, names, form[prefix + "Signature"], time, lifetime, token)


@lru_cache(maxsize=256)
def _names(text: str) -> tuple[str, ...]:
    names = text.split(";")
    if names != sorted({name.lower() for name in names}):
        raise IncompleteSignature(reason="SignedHeaders must be lower-case names in order, none of them twice")
    return tuple(names)


def _check_algorithm(algorithm: str) -> None:
    if algorithm != ALGORITHM:
        raise IncompleteSignature(reason=f"Unsupported AWS 'algorithm': '{algorithm[:64]}'; use {ALGORITHM}")


def _require(names: Sequence[str], form: dict[str, str], sentence: str) -> None:
    missing = [sentence.format(name) for name in names if not form.get(name)]
    if missing:
        raise IncompleteSignature(reason=" ".join(missing))


def _header_time(fields: dict[bytes, bytes]) -> str:
    """When the request was signed: X-Amz-Date, else Date, which HTTP writes in its own form."""
    stamp = fields.get(b"x-amz-date")
    if stamp is None:
        try:
            return _stamp(parsedate_to_datetime(fields.get(b"date", b"").decode("latin-1")).timestamp())
        except ValueError:
            stamp = fields.get(b"date", b"")
    return _checked_time(stamp.decode("latin-1"))


def _checked_time(text: str) -> str:
    try:
        seconds_of(text)
    except ValueError:
        raise IncompleteSignature(reason=f"Date must be in ISO-8601 'basic format'. Got '{text[:32]}'.") from None
    return text


def _stamp(seconds: float) -> str:
    return strftime("%Y%m%dT%H%M%SZ", gmtime(seconds))
