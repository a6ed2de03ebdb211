"""
Blobs in an object store: S3 and what speaks like it, Google Cloud Storage, Azure.

    <prefix>/<upload>/<segment>           bytes that one request has appended: written once, whole or not at all
    <prefix>/<upload>/<segment>.is        "this segment is a blob": account and digest, for whoever looks

Object stores neither append nor rename, and a copy costs as much as the push. So bytes lie from the first
moment where they will stay, and what ``finish`` publishes is a mark beside them. A key is ``<upload>/<segment>``;
a mark's age is the object's. A blob that came in several requests is several segments: ``finish`` writes them
behind each other into one, through this process, so that every blob is one object with one address.

A segment's name says at which byte of the upload it begins, when its writer began, and something random. Of two
that begin at one byte the later one counts: the other is left of a request that broke off. What leads nowhere is
removed when the upload is opened next, or when it is abandoned.

Nobody holds a lock in an object store. Within a process an upload has one writer; among processes the claim on
its row sees to that, and one that has lost its claim can leave a segment, which nobody counts: what is published
ends where the last writer of the publishing process has ended. Source: ours.
"""

import contextlib
import logging
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any, NamedTuple, Self

import obstore
from obstore.exceptions import BaseError

from entrepot import clock
from entrepot.errors import StoreUnavailable
from entrepot.storage.base import PIECE, Object, Piece

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NAME = r"[0-9a-f]{12}-[0-9a-f]{12}-[0-9a-f]{8}"
_UPLOAD = re.compile(_UUID)
_KEY = re.compile(rf"{_UUID}/{_NAME}")
_ENTRY = re.compile(rf"({_UUID})/({_NAME})(\.is)?")

# A part of a multipart upload: S3 allows 10,000 of them, so this is good for 78 GiB. With what is under way at a
# time, an upload holds 32 MiB at most.
_PART = 8 << 20
_PARTS_AT_A_TIME = 3
# Read at a time; a client that is slow holds this much, and no connection to the store.
_READ = 8 << 20
# Uploads of whose segments a process remembers; of others it asks the store.
_MOST_KEPT = 4096
# What the store tells those who are sent to it: see ``oci.blobs``.
_ATTRIBUTES = {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}

_log = logging.getLogger("entrepot.storage")


class Segment(NamedTuple):
    """Bytes *start* to *start + size* of an upload. *began*: when its writer did, in milliseconds."""

    name: str
    start: int
    began: int
    size: int

    @property
    def stop(self) -> int:
        """The byte behind its last one."""
        return self.start + self.size


