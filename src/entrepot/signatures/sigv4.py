"""
AWS Signature Version 4, the verifying side. Pure: a request as it was received goes in, who signed it comes out.

    canonical request   method, path, query, signed headers, their names, sha256 of the body; a line each
    string to sign      algorithm, time, scope, sha256 of the canonical request; a line each
    key                 secret -> day -> region -> service -> "aws4_request", an HMAC each

Source: AWS IAM user guide, "Signature Version 4"; AWS's test suites; security-design 2.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from entrepot.signatures.claims import (
    ALGORITHM,
    TERMINATOR,
    Claim,
    SignedRequest,
    check_scope,
    claim_of,
    parameters,
    seconds_of,
)
from entrepot.signatures.faults import ExpiredToken, InvalidSignature, SignatureMismatch, UnrecognizedClient

if TYPE_CHECKING:
    from entrepot.identity.credentials import Credential

_MOST_HOSTS = 3  # each costs a hash, and somebody who is not who he says should cost little
_ESCAPED = re.compile(rb"[^A-Za-z0-9\-._~]")
_ESCAPED_IN_PATH = re.compile(rb"[^A-Za-z0-9\-._~/]")
# Stands in for the secret of a key that does not exist, so that it is refused on the same path as a wrong signature.
_NO_SECRET = secrets.token_urlsafe(30)


@dataclass(frozen=True, slots=True)
class Verified:
    """Who signed a request, for which region and when (seconds since the epoch), and whether by a signed address."""

    credential: "Credential"
    access_key_id: str
    region: str
    signed_at: float
    presigned: bool


def verify(
    request: SignedRequest,
    *,
    lookup: "Callable[[str, str | None], Credential | None]",
    now: float,
    regions: Collection[str],
    service: str,
    hosts: Sequence[str] = (),
) -> Verified:
    """
    Who signed *request*. *service* is the one it is routed to, *regions* those it may be signed for; *lookup*
    finds the credential of an access key id and the session token that came with it.

    *hosts* are names that the client may have signed in place of the Host that came here, because a proxy
    changed it: the caller vouches for them.

    Raises: MissingAuthenticationToken, IncompleteSignature, InvalidSignature, UnrecognizedClient, SignatureMismatch,
    ExpiredToken.
    """
    claim = claim_of(request)
    check_scope(claim, now=now, regions=regions, service=service)
    _check_coverage(claim, request.fields)
    credential = lookup(claim.access_key_id, claim.token)
    known = credential is not None and credential.active and _same(credential.session_token, claim.token)
    matches = _matches(request, claim, credential.secret if credential and known else _NO_SECRET, hosts=hosts)
    if credential is None or not known:
        raise UnrecognizedClient
    if not matches:
        raise SignatureMismatch
    if credential.expires_at is not None and now >= credential.expires_at:
        raise ExpiredToken
    return Verified(credential, claim.access_key_id, claim.region, seconds_of(claim.time), claim.lifetime is not None)


def canonical_request(
    request: SignedRequest, signed: Sequence[str], *, host: bytes, body_hash: str, normalize: bool = True
) -> bytes:
    """
    *request* as it is signed, under a *host* name. Only S3 does not *normalize*, and in the vectors.

    Raises: SignatureMismatch, where a signed header is not there.
    """
    path, _, query = request.target.partition(b"?")
    lines = [request.method.encode("latin-1"), _path(path, normalize=normalize), _query(query)]
    for name in signed:
        key = name.encode("latin-1")
        value = host if key in (b"host", b":authority") else request.fields.get(key)
        if value is None:
            raise SignatureMismatch
        lines.append(b"%b:%b" % (key, value))
    return b"\n".join((*lines, b"", ";".join(signed).encode("latin-1"), body_hash.encode()))


def string_to_sign(claim: Claim, canonical: bytes) -> bytes:
    """What the HMAC is taken of."""
    digest = hashlib.sha256(canonical).hexdigest()
    scope = f"{claim.day}/{claim.region}/{claim.service}/{claim.terminator}"
    return f"{ALGORITHM}\n{claim.time}\n{scope}\n{digest}".encode("latin-1")


def _check_coverage(claim: Claim, fields: dict[bytes, bytes]) -> None:
    """The host and every x-amz-* header must be signed, above all the target: else operations could be swapped."""
    signed = claim.signed_headers
    if "host" not in signed and ":authority" not in signed:
        raise InvalidSignature(reason="'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    for name in fields:
        if name.startswith(b"x-amz-") and name.decode("latin-1") not in signed:
            raise InvalidSignature(
                reason=f"'{name.decode('latin-1')}' must be a 'SignedHeader' in the AWS Authorization."
            )


def _matches(request: SignedRequest, claim: Claim, secret: str, *, hosts: Sequence[str]) -> bool:
    """Whether the signature is this request's under *secret*, with any of the host names that may be meant."""
    body_hash = hashlib.sha256(request.body).hexdigest()
    declared = request.fields.get(b"x-amz-content-sha256", b"").decode("latin-1") or body_hash
    key = _signing_key(secret, claim.day, claim.region, claim.service)
    received = request.fields.get(b"host", b"")
    # SDKs leave the default port out, and proxies add it.
    port = b":443" if request.secure else b":80"
    twin = received.removesuffix(port) if received.endswith(port) else received + port
    for host in (received, twin, *(name.encode("latin-1") for name in hosts))[:_MOST_HOSTS]:
        canonical = canonical_request(request, claim.signed_headers, host=host, body_hash=body_hash)
        expected = key.copy()
        expected.update(string_to_sign(claim, canonical))
        if _same(expected.hexdigest(), claim.signature) and declared == body_hash:
            return True
    return False


@lru_cache(maxsize=1024)
def _signing_key(secret: str, day: str, region: str, service: str) -> hmac.HMAC:
    """An HMAC that has taken in the key and nothing else. ``hmac.digest`` would give up the interpreter's lock."""
    key = b"AWS4" + secret.encode()
    for part in (day, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode("latin-1"), "sha256")
    return hmac.new(key, digestmod="sha256")


def _path(path: bytes, *, normalize: bool) -> bytes:
    """Dot segments and doubled slashes go, then every byte is encoded once: what came encoded is so twice."""
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


def _query(query: bytes) -> bytes:
    pairs = parameters(query) if query else []
    encoded = sorted((_ESCAPED.sub(_escape, name), _ESCAPED.sub(_escape, value)) for name, value in pairs)
    return b"&".join(b"%b=%b" % pair for pair in encoded if pair[0] != b"X-Amz-Signature")


def _escape(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % match[0][0]


def _same(left: str | None, right: str | None) -> bool:
    """Whether both are the same, in a time that does not tell where they differ."""
    if left is None or right is None:
        return left is right
    return hmac.compare_digest(left.encode(), right.encode())
