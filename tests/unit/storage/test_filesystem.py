"""What only a store of files can get wrong: crashes, full disks, and what others plant in the folder."""

import contextlib
import errno
import hashlib
import mmap
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from entrepot import clock
from entrepot.errors import NoSpace
from entrepot.storage.base import PIECE
from entrepot.storage.filesystem import FilesystemStore

DOMAIN = "123456789012"
CONTENT = b"a layer"
HEX = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> FilesystemStore:
    return FilesystemStore(tmp_path / "blobs")


def publish(store: FilesystemStore, content: bytes = CONTENT) -> str:
    upload = clock.new_uuid()
    with store.append(upload, 0) as appending:
        appending.write(content)
        appending.commit()
    return store.finish(upload, DOMAIN, f"sha256:{HEX}")


def test_files_lie_where_the_layout_says(store: FilesystemStore, tmp_path: Path) -> None:
    upload = clock.new_uuid()
    with store.append(upload, 0) as appending:
        appending.write(CONTENT)

    assert (tmp_path / "blobs/uploads" / upload).read_bytes() == CONTENT
    key = store.finish(upload, DOMAIN, f"sha256:{HEX}")

    assert key == f"objects/{DOMAIN}/sha256/{HEX[:2]}/{HEX}-{upload}"
    assert store.path(key) == str(tmp_path / "blobs" / key)


def test_only_the_owner_reads_folders_and_files(store: FilesystemStore, tmp_path: Path) -> None:
    publish(store)
    with store.append(clock.new_uuid(), 0) as appending:
        appending.write(CONTENT)

    modes = {(p.is_dir(), stat.S_IMODE(p.stat().st_mode)) for p in [tmp_path / "blobs", *tmp_path.rglob("blobs/**/*")]}

    assert modes == {(True, 0o700), (False, 0o600)}


def test_a_store_is_found_again(store: FilesystemStore, tmp_path: Path) -> None:
    key = publish(store)

    again = FilesystemStore(tmp_path / "blobs")

    assert b"".join(again.read(key)) == CONTENT
    assert publish(again) != key