class ObjectStore:
    """A blob store over *bucket*, a store of ``obstore``. Processes, on any number of machines, may share it."""

    def __init__(self, bucket: Any, *, redirects: bool) -> None:
        """*redirects*: whether clients may be sent to the bucket for their bytes."""
        self._bucket = bucket
        self._redirects = redirects
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        # What uploads consist of, as their last writer in this process has left them.
        self._written: OrderedDict[str, list[Segment]] = OrderedDict()

    def append(self, upload: str, offset: int) -> "_Appending":
        """
        Open an upload to be written from *offset* on.

        Raises: FileNotFoundError, where bytes before *offset* are missing; BlockingIOError, while another
        writer of this process has it open; StoreUnavailable.
        """
        self._hold(upload)
        try:
            segments = self._segments(upload)
            chain = chained(segments, offset)
            if _stop(chain) < offset:
                raise FileNotFoundError(f"bytes before {offset} are missing", upload)
            cut = chain.pop() if _stop(chain) > offset else None
            self._remove(upload, [s.name for s in segments if s not in chain and s != cut])
            appending = _Appending(self, upload, chain=chain, after=max((s.began for s in segments), default=0))
            if cut is not None:
                appending.take_over(cut, offset - cut.start)
            return appending
        except BaseException:
            self._release(upload)
            raise

    def uploaded(self, upload: str, start: int = 0, stop: int | None = None) -> Iterator[Piece]:
        """Bytes of an upload. Raises: FileNotFoundError, at the first piece; StoreUnavailable."""
        for segment in self._chain(upload):
            begin = max(start - segment.start, 0)
            end = segment.size if stop is None else min(stop - segment.start, segment.size)
            yield from self.read(f"{upload}/{segment.name}", begin, end)

    def finish(self, upload: str, domain: str, digest: str) -> str:
        """
        Publish an upload, which ``append`` has opened in this process before: as far as that came.

        Raises: FileNotFoundError, BlockingIOError, StoreUnavailable.
        """
        self._hold(upload)
        try:
            chain = self._chain(upload)
            whole = chain[0] if len(chain) == 1 else self._joined(upload, chain)
            key = f"{upload}/{whole.name}"
            with _answered():
                obstore.put(self._bucket, f"{key}.is", f"{domain} {digest}\n".encode())
            self._remove(upload, [segment.name for segment in chain if segment != whole])
            with self._lock:
                self._written.pop(upload, None)
        finally:
            self._release(upload)
        return key

    def abandon(self, upload: str) -> None:
        """Forget an upload, whether there is one or not; what was published of it stays."""
        with self._lock:
            self._written.pop(upload, None)
        entries = self._entries(_checked(_UPLOAD, upload))
        published = {entry.segment.name for entry in entries if entry.mark}
        self._remove(upload, [e.segment.name for e in entries if e.segment.name not in published])

    def uploads(self) -> Iterator[Object]:
        """Every upload that there is, and what requests that broke off have left beside an object."""
        for upload, entries in self._groups():
            published = {entry.segment.name for entry in entries if entry.mark}
            left = [entry.modified for entry in entries if entry.segment.name not in published]
            if left:
                yield Object(upload, max(left))

    def size(self, key: str) -> int | None:
        """Bytes of an object; None where there is none."""
        try:
            with _answered():
                size: int = obstore.head(self._bucket, _checked(_KEY, key))["size"]
        except FileNotFoundError:
            return None
        return size

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[Piece]:
        """Bytes *start* to *stop* (exclusive). Raises: FileNotFoundError, at the first piece; StoreUnavailable."""
        path = _checked(_KEY, key)
        if stop is None:
            stop = self.size(key)
            if stop is None:
                raise FileNotFoundError(key)
        for begin in range(start, stop, _READ):
            yield b""
            with _answered():
                block = obstore.get_range(self._bucket, path, start=begin, end=min(begin + _READ, stop))
            view = memoryview(block)
            yield from (view[at : at + PIECE] for at in range(0, len(view), PIECE))

    def path(self, key: str) -> str | None:
        """None: nothing here is a file."""
        return None

    def url(self, key: str, lifetime: timedelta) -> str | None:
        """A presigned address; None where clients shall not be sent to the bucket. Raises: StoreUnavailable."""
        if not self._redirects:
            return None
        with _answered():
            return str(obstore.sign(self._bucket, "GET", _checked(_KEY, key), lifetime))

    def delete(self, key: str) -> None:
        """Remove an object, whether there is one or not: its mark last, so that what a crash leaves is found."""
        for path in (_checked(_KEY, key), f"{key}.is"):
            self._delete(path)

    def objects(self) -> Iterator[Object]:
        """Every object that there is, in no order."""
        for upload, entries in self._groups():
            for entry in entries:
                if entry.mark:
                    yield Object(f"{upload}/{entry.segment.name}", entry.modified)

    def reach(self) -> None:
        """List what is not there: one object that is missing looks as if its bucket were. Raises: StoreUnavailable."""
        for _ in self._listed("anybody"):
            pass

    def free(self) -> int | None:
        """None: a bucket has no end."""
        return None

    def begin(self, upload: str, start: int, *, after: int) -> "_Writing":
        """A new segment that begins at byte *start*, later than *after* (milliseconds)."""
        return _Writing(self._bucket, upload, start, after=after)

    def leave(self, upload: str, chain: list[Segment] | None, *, without: Segment | None = None) -> None:
        """Let others write to an upload; it consists of *chain* now, or of whatever there is of it."""
        try:
            if without is not None:
                self._remove(upload, [without.name])
        finally:
            with self._lock:
                self._written.pop(upload, None)
                if chain is not None:
                    self._written[upload] = chain
                    if len(self._written) > _MOST_KEPT:
                        self._written.popitem(last=False)
            self._release(upload)

    def bytes_of(self, upload: str, chain: Iterable[Segment]) -> Iterator[Piece]:
        """The bytes of segments, one behind the other."""
        for segment in chain:
            yield from self.read(f"{upload}/{segment.name}", 0, segment.size)

    def _chain(self, upload: str) -> list[Segment]:
        """What an upload consists of. Raises: FileNotFoundError."""
        with self._lock:
            known = self._written.get(upload)
        chain = known or chained(self._segments(upload), None)
        if not chain:
            raise FileNotFoundError(upload)
        return chain

    def _joined(self, upload: str, chain: list[Segment]) -> Segment:
        writing = _Writing(self._bucket, upload, 0, after=chain[-1].began)
        try:
            for piece in self.bytes_of(upload, chain):
                writing.write(piece)
        except BaseException:
            writing.undo()
            raise
        return writing.end()

    def _segments(self, upload: str) -> list[Segment]:
        """What there is of an upload. Raises: FileNotFoundError, where it has been published."""
        entries = self._entries(_checked(_UPLOAD, upload))
        if any(entry.mark for entry in entries):
            raise FileNotFoundError("finished meanwhile", upload)
        return [entry.segment for entry in entries]

    def _groups(self) -> Iterator[tuple[str, list["_Entry"]]]:
        """Entries by upload. Object stores list by name, so those of an upload come together."""
        for upload, entries in groupby(self._listed(None), key=lambda entry: entry.upload):
            yield upload, list(entries)

    def _entries(self, upload: str) -> list["_Entry"]:
        return list(self._listed(upload))

    def _listed(self, prefix: str | None) -> Iterator["_Entry"]:
        pages = iter(obstore.list(self._bucket, prefix))
        while True:
            with _answered(missing=False):
                page: Any = next(pages, None)
            if page is None:
                return
            for meta in page:
                found = _ENTRY.fullmatch(meta["path"])
                if found:  # else it is none of ours
                    segment = _segment(found[2], meta["size"])
                    yield _Entry(found[1], segment, found[3] is not None, meta["last_modified"].timestamp())

    def _remove(self, upload: str, names: Iterable[str]) -> None:
        for name in names:
            self._delete(f"{upload}/{name}")

    def _delete(self, path: str) -> None:
        with _answered(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._bucket, path)

    def _hold(self, upload: str) -> None:
        with self._lock:
            if upload in self._busy:
                raise BlockingIOError(upload)
            self._busy.add(_checked(_UPLOAD, upload))

    def _release(self, upload: str) -> None:
        with self._lock:
            self._busy.discard(upload)


