"""
Who asks: the password in an Authorization header, and the challenge where there is none.

Source: RFC 7617; ecr-api: user ``AWS``, Basic only (two challenges break clients).
"""

import base64
import binascii
from collections import OrderedDict

from entrepot import clock
from entrepot.oci.faults import Unauthorized

_FREE_FAILURES = 10
_WINDOW = 60.0
_MOST_ADDRESSES = 10_000
LONGEST_HEADER = 16 << 10


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


def challenge_of(scheme: str, host: str) -> bytes:
    """The WWW-Authenticate header; the realm is the name that the client asked for."""
    return f'Basic realm="{scheme}://{host}/",service="ecr.amazonaws.com"'.encode("ascii")


class Failures:
    """
    Failed logins by address: ten a minute are free, then each is answered later than the one before.

    Source: ours; a sealed token cannot be guessed, so this only keeps a flood of guesses cheap for us.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def delay(self, address: str) -> float:
        """Count a failure; how many seconds to wait before saying so (at most 2)."""
        count, since = self._seen.pop(address, (0, clock.now()))
        if clock.now() - since > _WINDOW:
            count, since = 0, clock.now()
        self._seen[address] = (count + 1, since)
        while len(self._seen) > _MOST_ADDRESSES:
            self._seen.popitem(last=False)
        return min(max(count + 1 - _FREE_FAILURES, 0) * 0.1, 2.0)
