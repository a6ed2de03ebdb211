"""
The envelope in which bytes at rest are sealed: Tink's streaming AEAD, AES256-GCM-HKDF-1MB, in a frame of ours.

    envelope = header, 4,096 bytes | part | part … | end
    header   = "RGENV1", NUL, NUL | u32 length | JSON {context, created, key, wrapped, outer} | zeros
    part     = stream | u64 plain size            with an outer key, a stream that is sealed in a stream under that
    stream   = 40 | salt (32) | nonce prefix (7) | segment 0 | segment 1 …                 Tink's, byte for byte
    end      = nonce (12) | AES-256-GCM(JSON {digest, domain, parts: [plain size …]}) | u32 length

    key of a stream = HKDF-SHA256(secret, salt, info = "blob/1|<key>|<plain offset of its first byte>")
    nonce           = prefix | segment number u32 | 1 in the last segment, else 0

A segment is 1 MiB with its tag, the first one together with the 40 bytes before it. The *secret* is drawn for one
upload and wrapped under a key that the header names; whatever else the header says is authenticated by that.

A part is what one request has appended. It has a salt, and so a key, of its own, and is never gone on with: that no
nonce is used twice under a key, not even after a crash, needs no record of how far somebody came.

Everything here is computation: who reads and writes is ``sealing.at_rest``. Source: Tink, "AES-GCM-HKDF Streaming
AEAD" (https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming); the frame is ours.
"""

import base64
import binascii
import secrets
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HEADER = 4096
SEGMENT = 1 << 20
STREAM_HEAD = 40  # its own size in a byte, salt, nonce prefix
_TAG, _SALT, _PREFIX, _NONCE, _SECRET = 16, 32, 7, 12, 32
PLAIN = SEGMENT - _TAG  # of every segment but the first and the last
_MAGIC = b"RGENV1\0\0"
LENGTH = struct.Struct(">I")
SIZE = struct.Struct(">Q")

Put = Callable[[memoryview], object]


class SealBroken(OSError):
    """Sealed bytes are not what was sealed: damaged, exchanged, or sealed under another key."""


def derive(key: bytes, info: bytes, *, salt: bytes | None = None) -> bytes:
    """A 32-byte key for one use. Source: RFC 5869."""
    return HKDF(algorithm=SHA256(), length=_SECRET, salt=salt, info=info).derive(key)


def stream_size(plain: int) -> int:
    """Bytes of the stream that holds *plain* bytes."""
    return STREAM_HEAD + plain + _TAG * (segment_of(max(plain, 1) - 1) + 1)


def segment_of(offset: int) -> int:
    """The number of the segment in which the plain byte at *offset* of a stream lies."""
    return (offset + STREAM_HEAD) // PLAIN


def start_of(segment: int) -> int:
    """The plain offset at which a segment begins."""
    return max(0, segment * PLAIN - STREAM_HEAD)


@dataclass(frozen=True, slots=True)
class Header:
    """
    Of one envelope: the name of the key that wraps the *secret*, and the upload that it was drawn for.

    With an *outer* one its streams are sealed once more, as streams of that.
    """

    key: str
    upload: str
    secret: bytes = field(repr=False)
    outer: "Header | None" = None

    def info(self, offset: int) -> bytes:
        """What the key of the stream is bound to whose first plain byte lies at *offset*."""
        return f"blob/1|{self.key}|{offset}".encode()

    def stream_size(self, plain: int) -> int:
        """Bytes of the stream at rest that holds *plain* bytes."""
        size = stream_size(plain)
        return size if self.outer is None else stream_size(size)


def new_header(wrapping: AESGCM, key: str, upload: str, *, created: float) -> tuple[Header, bytes]:
    """A header with a new secret, wrapped by *wrapping*, which is the key of the name *key*; and its bytes."""
    header, fields = new_fields(wrapping, key, upload, created=created)
    return header, header_bytes(fields)


def new_fields(wrapping: AESGCM, key: str, upload: str, *, created: float) -> tuple[Header, dict[str, Any]]:
    """The same, and what its bytes say."""
    header = Header(key, upload, secrets.token_bytes(_SECRET))
    fields: dict[str, Any] = {"context": {"upload": upload}, "created": created, "key": key}
    nonce = secrets.token_bytes(_NONCE)
    wrapped = nonce + wrapping.encrypt(nonce, header.secret, canonical(fields))
    return header, fields | {"wrapped": base64.b64encode(wrapped).decode()}


def header_bytes(fields: dict[str, Any]) -> bytes:
    """The bytes of the header that says *fields*."""
    text = canonical(fields)
    return (_MAGIC + LENGTH.pack(len(text)) + text).ljust(HEADER, b"\0")


def parse_fields(raw: bytes) -> dict[str, Any]:
    """What the header in *raw* says. Raises: SealBroken."""
    begin = len(_MAGIC) + LENGTH.size
    if len(raw) != HEADER or not raw.startswith(_MAGIC):
        raise SealBroken("no envelope begins here")
    (length,) = LENGTH.unpack_from(raw, len(_MAGIC))
    if length > HEADER - begin or raw[begin + length :].strip(b"\0"):
        raise SealBroken("the header is damaged")
    try:
        fields = orjson.loads(raw[begin : begin + length])
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise SealBroken("the header is damaged")
    return fields