def test_bytes_are_on_the_disk_before_their_name_and_their_name_before_the_answer(
    store: FilesystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of calls is all that can be seen of durability without pulling a plug."""
    done: list[str] = []

    def noted(name: str) -> None:
        real: Callable[..., object] = getattr(os, name)

        def call(*args: object, **kwargs: object) -> object:
            what = Path(f"/proc/self/fd/{args[0]}").resolve().name if isinstance(args[0], int) else ""
            done.append(f"{name} {what}".strip())
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, call)

    for name in ("mkdir", "write", "fsync", "fdatasync", "rename"):
        noted(name)
    upload = clock.new_uuid()
    with store.append(upload, 0) as appending:
        appending.write(CONTENT)
        appending.commit()
    store.finish(upload, DOMAIN, f"sha256:{HEX}")

    assert done == [
        f"write {upload}",
        f"fdatasync {upload}",
        "fsync uploads",
        "mkdir",
        "fsync objects",
        "mkdir",
        f"fsync {DOMAIN}",
        "mkdir",
        "fsync sha256",
        f"fdatasync {upload}",
        "rename",
        f"fsync {HEX[:2]}",
    ]


def test_a_large_upload_is_sent_to_the_disk_while_it_comes(
    store: FilesystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = os.fdatasync

    def noted(file: int) -> None:
        asked.append(os.fstat(file).st_size)
        real(file)

    monkeypatch.setattr(os, "fdatasync", noted)

    with store.append(clock.new_uuid(), 0) as appending:
        for _ in range(9):
            appending.write(bytes(1 << 20))

    assert asked  # nobody has called commit
    assert asked[0] >= 8 << 20


@pytest.mark.parametrize("call", ["write", "fdatasync", "fsync", "mkdir", "rename"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_called_by_its_name(
    store: FilesystemStore, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refuse)

    with pytest.raises(NoSpace):
        publish(store)


def test_what_the_disk_refuses_behind_the_scenes_fails_the_upload(
    store: FilesystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux tells of a failed write once; the early fsync must not swallow it."""
    real, broken = os.fdatasync, [True]

    def once(file: int) -> None:
        if broken:
            broken.clear()
            raise OSError(errno.EIO, "the disk is broken")
        real(file)

    monkeypatch.setattr(os, "fdatasync", once)

    with pytest.raises(OSError, match="the disk is broken"), store.append(clock.new_uuid(), 0) as appending:
        appending.write(bytes(32 << 20))


def test_a_crash_between_any_two_steps_leaves_the_upload_or_the_object(
    store: FilesystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crashed(BaseException):
        pass

    def crash_before(step: int) -> None:
        steps = [0]

        def counted(name: str) -> None:
            real: Callable[..., object] = getattr(os, name)

            def call(*args: object, **kwargs: object) -> object:
                steps[0] += 1
                if steps[0] == step:
                    raise Crashed
                return real(*args, **kwargs)

            patch.setattr(os, name, call)

        for name in ("mkdir", "fsync", "fdatasync", "rename", "utime"):
            counted(name)

    crashes = 0
    for step in range(1, 30):
        store = FilesystemStore(Path(store._path) / str(step))
        upload = clock.new_uuid()
        with store.append(upload, 0) as appending:
            appending.write(CONTENT)
            appending.commit()
        with monkeypatch.context() as patch:
            crash_before(step)
            try:
                store.finish(upload, DOMAIN, f"sha256:{HEX}")
            except Crashed:
                crashes += 1
            else:
                break
        left = [b"".join(store.read(e.name)) for e in store.objects()]
        left += [b"".join(store.uploaded(e.name)) for e in store.uploads()]
        assert left == [CONTENT]

    assert crashes >= 7


@pytest.mark.parametrize(
    "name",
    [
        *["", ".", "..", "../x", "/etc/passwd", "x", "a/b", "\0", "é" * 36, "00000000-0000-4000-8000-00000000000G"],
        *["00000000-0000-4000-8000-000000000000\n", "00000000-0000-4000-8000-000000000000/.."],
    ],
)
def test_abuse_10_an_upload_whose_name_is_no_uuid_never_reaches_the_disk(store: FilesystemStore, name: str) -> None:
    for use in (
        lambda: store.append(name, 0),
        lambda: next(store.uploaded(name)),
        lambda: store.abandon(name),
        lambda: store.finish(name, DOMAIN, f"sha256:{HEX}"),
    ):
        with pytest.raises(ValueError, match="not a name"):
            use()


@pytest.mark.parametrize(
    ("domain", "digest"),
    [
        ("..", f"sha256:{HEX}"),
        ("a/b", f"sha256:{HEX}"),
        ("", f"sha256:{HEX}"),
        ("a\n", f"sha256:{HEX}"),
        (DOMAIN, "sha256:../../x"),
        (DOMAIN, f"sha256:{HEX}/x"),
        (DOMAIN, f"sha256:{HEX.upper()}"),
        (DOMAIN, f"md5:{HEX[:32]}"),
        (DOMAIN, f"sha512:{HEX}"),
        (DOMAIN, f"sha256:{HEX}\n"),
    ],
)
def test_abuse_10_an_object_is_named_by_hex_digits_alone(store: FilesystemStore, domain: str, digest: str) -> None:
    upload = clock.new_uuid()
    with store.append(upload, 0) as appending:
        appending.write(CONTENT)

    with pytest.raises(ValueError, match="not a"):
        store.finish(upload, domain, digest)

    assert list(store.objects()) == []


@pytest.mark.parametrize("change", ["{0}/../{1}", "../{0}", "/{0}", "{0}\n", "uploads/{1}", "objects/{1}", ""])
def test_abuse_10_a_key_that_the_store_did_not_make_is_refused(store: FilesystemStore, change: str) -> None:
    key = change.format(publish(store), clock.new_uuid())

    for use in (lambda: store.size(key), lambda: next(store.read(key)), lambda: store.delete(key)):
        with pytest.raises(ValueError, match="not a name"):
            use()


# Abuse 74: somebody else on the host has managed to put things into the data folder.


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"secret")
    return path


def plant(kind: str, place: Path, secret: Path) -> None:
    place.unlink(missing_ok=True)
    if kind == "symbolic link":
        place.symlink_to(secret)
    elif kind == "hard link":
        place.hardlink_to(secret)
    elif kind == "FIFO":
        os.mkfifo(place)
    else:
        place.mkdir()


KINDS = ["symbolic link", "hard link", "FIFO", "folder"]


@pytest.mark.parametrize("kind", KINDS)
def test_abuse_74_a_planted_object_is_never_read(
    store: FilesystemStore, tmp_path: Path, secret: Path, kind: str
) -> None:
    key = publish(store)
    plant(kind, tmp_path / "blobs" / key, secret)

    with pytest.raises(OSError, match=r"plain file|symbolic|directory"):
        list(store.read(key))
    with pytest.raises(OSError, match=r"plain file|symbolic|directory"):
        store.size(key)
    assert store.path(key) is None


@pytest.mark.parametrize("kind", KINDS)
def test_abuse_74_a_planted_upload_is_never_written_read_or_published(
    store: FilesystemStore, tmp_path: Path, secret: Path, kind: str
) -> None:
    upload = clock.new_uuid()
    plant(kind, tmp_path / "blobs/uploads" / upload, secret)

    for use in (
        lambda: store.append(upload, 0),
        lambda: list(store.uploaded(upload)),
        lambda: store.finish(upload, DOMAIN, f"sha256:{HEX}"),
    ):
        with pytest.raises(OSError):  # noqa: PT011  # which one is the kernel's choice
            use()

    assert secret.read_bytes() == b"secret"
    assert list(store.objects()) == []


@pytest.mark.parametrize("depth", range(4))
def test_abuse_74_a_planted_folder_link_is_never_followed(store: FilesystemStore, tmp_path: Path, depth: int) -> None:
    key = publish(store)
    inner = tmp_path / "blobs" / Path(*Path(key).parts[: depth + 1])
    moved = tmp_path / "elsewhere"
    inner.rename(moved)
    inner.symlink_to(moved)

    with pytest.raises(OSError, match=r"symbolic|directory"):
        list(store.read(key))
    assert store.path(key) is None
    with pytest.raises(OSError, match=r"symbolic|directory"):
        publish(FilesystemStore(tmp_path / "blobs"))


def test_abuse_74_removing_a_planted_link_leaves_what_it_points_at(
    store: FilesystemStore, tmp_path: Path, secret: Path
) -> None:
    key, upload = publish(store), clock.new_uuid()
    plant("symbolic link", tmp_path / "blobs" / key, secret)
    plant("hard link", tmp_path / "blobs/uploads" / upload, secret)

    store.delete(key)
    store.abandon(upload)

    assert secret.read_bytes() == b"secret"


def test_what_is_not_named_like_ours_is_neither_listed_nor_touched(store: FilesystemStore, tmp_path: Path) -> None:
    key = publish(store)
    strangers = ["lost+found", "uploads/.nfs0001", "objects/readme", f"objects/{DOMAIN}/sha256/zz"]
    for stranger in strangers:
        (tmp_path / "blobs" / stranger).mkdir()

    assert [entry.name for entry in store.objects()] == [key]
    assert list(store.uploads()) == []


def test_what_the_disk_has_yet_to_give_is_announced(store: FilesystemStore, tmp_path: Path) -> None:
    other, key = (publish(store) for _ in range(2))
    for each in (other, key):
        with (tmp_path / "blobs" / each).open("rb") as file:
            os.fsync(file)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    # The question itself lets the disk begin, so it is asked of another file.
    with (tmp_path / "blobs" / other).open("rb") as file, contextlib.suppress(BlockingIOError):
        os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
        pytest.skip("the file system keeps its files in memory")

    assert list(store.read(key)) == [b"", CONTENT]
    assert list(store.read(key)) == [CONTENT]


@pytest.mark.parametrize("start", [0, 1, 4096, 5000])
def test_what_is_at_hand_is_not_copied_in_whole_pieces(store: FilesystemStore, start: int) -> None:
    content = os.urandom(2 * PIECE + 10_000)
    key = publish(store, content)

    pieces = list(store.read(key, start))

    assert b"".join(pieces) == content[start:]
    assert [type(piece) for piece in pieces] == [memoryview, memoryview, bytes]


def test_a_page_that_the_disk_does_not_give_ends_no_process(
    store: FilesystemStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = publish(store, bytes(3 * PIECE))

    class Shortened(mmap.mmap):
        """Of what is mapped, half is not there when it is read: so a damaged disk looks to the kernel's memory."""

        def __new__(cls, *args: int, **options: int) -> Self:
            made = super().__new__(cls, *args, **options)
            os.truncate(tmp_path / "blobs" / key, PIECE // 2)
            return made

    monkeypatch.setattr(mmap, "mmap", Shortened)

    assert sum(map(len, store.read(key))) == PIECE // 2
