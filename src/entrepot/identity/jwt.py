"""
JSON Web Tokens, the verifying side: three parts, a short list of algorithms, and keys that the caller chose.

    base64url(header) "." base64url(claims) "." base64url(signature)

Pure. Whatever the header says about keys (``jwk``, ``jku``, ``x5u``, ``x5c``) is not even looked at: it comes
from whoever made the token. Source: RFC 7515, 7517, 7518, 8037; security-design 3.3.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from entrepot import strict_json
from entrepot.remote.key_sets import LARGEST

LONGEST = 20_000
LEEWAY = 60  # seconds that another machine's clock may be off
_MOST_KEYS = 50  # of a JWKS document
_LONGEST_SUBJECT = 255
_LEAST_RSA, _MOST_RSA = 2048, 8192  # bits: a longer key would only take time

_HASHES: Mapping[str, HashAlgorithm] = {
    "RS256": SHA256(),
    "RS384": SHA384(),
    "RS512": SHA512(),
    "ES256": SHA256(),
    "ES384": SHA384(),
}
_CURVES: Mapping[str, tuple[str, ec.EllipticCurve, int]] = {
    "P-256": ("ES256", ec.SECP256R1(), 32),
    "P-384": ("ES384", ec.SECP384R1(), 48),
}

Check = Callable[[bytes, bytes], None]  # (signature, what was signed); raises InvalidSignature


class Refused(Exception):
    """The token proves nothing; the text says why, for whoever made it."""


class Expired(Exception):
    """The token was good until the time (seconds since the epoch) that is the argument."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key and the algorithms that it is for."""

    id: str | None
    checks: Mapping[str, Check] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was read; nothing it says is true yet."""

    algorithm: str
    key_id: str | None
    claims: Mapping[str, Any]
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def read(text: str) -> Token:
    """The parts of a token. Raises: Refused."""
    parts = text.split(".")
    if len(text) > LONGEST or len(parts) != 3 or not text.isascii():
        raise Refused("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    header, claims = _object(parts[0]), _object(parts[1])
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in (*_HASHES, "EdDSA"):
        raise Refused("Token signature algorithm is not one of RS256, RS384, RS512, ES256, ES384, EdDSA")
    if "crit" in header:
        raise Refused("Token header has critical extensions, and none is understood")
    if key_id is not None and not isinstance(key_id, str):
        raise Refused("Token header has a key id that is no string")
    signed = f"{parts[0]}.{parts[1]}".encode()
    return Token(algorithm, key_id, claims, signed, _bytes(parts[2]))


def check_signature(token: Token, keys: Sequence[Key]) -> None:
    """Return if one of *keys*, the one that the token names, has signed it. Raises: Refused."""
    named = [key for key in keys if key.id == token.key_id] if token.key_id is not None else list(keys)
    checks = [key.checks[token.algorithm] for key in named if token.algorithm in key.checks]
    # A token that names no key can mean only the one there is.
    if len(checks) != 1:
        raise Refused("Couldn't retrieve verification key from your identity provider")
    try:
        checks[0](token.signature, token.signed)
    except InvalidSignature:
        raise Refused("Token signature is invalid") from None


def check_claims(claims: Mapping[str, Any], *, audiences: Sequence[str], now: float) -> str:
    """
    Which of *audiences* the token is for. *now* is in seconds since the epoch.

    Raises: Refused, Expired.
    """
    expiry, subject = _time(claims, "exp"), claims.get("sub")
    if expiry is None:
        raise Refused("Missing a required claim: exp")
    if now >= expiry + LEEWAY:
        raise Expired(int(expiry))
    if any((_time(claims, name) or 0) > now + LEEWAY for name in ("nbf", "iat")):
        raise Refused("Token is not valid yet")
    if not isinstance(subject, str) or not 1 <= len(subject) <= _LONGEST_SUBJECT:
        raise Refused(f"Missing a required claim: sub, of 1 to {_LONGEST_SUBJECT} characters")
    return _audience(claims, audiences)


@lru_cache(maxsize=256)
def keys_of(document: str) -> tuple[Key, ...]:
    """
    The keys of a JWKS document that can verify signatures; others in it are passed over.

    Raises: Refused, where it is none, too large, or has a key that is too weak.
    """
    if len(document.encode(errors="replace")) > LARGEST:
        raise Refused(f"The JWKS document is larger than {LARGEST} bytes")
    try:
        listed = strict_json.read(document)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Refused("The JWKS document is no JSON object with 'keys'") from None
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS or not all(isinstance(each, dict) for each in listed):
        raise Refused(f"The JWKS document has no list of at most {_MOST_KEYS} keys")
    return tuple(key for each in listed if (key := _key(each)) is not None)


def _key(described: Mapping[str, Any]) -> Key | None:
    key_id, kind, only = described.get("kid"), described.get("kty"), described.get("alg")
    if described.get("use", "sig") != "sig" or (key_id is not None and not isinstance(key_id, str)):
        return None
    try:
        if kind == "RSA":
            checks = _rsa(_number(described["n"]), _number(described["e"]))
        elif kind == "EC" and described.get("crv") in _CURVES:
            checks = _elliptic(described["crv"], _number(described["x"]), _number(described["y"]))
        elif kind == "OKP" and described.get("crv") == "Ed25519":
            checks = {"EdDSA": ed25519.Ed25519PublicKey.from_public_bytes(_bytes(described["x"])).verify}
        else:
            return None
    except (KeyError, ValueError):
        raise Refused(f"The JWKS document has a key of type {kind} that is none") from None
    return Key(key_id, {name: check for name, check in checks.items() if only in (None, name)})


def _rsa(modulus: int, exponent: int) -> dict[str, Check]:
    if not _LEAST_RSA <= modulus.bit_length() <= _MOST_RSA:
        raise Refused(f"The JWKS document has an RSA key that is not of {_LEAST_RSA} to {_MOST_RSA} bits")
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()

    def check_with(algorithm: HashAlgorithm) -> Check:
        return lambda signature, signed: key.verify(signature, signed, PKCS1v15(), algorithm)

    return {name: check_with(_HASHES[name]) for name in ("RS256", "RS384", "RS512")}


def _elliptic(curve: str, x: int, y: int) -> dict[str, Check]:
    name, on, size = _CURVES[curve]
    key = ec.EllipticCurvePublicNumbers(x, y, on).public_key()

    def check(signature: bytes, signed: bytes) -> None:
        if len(signature) != 2 * size:
            raise InvalidSignature
        numbers = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        key.verify(encode_dss_signature(*numbers), signed, ec.ECDSA(_HASHES[name]))

    return {name: check}


def _audience(claims: Mapping[str, Any], audiences: Sequence[str]) -> str:
    given, party = claims.get("aud"), claims.get("azp")
    named = given if isinstance(given, list) else [given]
    meant = [each for each in named if isinstance(each, str) and each in audiences]
    if given is None:
        raise Refused("Missing a required claim: aud")
    # Where a token is for several, the party that it was given to has to be one of ours: OpenID Connect 1.0, 3.1.3.7.
    if not meant or (len(named) > 1 and party is not None and party not in audiences):
        raise Refused("Incorrect token audience")
    return meant[0]


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 53:
        raise Refused(f"Token has a claim {name} that is no time")
    return value


def _object(part: str) -> dict[str, Any]:
    try:
        value = strict_json.read(_bytes(part).decode())
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    return value


def _number(text: Any) -> int:
    return int.from_bytes(_bytes(text), "big")


def _bytes(text: Any) -> bytes:
    """What *text* is the unpadded base64url of. Raises: Refused."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Refused("The ID Token provided is not a valid JWT: a part of it is no base64url") from None
