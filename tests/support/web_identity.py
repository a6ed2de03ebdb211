"""An identity provider of our own making, which signs whatever a test wants."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_HASHES: dict[str, HashAlgorithm] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
_NAMES = {"RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "ES256": "p256", "ES384": "p384", "EdDSA": "ed"}


class Issuer:
    """Keys of each kind, and tokens signed with them."""

    def __init__(self, url: str) -> None:
        self.url = url
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys: dict[str, Any] = {
            **dict.fromkeys(("RS256", "RS384", "RS512"), key),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "ES384": ec.generate_private_key(ec.SECP384R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        }

    @property
    def jwks(self) -> str:
        """The public keys, as the provider publishes them."""
        named = {_NAMES[algorithm]: key for algorithm, key in self.keys.items()}
        return json.dumps({"keys": [jwk(key, name) for name, key in named.items()]})

    def sign(
        self, claims: Mapping[str, Any], *, algorithm: str = "RS256", header: Mapping[str, Any] | None = None
    ) -> str:
        """A token signed by *algorithm*; members of *header* replace those that it has, None removes one."""
        members = {"alg": algorithm, "kid": _NAMES[algorithm], "typ": "JWT", **(header or {})}
        if members["kid"] is None:
            del members["kid"]
        return self.assemble(members, claims, algorithm=algorithm)

    def assemble(self, header: Mapping[str, Any], claims: Mapping[str, Any] | str, *, algorithm: str = "RS256") -> str:
        """A token with exactly that header; *claims* may be text that is no JSON."""
        body = claims if isinstance(claims, str) else json.dumps(claims)
        signed = f"{b64(json.dumps(header).encode())}.{b64(body.encode())}"
        return f"{signed}.{b64(self._signature(signed.encode(), algorithm))}"

    def _signature(self, signed: bytes, algorithm: str) -> bytes:
        key = self.keys[algorithm]
        if algorithm == "EdDSA":
            return bytes(key.sign(signed))
        used = _HASHES[algorithm[2:]]
        if algorithm.startswith("RS"):
            return bytes(key.sign(signed, PKCS1v15(), used))
        size = key.curve.key_size // 8
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(used)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def jwk(key: Any, name: str) -> dict[str, str]:
    """A private key's public half as a JWK. Source: RFC 7517, 7518, 8037."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "kid": name, "use": "sig", "n": _number(numbers.n), "e": _number(numbers.e)}
    if isinstance(public, ec.EllipticCurvePublicKey):
        point, size = public.public_numbers(), public.curve.key_size // 8
        x, y = (b64(number.to_bytes(size, "big")) for number in (point.x, point.y))
        return {"kty": "EC", "kid": name, "crv": f"P-{public.curve.key_size}", "x": x, "y": y}
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "kid": name, "crv": "Ed25519", "x": b64(raw)}


def b64(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _number(value: int) -> str:
    return b64(value.to_bytes(-(-value.bit_length() // 8), "big"))
