"""
Who asks: the password in an Authorization header, and the challenge where there is none.

Source: RFC 7617; ecr-api: user ``AWS``, Basic only (two challenges break clients).
"""

import base64
import binascii

from entrepot.answers import Scope
from entrepot.oci.faults import InsecureLogin, Unauthorized

LONGEST_HEADER = 16 << 10
_LOOPBACK = ("127.", "::1", "::ffff:127.")


def password_of(header: bytes | None) -> str:
    """
    The password of ``Basic base64(AWS:password)``.

    Raises: Unauthorized, for anything else.
    """
    if header is None or len(header) > LONGEST_HEADER or header[:6].lower() != b"basic ":
        raise Unauthorized
    try:
        user, colon, password = base64.b64decode(header[6:].strip(), validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthorized from None
    if user != "AWS" or not colon or not password:
        raise Unauthorized
    return password


def demand_safe(scope: Scope, *, insecure_http: bool) -> None:
    """Refuse a password that anybody on the way could read. Raises: InsecureLogin."""
    if not (insecure_http or scope["scheme"] == "https" or scope["client"][0].startswith(_LOOPBACK)):
        raise InsecureLogin


def challenge_of(scheme: str, host: str) -> bytes:
    """The WWW-Authenticate header; the realm is the name that the client asked for."""
    return f'Basic realm="{scheme}://{host}/",service="ecr.amazonaws.com"'.encode("ascii")
