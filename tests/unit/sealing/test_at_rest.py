"""Plain bytes in, plain bytes out, sealed in between; over every kind of store, and after every kind of mischief."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot import clock
from entrepot.sealing.at_rest import AtRest, sealed_size_of
from entrepot.sealing.envelope import HEADER, SEGMENT, SealBroken, stream_size
from entrepot.storage import BlobStore
from entrepot.storage.drivers import open_store
from tests.support.rootkey import root_key

DOMAIN = "123456789012"
MARKER = b"a sentence that nobody shall find at rest"


@pytest.fixture(params=["file", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "s3":
        return open_store(request.getfixturevalue("bucket"))
    return open_store({"file": f"file://{tmp_path}/blobs", "memory": "memory://"}[request.param])


@pytest.fixture
def at_rest(store: BlobStore) -> AtRest:
    return AtRest(store, root_key(), seals=True)


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def push(at_rest: AtRest, *parts: bytes) -> tuple[str, int | None]:
    """An upload to which each of *parts* was appended by a request of its own, and its size at rest."""
    upload, size, sealed_size = clock.new_uuid(), 0, at_rest.nothing_yet()
    for part in parts:
        sealed_size = append(at_rest, upload, part, size=size, sealed_size=sealed_size)
        size += len(part)
    return upload, sealed_size


def append(at_rest: AtRest, upload: str, part: bytes, *, size: int, sealed_size: int | None) -> int | None:
    with at_rest.append(upload, size, sealed_size) as appending:
        for begin in range(0, len(part), 300_001):
            appending.write(part[begin : begin + 300_001])
        appending.commit()
    return sealed_size_of(appending)


def publish(at_rest: AtRest, *parts: bytes) -> str:
    upload, sealed_size = push(at_rest, *parts)
    return at_rest.finish(upload, DOMAIN, sha256(b"".join(parts)), sealed_size=sealed_size)


def content_of(at_rest: AtRest, key: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(at_rest.read(key, start, stop, sealed=True))


PARTS = [
    [],
    [b""],
    [b"abc"],
    [b"abc", b"", b"de"],
    [b"x" * (SEGMENT - 56)],
    [b"x" * (SEGMENT - 55), b"y"],
    [b"ab" * 1_300_000, b"c", b"de" * 700_000, b"f" * 16_384],
]


@pytest.mark.parametrize("parts", PARTS, ids=lambda parts: str([len(part) for part in parts]))
def test_what_was_pushed_in_any_parts_is_read_back(at_rest: AtRest, parts: list[bytes]) -> None:
    upload, sealed_size = push(at_rest, *parts)
    uploaded = b"".join(at_rest.uploaded(upload, sealed_size)) if parts else b""
    key = publish(at_rest, *parts)

    assert uploaded == b"".join(parts)
    assert content_of(at_rest, key) == b"".join(parts)


def test_every_range_is_the_range_of_the_plain_bytes(at_rest: AtRest) -> None:
    parts = [os.urandom(size) for size in (2_500_000, 10, 1_100_000)]
    plain = b"".join(parts)
    key = publish(at_rest, *parts)
    edges = [0, 1, SEGMENT - 56, SEGMENT - 55, 2 * SEGMENT - 72, 2_500_000, 2_500_009, 2_500_010, len(plain)]

    for start in edges:
        for stop in (edge for edge in edges if edge >= start):
            assert content_of(at_rest, key, start, stop) == plain[start:stop], (start, stop)


def test_nothing_of_the_bytes_is_found_at_rest(store: BlobStore, at_rest: AtRest) -> None:
    upload, _ = push(at_rest, MARKER * 50_000, MARKER)
    key = publish(at_rest, MARKER * 50_000, MARKER)

    for lying in (b"".join(store.uploaded(upload)), b"".join(store.read(key))):
        assert len(lying) > 2_000_000
        assert MARKER[:8] not in lying


def test_an_upload_in_one_request_is_one_stream_between_header_and_end(store: BlobStore, at_rest: AtRest) -> None:
    """So that a tool that knows Tink's format, and the secret, can read it without us."""
    upload, sealed_size = push(at_rest, b"x" * 2_000_000, b"")

    assert sealed_size == HEADER + stream_size(2_000_000) + 8
    assert len(b"".join(store.uploaded(upload))) == sealed_size


def test_plain_and_sealed_uploads_live_side_by_side(store: BlobStore, at_rest: AtRest) -> None:
    plainly = AtRest(store, root_key(), seals=False)
    upload, sealed_size = push(plainly, b"plain ")
    append(at_rest, upload, b"still", size=6, sealed_size=sealed_size)
    key = at_rest.finish(upload, DOMAIN, sha256(b"plain still"), sealed_size=sealed_size)
    sealed = publish(at_rest, b"sealed")

    assert sealed_size is None
    assert b"".join(plainly.read(key, sealed=False)) == b"plain still"
    assert b"".join(plainly.read(sealed, sealed=True)) == b"sealed"