def open_fields(fields: dict[str, Any], wrapping: AESGCM) -> Header:
    """The header that says *fields*, its secret unwrapped. Raises: SealBroken."""
    try:
        kept = {name: value for name, value in fields.items() if name != "wrapped"}
        wrapped = base64.b64decode(fields["wrapped"], validate=True)
        secret = wrapping.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], canonical(kept))
        return Header(kept["key"], kept["context"]["upload"], secret)
    except (ValueError, TypeError, AttributeError, LookupError, binascii.Error, InvalidTag):
        raise SealBroken("the header is damaged, or sealed under another key") from None


@dataclass(frozen=True, slots=True)
class End:
    """What an envelope turned out to hold: *parts* are plain sizes, in order."""

    domain: str
    digest: str
    parts: tuple[int, ...]


END_LENGTH = LENGTH.size


def new_end(header: Header, end: End) -> bytes:
    """The bytes that close an envelope."""
    nonce = secrets.token_bytes(_NONCE)
    text = canonical({"digest": end.digest, "domain": end.domain, "parts": end.parts})
    sealed = nonce + _end_cipher(header).encrypt(nonce, text, None)
    return sealed + LENGTH.pack(len(sealed))


def end_size(raw: bytes) -> int:
    """Bytes of the whole end, of which *raw* is the last ``END_LENGTH``. Raises: SealBroken."""
    if len(raw) != END_LENGTH:
        raise SealBroken("the end is missing")
    size: int = LENGTH.unpack(raw)[0]
    return size + END_LENGTH


def parse_end(header: Header, raw: bytes) -> End:
    """The end in *raw*. Raises: SealBroken."""
    try:
        fields = orjson.loads(_end_cipher(header).decrypt(raw[:_NONCE], raw[_NONCE:-END_LENGTH], None))
    except (ValueError, InvalidTag):
        raise SealBroken("the end is damaged") from None
    return End(fields["domain"], fields["digest"], tuple(fields["parts"]))


class Sealer:
    """
    Makes one stream out of pieces of any size; each segment goes to *put* when it is full.

    What *put* is given is only good until it returns: the buffers are used again.
    """

    def __init__(self, header: Header, offset: int, put: Put) -> None:
        self._outer = None if header.outer is None else Sealer(header.outer, offset, put)
        put = put if self._outer is None else self._outer.write
        salt, self._prefix = secrets.token_bytes(_SALT), secrets.token_bytes(_PREFIX)
        self._head = bytes([STREAM_HEAD]) + salt + self._prefix
        self._cipher = AESGCM(derive(header.secret, header.info(offset), salt=salt))
        self._put = put
        self._plain = memoryview(bytearray(PLAIN))
        self._segment = 0
        # The first segment has its place behind the head of the stream.
        self._filled = STREAM_HEAD
        self.size = 0  # plain bytes

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Take *piece* in."""
        with memoryview(piece) as rest:
            done = 0
            while done < len(rest):
                if self._filled == PLAIN:  # more has come, so this segment is not the last
                    self._seal(last=False)
                taken = min(PLAIN - self._filled, len(rest) - done)
                self._plain[self._filled : self._filled + taken] = rest[done : done + taken]
                self._filled += taken
                done += taken
            self.size += done

    def end(self) -> None:
        """Seal what is left, as the last segment."""
        self._seal(last=True)
        if self._outer is not None:
            self._outer.end()

    def _seal(self, *, last: bool) -> None:
        nonce = _nonce(self._prefix, self._segment, last=last)
        begin, end, sealed = (
            len(self._head),
            self._filled + _TAG,
            _buffers.sealed if self._outer is None else _buffers.inner,
        )
        sealed[:begin] = self._head
        self._cipher.encrypt_into(nonce, self._plain[begin : self._filled], None, sealed[begin:end])
        self._put(sealed[:end])
        self._segment += 1
        self._head, self._filled = b"", 0


class _Buffers(threading.local):
    """A segment's room for each thread, and not for each of many streams that wait for their next bytes."""

    def __init__(self) -> None:
        self.sealed = memoryview(bytearray(SEGMENT))
        self.inner = memoryview(bytearray(SEGMENT))  # of a stream that another one seals once more


_buffers = _Buffers()


class Opener:
    """Opens segments of one stream of *size* plain bytes, in any order. *head* is its first 40 bytes."""

    def __init__(self, header: Header, offset: int, *, size: int, head: bytes) -> None:
        """Raises: SealBroken."""
        if len(head) != STREAM_HEAD or head[0] != STREAM_HEAD:
            raise SealBroken("no stream begins here")
        self._cipher = AESGCM(derive(header.secret, header.info(offset), salt=head[1 : 1 + _SALT]))
        self._prefix = head[1 + _SALT :]
        self._last = segment_of(max(size, 1) - 1)

    def open(self, segment: int, sealed: memoryview, *, room: bytearray | None = None) -> bytes | bytearray:
        """
        The plain bytes of a segment, in *room* if they fill it; of the first, *sealed* is without the head.

        Raises: SealBroken.
        """
        nonce = _nonce(self._prefix, segment, last=segment == self._last)
        try:
            if room is None or len(room) != len(sealed) - _TAG:
                return self._cipher.decrypt(nonce, sealed, None)
            self._cipher.decrypt_into(nonce, sealed, None, room)
        except InvalidTag:
            raise SealBroken(f"segment {segment} is damaged") from None
        return room


def _nonce(prefix: bytes, segment: int, *, last: bool) -> bytes:
    return prefix + LENGTH.pack(segment) + bytes([last])


def _end_cipher(header: Header) -> AESGCM:
    return AESGCM(derive(header.secret, f"blob/1|{header.key}|end".encode()))


def canonical(fields: dict[str, Any]) -> bytes:
    """*fields* as the one text that they have."""
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
