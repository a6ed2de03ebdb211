"""
Plain bytes at one end, bytes at rest at the other: sealed in an envelope, or as they are.

It works over any store and asks nothing more of it. Whether an upload or an object is sealed its row says, never its
bytes: whoever pushes something that looks like an envelope gets it back as it is. Of a sealed upload the row says how
many bytes of its file are durable; every request that appends begins a new part there, and what lies behind is cut
off unread. So a crash leaves nothing in doubt (``sealing.envelope`` says why that is safe).

Bytes that are so few that they lie in a row are sealed in a simpler way:

    u8 | day u24 | nonce (12) | AES-256-GCM    under a key of that day, so that no key ever seals too much;
                                               what the bytes belong to is authenticated with them.
                                               u8: the version of the root key less 1

A service key is of one version of the root key: ``service/1``, ``service/2`` are their names in envelopes.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from entrepot import clock
from entrepot.rootkey import RootKey, VersionMissing
from entrepot.sealing import customers, envelope
from entrepot.sealing.customers import Customer, DataKeys, NoDataKeys
from entrepot.sealing.envelope import HEADER, SEGMENT, SIZE, STREAM_HEAD, End, Header, Opener, SealBroken, Sealer
from entrepot.storage.base import Appending, BlobStore, Piece

_SERVICE = "service/"
_LABEL = b"blobs-at-rest"
_ROWS = b"rows-at-rest/"
_DIGITS = 3  # of a version
_HEAD, _NONCE, _TAG = 4, 12, 16
ROW_HEAD = len(customers.TWICE) + 1
# The end of an envelope with one part fits into this many bytes; reading them at once spares an opening.
_TAIL = 512

Fetch = Callable[[int, int], Iterator[Piece | bytearray]]


class AtRest:
    """
    The uploads and objects of *store*. *seals* says whether new ones are sealed, under a key of *root_key*.

    Those of a *customer* always are, under its key: *data_keys* has that.
    """

    def __init__(self, store: BlobStore, root_key: RootKey, *, seals: bool, data_keys: DataKeys | None = None) -> None:
        self._store, self._root_key, self._data_keys = store, root_key, data_keys or NoDataKeys()
        self._wrapping = lru_cache(maxsize=8)(lambda version: AESGCM(root_key.derive(_LABEL, version)))
        self._of_day = lru_cache(maxsize=256)(
            lambda head: AESGCM(root_key.derive(_ROWS + b"\0" + head[1:], head[0] + 1))
        )
        self.seals = seals

    def seals_for(self, customer: Customer | None) -> bool:
        """Whether new bytes are sealed that are *customer*'s, if anybody's."""
        return self.seals or customer is not None

    def nothing_yet(self, customer: Customer | None = None) -> int | None:
        """The *sealed_size* of an upload that begins now: 0, or None where it is not to be sealed."""
        return 0 if self.seals_for(customer) else None

    def into_row(self, content: bytes, name: str, *, sealed: bool, customer: Customer | None = None) -> bytes:
        """
        What to keep of *content*, of which none is none, in the row of what *name* identifies.

        Raises: KmsUnavailable.
        """
        if not sealed or not content:
            return content
        if customer is None:
            return self._sealed_row(content, name)
        row = customers.new_row(self._data_keys, customer, name, content)
        return customers.TWICE + self._sealed_row(row, name) if customer.twice else row

    def from_row(self, kept: bytes, name: str, *, sealed: bool) -> bytes:
        """What ``into_row`` was given. Raises: SealBroken, KmsUnavailable."""
        if not sealed or not kept:
            return kept
        # What we seal begins with a day, and no day reads so.
        if kept.startswith(customers.TWICE):
            return customers.open_row(self._data_keys, name, self._opened_row(kept[len(customers.TWICE) :], name))
        if kept.startswith(customers.ROW):
            return customers.open_row(self._data_keys, name, kept)
        return self._opened_row(kept, name)

    def renewed_row(self, kept: bytes, name: str) -> bytes:
        """The same as a row under the newest key of ours, where it is under an older one. Raises: SealBroken."""
        if row_version(kept) is None:
            return kept
        before = customers.TWICE if kept.startswith(customers.TWICE) else b""
        return before + self._sealed_row(self._opened_row(kept[len(before) :], name), name)

    def _sealed_row(self, content: bytes, name: str) -> bytes:
        day, nonce = int(clock.now() // 86400), secrets.token_bytes(_NONCE)
        head = bytes([self._root_key.seals - 1]) + day.to_bytes(_HEAD - 1, "big")
        return head + nonce + self._of_day(head).encrypt(nonce, content, name.encode())

    def _opened_row(self, kept: bytes, name: str) -> bytes:
        head, nonce, rest = kept[:_HEAD], kept[_HEAD : _HEAD + _NONCE], kept[_HEAD + _NONCE :]
        if len(rest) < _TAG:
            raise SealBroken("the row is damaged")
        try:
            return self._of_day(head).decrypt(nonce, rest, name.encode())
        except (InvalidTag, VersionMissing):
            raise SealBroken("the row is damaged, another's, or sealed under another key") from None

    def append(
        self, upload: str, offset: int, sealed_size: int | None, *, customer: Customer | None = None
    ) -> Appending:
        """
        Open an upload behind its first *offset* plain bytes, which are its first *sealed_size* at rest.

        Raises: FileNotFoundError, BlockingIOError, NoSpace, as the store does; SealBroken, KmsUnavailable.
        """
        if sealed_size is None:
            return self._store.append(upload, offset)
        header, before = self._header_of(upload, sealed_size, customer)
        return _SealedAppending(self._store.append(upload, sealed_size), header, before, offset=offset, at=sealed_size)

    def uploaded(self, upload: str, sealed_size: int | None) -> Iterator[bytes]:
        """The plain bytes of an upload. Raises: FileNotFoundError; SealBroken."""
        if sealed_size is None:
            yield from map(bytes, self._store.uploaded(upload))
        elif sealed_size:
            header, _ = self._header_of(upload, sealed_size, None)
            parts = _placed(self._part_sizes(upload, sealed_size, header), header)
            pieces = _opened(lambda *span: self._store.uploaded(upload, *span), header, parts, start=0, stop=None)
            yield from map(bytes, pieces)

    def finish(
        self, upload: str, domain: str, digest: str, *, sealed_size: int | None, customer: Customer | None = None
    ) -> str:
        """
        Publish an upload; the key of the new object. It is durable before this returns.

        Raises: FileNotFoundError, BlockingIOError, NoSpace; SealBroken, KmsUnavailable.
        """
        if sealed_size is not None:
            header, before = self._header_of(upload, sealed_size, customer)
            end = End(domain, digest, tuple(self._part_sizes(upload, sealed_size, header)))
            with self._store.append(upload, sealed_size) as appending:
                appending.write(before + envelope.new_end(header, end))
        return self._store.finish(upload, domain, digest)

    def read(self, key: str, start: int = 0, stop: int | None = None, *, sealed: bool) -> Iterator[bytes]:
        """
        Plain bytes *start* to *stop* (exclusive) of an object, each of them verified before it is given.

        Empty pieces say what those of ``BlobStore.read`` do. Raises: FileNotFoundError; SealBroken, at whichever
        piece it shows.
        """
        return map(bytes, self.lend(key, start, stop, sealed=sealed))

    def lend(self, key: str, start: int = 0, stop: int | None = None, *, sealed: bool) -> Iterator[bytes | bytearray]:
        """What ``read`` gives, in pieces of which each is good until the next one is asked for."""
        if not sealed:
            yield from map(bytes, self._store.read(key, start, stop))
            return

        def fetch(begin: int, end: int) -> Iterator[Piece]:
            return self._store.read(key, begin, end)

        header = self._opened_header(b"".join(fetch(0, HEADER)))
        end, size = self._end_of(key, header, fetch)
        # Keys name the upload that they were published from, and no two name the same.
        if header.upload not in key:
            raise SealBroken("this is another object's envelope")
        parts = _placed(end.parts, header)
        if (parts[-1].end if parts else HEADER) != size:
            raise SealBroken("parts are missing, or too many")
        yield from _opened(fetch, header, parts, start=start, stop=stop, lent=True)

    def version_of(self, key: str) -> int | None:
        """
        The version of the root key that an object's envelope is under; None where it is a customer's key alone.

        Raises: FileNotFoundError; SealBroken.
        """
        return _root_version(b"".join(self._store.read(key, 0, HEADER)))

    def version_of_upload(self, upload: str) -> int | None:
        """The same of an upload."""
        return _root_version(b"".join(self._store.uploaded(upload, 0, HEADER)))

    def customer_of(self, key: str) -> Customer | None:
        """Whose key an object's envelope says it is under, unverified. Raises: FileNotFoundError; SealBroken."""
        return customers.customer_in(envelope.parse_fields(b"".join(self._store.read(key, 0, HEADER))))

    def _header_of(self, upload: str, sealed_size: int, customer: Customer | None) -> tuple[Header, bytes]:
        """The header of an upload; a new one, and its bytes, which are to be written, where there is none yet."""
        if sealed_size == 0:
            return self._new_header(upload, customer)
        header = self._opened_header(b"".join(self._store.uploaded(upload, 0, HEADER)))
        if header.upload != upload:
            raise SealBroken("this is another upload's envelope")
        return header, b""

    def _new_header(self, upload: str, customer: Customer | None) -> tuple[Header, bytes]:
        if customer is None:
            return envelope.new_header(*self._newest(), upload, created=round(clock.now(), 3))
        secret, fields = customers.new_secret(self._data_keys, customer, upload)
        if not customer.twice:
            return Header(customer.key, upload, secret), envelope.header_bytes(fields)
        outer, ours = envelope.new_fields(*self._newest(), upload, created=round(clock.now(), 3))
        return Header(customer.key, upload, secret, outer), envelope.header_bytes(fields | {"outer": ours})

    def _newest(self) -> tuple[AESGCM, str]:
        version = self._root_key.seals
        return self._wrapping(version), f"{_SERVICE}{version}"

    def _opened_header(self, raw: bytes) -> Header:
        """Raises: SealBroken, KmsUnavailable."""
        fields = envelope.parse_fields(raw)
        if not str(fields.get("key")).startswith(customers.PREFIX):
            return self._opened_fields(fields)
        secret, upload = customers.open_secret(self._data_keys, fields)
        outer = self._opened_fields(fields["outer"]) if "outer" in fields else None
        return Header(fields["key"], upload, secret, outer)

    def _opened_fields(self, fields: Any) -> Header:
        """Raises: SealBroken."""
        try:
            return envelope.open_fields(fields, self._wrapping(_service_version(fields)))
        except VersionMissing:
            raise SealBroken("it is sealed under a version of the root key that is not here") from None

    def _part_sizes(self, upload: str, sealed_size: int, header: Header) -> list[int]:
        """Plain sizes of the parts of an upload. Each says its own at its end, so they are found backwards."""
        sizes: list[int] = []
        end = sealed_size
        while end > HEADER:
            (size,) = SIZE.unpack(_exactly(SIZE.size, self._store.uploaded(upload, end - SIZE.size, end)))
            sizes.append(size)
            end = end - SIZE.size - header.stream_size(size)
        if end not in (0, HEADER):
            raise SealBroken("parts of the upload are damaged")
        return sizes[::-1]

    def _end_of(self, key: str, header: Header, fetch: Fetch) -> tuple[End, int]:
        """The end of an object, and where it begins."""
        whole = self._store.size(key)
        if whole is None:
            raise FileNotFoundError(key)
        tail = b"".join(fetch(max(HEADER, whole - _TAIL), whole))
        size = envelope.end_size(tail[-envelope.END_LENGTH :])
        if size > whole - HEADER:
            raise SealBroken("the end is damaged")
        if size > len(tail):
            tail = b"".join(fetch(whole - size, whole))
        return envelope.parse_end(header, tail[-size:]), whole - size


