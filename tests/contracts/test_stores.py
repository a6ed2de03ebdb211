"""What every blob store promises, whatever it is made of."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot import clock
from entrepot.storage import BlobStore
from entrepot.storage.digesting import digest_of
from entrepot.storage.drivers import open_store

DOMAIN = "123456789012"

Publish = Callable[[bytes], str]


@pytest.fixture(params=["file", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "s3":
        url = request.getfixturevalue("bucket")
    else:
        url = {"file": f"file://{tmp_path}/blobs", "memory": "memory://"}[request.param]
    return open_store(url)


@pytest.fixture
def publish(store: BlobStore) -> Publish:
    def publish(content: bytes) -> str:
        return store.finish(upload_of(store, content), DOMAIN, sha256(content))

    return publish


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def upload_of(store: BlobStore, content: bytes) -> str:
    upload = clock.new_uuid()
    with store.append(upload, 0) as appending:
        appending.write(content)
        appending.commit()
    return upload


def content_of(store: BlobStore, key: str) -> bytes:
    return b"".join(store.read(key))


def test_what_was_written_is_read_back_byte_for_byte(store: BlobStore, publish: Publish) -> None:
    content = bytes(range(256)) * 10_000

    key = publish(content)

    assert content_of(store, key) == content
    assert store.size(key) == 2_560_000


def test_pieces_are_at_most_a_mebibyte(store: BlobStore, publish: Publish) -> None:
    content = bytes(2_500_000)

    key = publish(content)

    assert [len(piece) for piece in store.read(key) if piece] == [1_048_576, 1_048_576, 402_848]
    assert [len(p) for p in store.uploaded(upload_of(store, content)) if p] == [1_048_576, 1_048_576, 402_848]


def test_a_piece_of_no_bytes_has_one_of_some_behind_it(store: BlobStore, publish: Publish) -> None:
    sizes = [len(piece) for piece in store.read(publish(bytes(2_500_000)))]

    assert all(sizes[at + 1] for at, size in enumerate(sizes) if not size)


def test_an_empty_blob_is_an_object_like_others(store: BlobStore, publish: Publish) -> None:
    key = publish(b"")

    assert store.size(key) == 0
    assert content_of(store, key) == b""


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [(0, None, b"abcdef"), (2, None, b"cdef"), (2, 4, b"cd"), (0, 1, b"a"), (5, 6, b"f"), (3, 3, b""), (6, None, b"")],
)
def test_a_range_is_read_from_start_to_stop_exclusive(
    store: BlobStore, publish: Publish, start: int, stop: int | None, expected: bytes
) -> None:
    key = publish(b"abcdef")

    assert b"".join(store.read(key, start, stop)) == expected


def test_a_range_may_begin_and_end_inside_of_pieces(store: BlobStore, publish: Publish) -> None:
    content = b"".join(i.to_bytes(4, "big") for i in range(700_000))
    key = publish(content)

    assert b"".join(store.read(key, 1_000_003, 2_222_222)) == content[1_000_003:2_222_222]


def test_a_range_of_an_upload_is_read_as_one_of_an_object(store: BlobStore) -> None:
    content = b"".join(i.to_bytes(4, "big") for i in range(700_000))
    upload = upload_of(store, content)

    assert b"".join(store.uploaded(upload, 1_000_003, 2_222_222)) == content[1_000_003:2_222_222]
    assert b"".join(store.uploaded(upload, 2_799_996)) == content[2_799_996:]


def test_what_was_written_may_be_changed_afterwards(store: BlobStore) -> None:
    upload, buffer = clock.new_uuid(), bytearray(b"abc")
    with store.append(upload, 0) as appending:
        appending.write(memoryview(buffer))
        buffer[:] = b"def"
        appending.write(memoryview(buffer))
        buffer[:] = b"ghi"
        appending.commit()

    assert b"".join(store.uploaded(upload)) == b"abcdef"


def test_pieces_of_several_requests_follow_one_another(store: BlobStore) -> None:
    upload = upload_of(store, b"abc")
    with store.append(upload, 3) as appending:
        appending.write(b"de")
        appending.write(bytearray(b"f"))
        appending.write(memoryview(b"g"))
        appending.commit()

    assert b"".join(store.uploaded(upload)) == b"abcdefg"


def test_appending_cuts_off_what_lies_behind_the_offset(store: BlobStore) -> None:
    upload = upload_of(store, b"abc, and what a crash has left")

    with store.append(upload, 3) as appending:
        appending.write(b"d")

    assert b"".join(store.uploaded(upload)) == b"abcd"


def test_appending_leaves_no_hole(store: BlobStore) -> None:
    upload = upload_of(store, b"abc")

    with pytest.raises(FileNotFoundError):
        store.append(upload, 4)
    with pytest.raises(FileNotFoundError):
        store.append(clock.new_uuid(), 1)

    assert b"".join(store.uploaded(upload)) == b"abc"


def test_two_writers_never_share_an_upload(store: BlobStore) -> None:
    upload = clock.new_uuid()

    with store.append(upload, 0) as appending:
        appending.write(b"mine")
        with pytest.raises(BlockingIOError):
            store.append(upload, 0)
        with pytest.raises(BlockingIOError):
            store.finish(upload, DOMAIN, sha256(b"mine"))

    with store.append(upload, 4) as appending:
        appending.write(b", then yours")
    assert b"".join(store.uploaded(upload)) == b"mine, then yours"


def test_an_upload_is_gone_once_it_is_finished(store: BlobStore, publish: Publish) -> None:
    upload = upload_of(store, b"abc")

    key = store.finish(upload, DOMAIN, sha256(b"abc"))

    assert list(store.uploads()) == []
    assert [entry.name for entry in store.objects()] == [key]
    with pytest.raises(FileNotFoundError):
        store.finish(upload, DOMAIN, sha256(b"abc"))
    with pytest.raises(FileNotFoundError):
        next(store.uploaded(upload))


def test_the_same_bytes_twice_are_two_objects(store: BlobStore, publish: Publish) -> None:
    """Whoever removes the one can never remove the bytes of the other."""
    first, second = publish(b"abc"), publish(b"abc")

    store.delete(first)

    assert first != second
    assert content_of(store, second) == b"abc"


def test_domains_and_algorithms_do_not_mix(store: BlobStore) -> None:
    digests = [sha256(b"abc"), "sha512:" + hashlib.sha512(b"abc").hexdigest()]

    keys = {
        store.finish(upload_of(store, b"abc"), domain, digest)
        for domain in ("123456789012", "210987654321", "123456789012.a-key_1")
        for digest in digests
    }

    assert len(keys) == 6
    assert {entry.name for entry in store.objects()} == keys
    assert {content_of(store, key) for key in keys} == {b"abc"}


def test_an_upload_can_be_abandoned_at_any_time(store: BlobStore) -> None:
    upload = upload_of(store, b"abc")

    store.abandon(upload)
    store.abandon(upload)

    assert list(store.uploads()) == []


def test_an_object_can_be_deleted_at_any_time(store: BlobStore, publish: Publish) -> None:
    key = publish(b"abc")

    store.delete(key)
    store.delete(key)

    assert store.size(key) is None
    assert store.path(key) is None
    assert list(store.objects()) == []
    with pytest.raises(FileNotFoundError):
        next(store.read(key))


def test_uploads_and_objects_are_listed_with_their_times(store: BlobStore, publish: Publish) -> None:
    before = clock.now() - 2  # file systems keep their own clocks
    uploads = {upload_of(store, b"a"), upload_of(store, b"b")}
    keys = {publish(b"c"), publish(b"d")}

    assert {entry.name for entry in store.uploads()} == uploads
    assert {entry.name for entry in store.objects()} == keys
    assert all(before < entry.modified < clock.now() + 2 for entry in [*store.uploads(), *store.objects()])


def test_a_path_leads_to_the_bytes(store: BlobStore, publish: Publish) -> None:
    path = store.path(publish(b"abc"))

    assert path is None or Path(path).read_bytes() == b"abc"


def test_it_is_reached_whether_there_is_something_in_it_or_nothing(store: BlobStore, publish: Publish) -> None:
    store.reach()
    publish(b"abc")

    store.reach()


def test_a_folder_that_has_gone_is_not_reached(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/blobs")
    shutil.rmtree(tmp_path / "blobs")

    with pytest.raises(OSError, match="uploads"):
        store.reach()


def test_a_digest_is_named_with_its_algorithm() -> None:
    pieces: list[bytes | bytearray] = [b"a", bytearray(b"b"), b"c"]

    assert digest_of(pieces, "sha256") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of([], "sha512").startswith("sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://bucket/prefix",
        "s3://",
        "s3://bucket?speed=high",
        "s3://bucket?redirect=perhaps",
        "",
        "data/blobs",
        "file://data/blobs",
        "file:blobs",
        "file:///blobs?mode=fast",
    ],
)
def test_an_unknown_store_is_refused_by_the_name_of_the_setting(url: str) -> None:
    with pytest.raises(ValueError, match=r"^storage: "):
        open_store(url)
