"""
Sealed tokens: text that only this deployment can make or read, each kind under its own label.

    "rg1_" base64url( version(1) | day(4) | nonce(12) | AES-256-GCM(plain) )    no padding, no ':'

The version of the root key and the day (20260131 as a big-endian integer) name the key: one a day and kind,
derived by HKDF with the label ``kind/20260131``. So keys grow old without being stored anywhere, and all
workers have the same. Authenticated beside the plain text: label, deployment, when that was last
restored, version, day and the context that the caller binds it to.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from entrepot import clock
from entrepot.identity.derivation import joined
from entrepot.identity.faults import TokenInvalid
from entrepot.rootkey import RootKey, VersionMissing

# Secret scanners find a leaked token by this.
_PREFIX = "rg1_"
_HEADER, _NONCE, _TAG = 5, 12, 16
_DAYS_BACK = 2
LONGEST_LIFE = (_DAYS_BACK + 1) * 86400.0  # seconds; whatever a token says of itself, it opens no longer
# A page token holds a repository name and a tag at most; a login with session policies some kilobytes.
_LONGEST = 16384


class Ring:
    """The token keys of one deployment. *now* gives seconds since the epoch."""

    def __init__(
        self, root_key: RootKey, deployment: str, now: Callable[[], float], *, restored_at: float | None = None
    ) -> None:
        """*restored_at* has another value after each restore, and what was made under another one is void."""
        since = "" if restored_at is None else f"/{restored_at!r}"
        self._root_key = root_key
        self._deployment = f"{deployment}{since}".encode()
        self.now = now
        # Labels come from our own code, days from the last three, and there are few versions: no flooding these.
        self._cipher = lru_cache(maxsize=256)(
            lambda label, day, version: AESGCM(root_key.derive(f"{label}/{day}".encode(), version))
        )
        self._mac_key = lru_cache(maxsize=64)(
            lambda label, version: root_key.derive(f"{label}/mac{since}".encode(), version)
        )

    @property
    def version(self) -> int:
        """The version of the root key that seals now."""
        return self._root_key.seals

    def seal(self, label: str, plain: bytes, *, context: bytes = b"") -> str:
        """A token of the kind *label*, which opens under the same label and context only."""
        day = _day(self.now())
        version = self.version
        header, nonce = bytes([version]) + day.to_bytes(4, "big"), secrets.token_bytes(_NONCE)
        sealed = self._cipher(label, day, version).encrypt(nonce, plain, self._bound(label, header, context=context))
        return _PREFIX + base64.urlsafe_b64encode(header + nonce + sealed).rstrip(b"=").decode()

    def open(self, label: str, token: str, *, context: bytes = b"") -> bytes:
        """
        What was sealed today or on one of the two days before.

        Raises: TokenInvalid, whatever is wrong with it.
        """
        raw = _decoded(token)
        header, nonce, sealed = raw[:_HEADER], raw[_HEADER : _HEADER + _NONCE], raw[_HEADER + _NONCE :]
        day = int.from_bytes(header[1:], "big")
        if len(raw) < _HEADER + _NONCE + _TAG or day not in self._days():
            raise TokenInvalid
        try:
            cipher = self._cipher(label, day, header[0])
            return cipher.decrypt(nonce, sealed, self._bound(label, header, context=context))
        except (InvalidTag, VersionMissing):
            raise TokenInvalid from None

    def mac(self, label: str, *fields: bytes, version: int) -> str:
        """
        A signature over *fields* in 64 hex digits, the same every day: let one field be its expiry.

        Raises: VersionMissing.
        """
        return hmac.digest(self._mac_key(label, version), joined(*fields), "sha256").hex()

    def _bound(self, label: str, header: bytes, *, context: bytes) -> bytes:
        return joined(f"{label}/1".encode(), self._deployment, header, context)

    def _days(self) -> tuple[int, ...]:
        return _days_until(int(self.now() // 86400))


def never_back(now: Callable[[], float], steady: Callable[[], float] = clock.ticks) -> Callable[[], float]:
    """
    *now*, but never behind what it was at first plus the time that has passed since.

    Who turns back the machine's clock does not revive what has expired while this process lives.
    """
    offset = now() - steady()
    return lambda: max(now(), steady() + offset)


@lru_cache(maxsize=4)
def _days_until(days_since_epoch: int) -> tuple[int, ...]:
    return tuple(_day((days_since_epoch - back) * 86400) for back in range(_DAYS_BACK + 1))


def _day(moment: float) -> int:
    date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=moment // 86400)
    return date.year * 10000 + date.month * 100 + date.day


def _decoded(token: str) -> bytes:
    """The bytes of a token in its one canonical form: no other spelling of the same bytes passes."""
    text = token.removeprefix(_PREFIX)
    if len(token) > _LONGEST or len(text) == len(token) or not text.isascii():
        raise TokenInvalid
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise TokenInvalid from None
    # The last character can carry bits that decoding drops.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise TokenInvalid
    return raw