def row_version(kept: bytes) -> int | None:
    """
    The version of the root key under which ``into_row`` has sealed *kept*, of which ``ROW_HEAD`` bytes will do.

    None where it is a customer's key alone.
    """
    if kept.startswith(customers.ROW):
        return None
    return kept[len(customers.TWICE) if kept.startswith(customers.TWICE) else 0] + 1


def _root_version(raw: bytes) -> int | None:
    """Raises: SealBroken."""
    fields = envelope.parse_fields(raw)
    if str(fields.get("key")).startswith(customers.PREFIX):
        return _service_version(fields["outer"]) if "outer" in fields else None
    return _service_version(fields)


def _service_version(fields: Any) -> int:
    """Raises: SealBroken."""
    key = str(fields.get("key")) if isinstance(fields, dict) else ""
    version = key.removeprefix(_SERVICE)
    if version == key or not version.isdecimal() or not version.isascii() or len(version) > _DIGITS:
        raise SealBroken(f"it is sealed under a key that we do not know: {key[:200]!r}")
    return int(version)


def sealed_size_of(appending: Appending) -> int | None:
    """Bytes of an upload at rest, once *appending* to it has ended; None where it is not sealed."""
    return appending.sealed_size if isinstance(appending, _SealedAppending) else None


class _SealedAppending:
    """Seals what is written as one part; none, where nothing is written. It owns *appending*."""

    def __init__(self, appending: Appending, header: Header, before: bytes, *, offset: int, at: int) -> None:
        self._appending, self._header, self._before, self._offset = appending, header, before, offset
        self._sealer: Sealer | None = None
        self.sealed_size = at

    def __enter__(self) -> Self:
        self._appending.__enter__()
        return self

    def __exit__(self, *failure: object) -> None:
        """Close the upload; what was written is all there then. Raises: NoSpace, OSError."""
        try:
            if failure[0] is None:
                self._end()
        finally:
            self._appending.__exit__(*failure)

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Seal *piece* behind what was written. Raises: NoSpace."""
        if self._sealer is None:
            self._put(self._before)
            self._sealer = Sealer(self._header, self._offset, self._put)
        self._sealer.write(piece)

    def commit(self) -> None:
        """End the part and make it durable."""
        self._end()
        self._appending.commit()

    def _end(self) -> None:
        if self._sealer is not None:
            self._sealer.end()
            self._put(SIZE.pack(self._sealer.size))
            self._sealer = None

    def _put(self, sealed: bytes | memoryview) -> None:
        try:
            self._appending.write(sealed)
        except BaseException:
            self._sealer = None  # where the disk is full, nothing more is to come: what was taken is given back
            raise
        self.sealed_size += len(sealed)


class _Part(NamedTuple):
    """Where a part begins at rest, at which plain offset, how many plain bytes it has, and where it ends."""

    begin: int
    offset: int
    size: int
    end: int


def _placed(sizes: Iterable[int], header: Header) -> list[_Part]:
    parts: list[_Part] = []
    begin, offset = HEADER, 0
    for size in sizes:
        end = begin + header.stream_size(size) + SIZE.size
        parts.append(_Part(begin, offset, size, end))
        begin, offset = end, offset + size
    return parts


def _opened(
    fetch: Fetch,
    header: Header,
    parts: list[_Part],
    *,
    start: int,
    stop: int | None,
    lent: bool = False,
) -> Iterator[bytes | bytearray]:
    """Plain bytes *start* to *stop* of what *parts* hold. What is *lent* is good until the next piece is asked for."""
    for part in parts:
        first = max(start - part.offset, 0)
        last = part.size if stop is None else min(stop - part.offset, part.size)
        if first < last:
            yield from _opened_part(fetch, header, part, start=first, stop=last, lent=lent)


def _opened_part(
    fetch: Fetch, header: Header, part: _Part, *, start: int, stop: int, lent: bool
) -> Iterator[bytes | bytearray]:
    """Plain bytes *start* to *stop*, counted from the beginning of the part. There is at least one."""
    outer = header.outer
    if outer is None:
        return _opened_stream(fetch, header, part, start=start, stop=stop, lent=lent)
    size = envelope.stream_size(part.size)

    def fetch_inner(begin: int, end: int) -> Iterator[bytes | bytearray]:
        stream = part._replace(size=size)
        return _opened_stream(fetch, outer, stream, start=begin - part.begin, stop=end - part.begin)

    inner = part._replace(end=part.begin + size + SIZE.size)
    return _opened_stream(fetch_inner, header, inner, start=start, stop=stop, lent=lent)


def _opened_stream(
    fetch: Fetch, header: Header, part: _Part, *, start: int, stop: int, lent: bool = False
) -> Iterator[bytes | bytearray]:
    first, last = envelope.segment_of(start), envelope.segment_of(stop - 1)
    head = _exactly(STREAM_HEAD, fetch(part.begin, part.begin + STREAM_HEAD))
    opener = Opener(header, part.offset, size=part.size, head=head)
    # The first segment lies with the head in one MiB: so what is fetched always comes segment by segment.
    begin, end = part.begin + first * SEGMENT, min(part.begin + (last + 1) * SEGMENT, part.end - SIZE.size)
    room = bytearray(envelope.PLAIN) if lent and first < last else None
    number = first
    for segment in _segments(fetch(begin, end)):
        if segment:
            plain = opener.open(number, memoryview(segment)[STREAM_HEAD if number == 0 else 0 :], room=room)
            offset = envelope.start_of(number)
            whole = start <= offset and offset + len(plain) <= stop
            yield plain if whole else plain[max(start - offset, 0) : stop - offset]
            number += 1
        else:
            yield b""
    if number <= last:
        raise SealBroken(f"segment {number} is missing")


def _segments(pieces: Iterable[Piece | bytearray]) -> Iterator[Piece | bytearray]:
    """The same bytes, a mebibyte at a time: a store may give them in smaller pieces. Empty ones stay where they are."""
    kept = bytearray()
    for piece in pieces:
        if not piece or (not kept and len(piece) == SEGMENT):
            yield piece
            continue
        kept += piece
        while len(kept) >= SEGMENT:
            yield bytes(kept[:SEGMENT])
            del kept[:SEGMENT]
    if kept:
        yield bytes(kept)


def _exactly(size: int, pieces: Iterable[Piece | bytearray]) -> bytes:
    """Raises: FileNotFoundError, where fewer bytes are there."""
    found = b"".join(pieces)
    if len(found) != size:
        raise FileNotFoundError("bytes that the upload should have are missing")
    return found
