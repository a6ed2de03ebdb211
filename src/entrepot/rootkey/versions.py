"""
The root key in memory: 32 random bytes in each of its versions, and the keys that derive from them.

One version seals, all that are here open. Whatever is sealed for longer than a moment names its version, in a byte
at its beginning or in the name of its key, so 255 is the last one. What was sealed before there were versions says 1.
"""

import contextlib
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from entrepot import clock
from entrepot.errors import Refused

SIZE = 32
LAST = 255
# A forged token can name a version that there is not; who sends many of them shall not have files read for each.
_PAUSE = 1.0  # seconds

Load = Callable[[], Mapping[int, bytes]]


class RootKeyRefused(Refused):
    """The root key cannot be trusted, or does not belong to the data. The text says what to do."""


class VersionMissing(LookupError):
    """A version of the root key is not here."""


class RootKey:
    """
    All versions that are here; of all threads of a process. Its text tells nothing.

    *again* looks where they are kept, for a version that has come since. *seals* is the version under which new things
    are sealed: the newest one, until the data has said which one it is.
    """

    __slots__ = ("_again", "_looked", "_versions", "seals")

    def __init__(self, versions: Mapping[int, bytes], again: Load | None = None) -> None:
        self._versions, self._again = dict(versions), again
        self._looked = 0.0
        self.seals = max(self._versions)

    def __repr__(self) -> str:
        return "RootKey(***)"

    def __contains__(self, version: object) -> bool:
        return version in self._versions

    def __reduce__(self) -> str:
        raise TypeError("a root key is handed to nobody")

    @property
    def newest(self) -> int:
        """The highest version that is here, whether it is in use or not."""
        return max(self._versions)

    def look_again(self) -> None:
        """Take in versions that have come. Raises: RootKeyRefused."""
        if self._again is not None:
            self._versions.update(self._again())

    def derive(self, label: bytes, version: int) -> bytes:
        """
        The 32-byte key for one use, from one version.

        Raises: VersionMissing. Source: RFC 5869, with the label as its info.
        """
        if version not in self._versions and clock.ticks() - self._looked > _PAUSE:
            self._looked = clock.ticks()
            with contextlib.suppress(RootKeyRefused):  # who looks by the clock says so
                self.look_again()
        if version not in self._versions:
            raise VersionMissing(version)
        return HKDF(algorithm=SHA256(), length=SIZE, salt=None, info=label).derive(self._versions[version])


def checked(key: bytes, name: str) -> bytes:
    """*key*, if it can be one. *name* is what people know it by. Raises: RootKeyRefused."""
    if len(key) != SIZE:
        raise RootKeyRefused(f"The root key {name} must have {SIZE} bytes; it has {len(key)}")
    if len(set(key)) == 1:
        raise RootKeyRefused(f"The root key {name} is one byte repeated: it was never made, or has been wiped")
    return key
