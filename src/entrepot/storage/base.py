"""
What a blob store is: bytes under keys that it makes itself. It knows no repository and no tag.

A key is never used twice. Two pushes of the same bytes make two objects, of which the database names
one; so whoever deletes an object can never delete the bytes that another has just published under the
same digest, and no lock between the two is needed.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple, Protocol, Self

PIECE = 1 << 20  # bytes are read in pieces of at most this size
Piece = bytes | memoryview

# Files and memory say it last, buckets first; what stands before it in a file's name is the digest.
_UPLOAD_OF = re.compile(r"(?:^|-)([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:$|/[^/]+$)")


class Object(NamedTuple):
    """
    Something that lies in a store. *modified* is in seconds since the epoch.

    It is when an upload was last written to, and when an object was published.
    """

    name: str
    modified: float


class Appending(Protocol):
    """An upload opened to be written from one offset on; leaving the context closes it."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *failure: object) -> None: ...

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Put *piece*, which the caller may use again afterwards, behind what was written. Raises: NoSpace."""

    def commit(self) -> None:
        """Make all that was written durable. After a crash it is there."""


class BlobStore(Protocol):
    """Bytes, as uploads while they come and under keys when they are whole. Every method blocks."""

    def append(self, upload: str, offset: int) -> Appending:
        """
        Open *upload* (a UUID; at offset 0 it need not exist) at *offset*: what lies behind it is cut off.

        Raises: FileNotFoundError, where bytes before *offset* are missing; BlockingIOError, while another
        writer has it open, were it one whose claim has run out.
        """

    def uploaded(self, upload: str, start: int = 0, stop: int | None = None) -> Iterator[Piece]:
        """Bytes *start* to *stop* (exclusive) of an upload, as ``read`` gives those of an object."""

    def finish(self, upload: str, domain: str, digest: str) -> str:
        """
        Publish an upload, which ``append`` has opened before in this process; the key of the new object. It is durable
        before this returns.

        After a crash there is the upload, or the object, or both, and never half of one.
        Raises: FileNotFoundError; BlockingIOError, as ``append`` does.
        """

    def abandon(self, upload: str) -> None:
        """Forget an upload, whether there is one or not."""

    def uploads(self) -> Iterator[Object]:
        """Every upload that there is, in no order."""

    def size(self, key: str) -> int | None:
        """Bytes of an object; None where there is none."""

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[Piece]:
        """
        Bytes *start* to *stop* (exclusive) in pieces of at most a mebibyte. Before one that a disk or a network has to
        be waited for comes an empty one, and none where it is at hand. Views are to be used at once, and not kept: they
        may be of a file.

        Raises: FileNotFoundError.
        """

    def path(self, key: str) -> str | None:
        """Where the object lies as a plain file that may be sent as it is; None where it does not."""

    def url(self, key: str, lifetime: timedelta) -> str | None:
        """An address from which the bytes can be fetched without us; None where the store has none."""

    def delete(self, key: str) -> None:
        """Remove an object, whether there is one or not."""

    def objects(self) -> Iterator[Object]:
        """Every object that there is, in no order."""

    def reach(self) -> None:
        """Return if the store is there, as far as one question can tell. Raises: StoreUnavailable, OSError."""

    def free(self) -> int | None:
        """Bytes that can still be stored; None where there is no telling."""


def upload_of(key: str) -> str:
    """The upload that an object was published from: every key names it, in whatever store, and no two the same."""
    found = _UPLOAD_OF.search(key)
    if found is None:
        raise ValueError(f"not a key: {key[:200]!r}")
    return found[1]