def test_bytes_that_look_like_an_envelope_are_bytes(store: BlobStore, at_rest: AtRest) -> None:
    """Whoever pushes a stolen envelope is given the envelope back."""
    envelope = b"".join(store.read(publish(at_rest, b"secret")))
    plainly = AtRest(store, root_key(), seals=False)

    assert b"".join(plainly.read(publish(plainly, envelope), sealed=False)) == envelope
    assert content_of(at_rest, publish(at_rest, envelope)) == envelope


def test_what_a_crash_left_behind_what_is_durable_is_cut_off(at_rest: AtRest) -> None:
    upload, sealed_size = push(at_rest, b"abc")
    append(at_rest, upload, b"never recorded" * 100_000, size=3, sealed_size=sealed_size)

    sealed_size = append(at_rest, upload, b"def", size=3, sealed_size=sealed_size)

    assert b"".join(at_rest.uploaded(upload, sealed_size)) == b"abcdef"


def test_a_publishing_that_was_cut_short_can_be_repeated(store: BlobStore, at_rest: AtRest) -> None:
    upload, sealed_size = push(at_rest, b"abc")
    with store.append(upload, sealed_size or 0) as appending:
        appending.write(b"half of an end")

    key = at_rest.finish(upload, DOMAIN, sha256(b"abc"), sealed_size=sealed_size)

    assert content_of(at_rest, key) == b"abc"


def test_bytes_that_should_be_durable_and_are_not_end_the_upload(at_rest: AtRest) -> None:
    with pytest.raises((FileNotFoundError, SealBroken)):
        at_rest.append(clock.new_uuid(), 3, HEADER + 100)
    upload, sealed_size = push(at_rest, b"abc")
    assert sealed_size is not None
    with pytest.raises(FileNotFoundError):
        at_rest.append(upload, 3, sealed_size + 1)


def test_another_root_key_opens_nothing(store: BlobStore, at_rest: AtRest) -> None:
    key = publish(at_rest, b"abc")
    upload, sealed_size = push(at_rest, b"abc")
    stranger = AtRest(store, root_key(bytes(32)), seals=True)

    with pytest.raises(SealBroken):
        content_of(stranger, key)
    with pytest.raises(SealBroken):
        stranger.append(upload, 3, sealed_size)


def streams_in(lying: bytes, sizes: list[int]) -> Iterator[tuple[bytes, bytes, int]]:
    """Salt, nonce prefix and number of every segment of an upload's parts of these plain *sizes*."""
    begin = HEADER
    for size in sizes:
        length = stream_size(size)
        for number in range(-(-length // SEGMENT)):
            yield lying[begin + 1 : begin + 33], lying[begin + 33 : begin + 40], number
        begin += length + 8


def test_abuse_62_no_request_goes_on_with_the_stream_of_another(store: BlobStore, at_rest: AtRest) -> None:
    """Whatever a crash has left, and however often the same bytes are sent again."""
    upload = clock.new_uuid()
    seen: list[tuple[bytes, bytes, int]] = []
    sealed_size, sizes = at_rest.nothing_yet(), [1_500_000]
    for _ in range(3):  # the row never heard of them
        append(at_rest, upload, b"a" * 1_500_000, size=0, sealed_size=sealed_size)
        seen += streams_in(b"".join(store.uploaded(upload)), sizes)
    sealed_size = append(at_rest, upload, b"a" * 1_500_000, size=0, sealed_size=sealed_size)
    for _ in range(3):  # of these neither
        append(at_rest, upload, b"b" * 1_200_000, size=1_500_000, sealed_size=sealed_size)
        seen += list(streams_in(b"".join(store.uploaded(upload)), [1_500_000, 1_200_000]))[2:]

    assert len(seen) == len(set(seen)) == 12


def test_bytes_of_a_row_are_opened_only_where_they_belong_and_unchanged(at_rest: AtRest) -> None:
    kept = at_rest.into_row(MARKER, "sha256:ab", sealed=True)

    assert MARKER[:8] not in kept
    assert at_rest.from_row(kept, "sha256:ab", sealed=True) == MARKER
    assert at_rest.into_row(MARKER, "sha256:ab", sealed=True) != kept
    changed = [kept[:place] + bytes([kept[place] ^ 1]) + kept[place + 1 :] for place in range(len(kept))]
    for name, content in [
        ("sha256:ac", kept),
        *(("sha256:ab", content) for content in (*changed, kept[:20], kept[:3])),
    ]:
        with pytest.raises(SealBroken):
            at_rest.from_row(content, name, sealed=True)


def test_bytes_of_a_row_that_is_not_sealed_are_as_they_were(at_rest: AtRest) -> None:
    assert at_rest.from_row(at_rest.into_row(MARKER, "x", sealed=False), "x", sealed=False) == MARKER
    assert at_rest.from_row(at_rest.into_row(b"", "x", sealed=True), "x", sealed=True) == b""