class _Entry(NamedTuple):
    """What lies in the bucket: a segment, or its *mark*. *modified* is in seconds."""

    upload: str
    segment: Segment
    mark: bool
    modified: float


class _Writing:
    """A segment while it is written: in one request if it is small, else in parts."""

    def __init__(self, bucket: Any, upload: str, start: int, *, after: int) -> None:
        began = max(int(clock.now() * 1000), after + 1)
        self._segment = Segment(f"{start:012x}-{began:012x}-{secrets.token_hex(4)}", start, began, 0)
        self._bucket, self._path = bucket, f"{upload}/{self._segment.name}"
        self._size = 0
        self._file = obstore.open_writer(
            bucket, self._path, attributes=_ATTRIBUTES, buffer_size=_PART, max_concurrency=_PARTS_AT_A_TIME
        )

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Raises: StoreUnavailable."""
        with _answered(missing=False):
            self._file.write(bytes(piece))  # it keeps what it is given; callers use theirs again
        self._size += len(piece)

    def end(self) -> Segment:
        """The segment, which is whole and durable. Raises: StoreUnavailable."""
        with _answered(missing=False):
            self._file.close()
        return self._segment._replace(size=self._size)

    def undo(self) -> None:
        """Leave nothing, as far as the store lets us."""
        with contextlib.suppress(Exception):
            self._file.close()
            obstore.delete(self._bucket, self._path)


class _Appending:
    """An upload that is being written to: from ``append`` to the end of the context nobody else here may."""

    def __init__(self, store: ObjectStore, upload: str, *, chain: list[Segment], after: int) -> None:
        self._store, self._upload, self._chain, self._after = store, upload, chain, after
        self._writing: _Writing | None = None
        self._cut: Segment | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        """Write what is left, unless something has failed. Raises: StoreUnavailable."""
        chain = None
        try:
            if failure[0] is None:
                self.commit()
                chain = self._chain
        finally:
            if self._writing is not None:
                self._writing.undo()
                self._cut = None
            self._store.leave(self._upload, chain, without=self._cut)

    def take_over(self, cut: Segment, size: int) -> None:
        """Begin with the first *size* bytes of a segment that reaches too far. Raises: StoreUnavailable."""
        for piece in self._store.bytes_of(self._upload, [cut._replace(size=size)]):
            self.write(piece)
        self._cut = cut

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Put *piece* behind what was written. Raises: StoreUnavailable."""
        if self._writing is None:
            self._writing = self._store.begin(self._upload, _stop(self._chain), after=self._after)
        self._writing.write(piece)

    def commit(self) -> None:
        """Make a segment of what was written; an upload has one, even if it is empty. Raises: StoreUnavailable."""
        if self._writing is None and not self._chain:
            self._writing = self._store.begin(self._upload, 0, after=self._after)
        if self._writing is not None:
            self._chain.append(self._writing.end())
            self._writing = None


def chained(segments: Iterable[Segment], stop: int | None) -> list[Segment]:
    """
    Those of *segments* that lie behind each other from byte 0 on, until one reaches *stop*, or none follows.

    Of several that begin at one byte it is the one whose writer began last.
    """
    latest = {segment.start: segment for segment in sorted(segments, key=lambda s: s.began)}
    chain: list[Segment] = []
    position = 0
    while (stop is None or position < stop) and position in latest:
        chain.append(latest.pop(position))
        position = chain[-1].stop
    return chain


def _stop(chain: list[Segment]) -> int:
    return chain[-1].stop if chain else 0


def _segment(name: str, size: int) -> Segment:
    start, began, _ = name.split("-")
    return Segment(name, int(start, 16), int(began, 16), size)


def _checked(pattern: re.Pattern[str], name: str) -> str:
    if pattern.fullmatch(name) is None:
        raise ValueError(f"not a name in this store: {name[:200]!r}")
    return name


@contextlib.contextmanager
def _answered(*, missing: bool = True) -> Iterator[None]:
    """
    Say of a store that does not do its work what clients may know. *missing*: whether there may be no such object.

    It has been asked again by then, more and more seldom: see ``drivers``.
    """
    try:
        yield
    except FileNotFoundError as error:
        if missing:
            raise
        _log.error("the blob store has no such place: %s", _first_line(error))
        raise StoreUnavailable from error
    except BaseError as error:
        _log.error("the blob store does not answer as it should: %s", _first_line(error))
        raise StoreUnavailable from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
