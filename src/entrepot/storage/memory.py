"""A blob store in this process's memory: gone with the process, for tests and trials."""

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Self

from entrepot import clock
from entrepot.storage.base import PIECE, Object


class MemoryStore:
    """The contract without a disk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uploads: dict[str, tuple[bytearray, float]] = {}
        self._objects: dict[str, tuple[bytes, float]] = {}
        self._busy: set[str] = set()

    def append(self, upload: str, offset: int) -> "_Appending":
        """Open an upload. Raises: FileNotFoundError, where bytes before *offset* are missing; BlockingIOError."""
        with self._lock:
            self._refuse_busy(upload)
            content, _ = self._uploads.setdefault(upload, (bytearray(), clock.now()))
            if len(content) < offset:
                raise FileNotFoundError(upload)
            del content[offset:]
            self._busy.add(upload)
            return _Appending(content, lambda: self._busy.discard(upload))

    def uploaded(self, upload: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Bytes of an upload. Raises: FileNotFoundError, at the first piece."""
        yield from _pieces(bytes(_found(self._uploads, upload)), start, stop)

    def finish(self, upload: str, domain: str, digest: str) -> str:
        """Publish an upload. Raises: FileNotFoundError, BlockingIOError."""
        with self._lock:
            self._refuse_busy(upload)
            content = bytes(_found(self._uploads, upload))
            key = f"objects/{domain}/{digest.replace(':', '/')}-{upload}"
            self._objects[key] = content, clock.now()
            del self._uploads[upload]
        return key

    def abandon(self, upload: str) -> None:
        """Forget an upload, whether there is one or not."""
        with self._lock:
            self._uploads.pop(upload, None)

    def uploads(self) -> Iterator[Object]:
        """Every upload that there is."""
        with self._lock:
            entries = [Object(name, modified) for name, (_, modified) in self._uploads.items()]
        yield from entries

    def size(self, key: str) -> int | None:
        """Bytes of an object; None where there is none."""
        entry = self._objects.get(key)
        return None if entry is None else len(entry[0])

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Bytes *start* to *stop* (exclusive). Raises: FileNotFoundError, at the first piece."""
        yield from _pieces(bytes(_found(self._objects, key)), start, stop)

    def path(self, key: str) -> str | None:
        """None: nothing here is a file."""
        return None

    def url(self, key: str, lifetime: timedelta) -> str | None:
        """None: nothing here has an address."""
        return None

    def delete(self, key: str) -> None:
        """Remove an object, whether there is one or not."""
        with self._lock:
            self._objects.pop(key, None)

    def objects(self) -> Iterator[Object]:
        """Every object that there is."""
        with self._lock:
            entries = [Object(name, modified) for name, (_, modified) in self._objects.items()]
        yield from entries

    def reach(self) -> None:
        """It is."""

    def free(self) -> int | None:
        """None: nobody knows."""
        return None

    def _refuse_busy(self, upload: str) -> None:
        if upload in self._busy:
            raise BlockingIOError(upload)


class _Appending:
    def __init__(self, content: bytearray, close: Callable[[], None]) -> None:
        self._content = content
        self._close = close

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._close()

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        self._content += piece

    def commit(self) -> None:
        pass


def _found(entries: Mapping[str, tuple[bytes | bytearray, float]], name: str) -> bytes | bytearray:
    entry = entries.get(name)
    if entry is None:
        raise FileNotFoundError(name)
    return entry[0]


def _pieces(content: bytes, start: int, stop: int | None) -> Iterator[bytes]:
    wanted = content[start:stop]
    for offset in range(0, len(wanted), PIECE):
        yield wanted[offset : offset + PIECE]
