"""
Blobs as plain files on one file system: durable by fsync, published by rename.

    <folder>/uploads/<uuid>                                              bytes that are still coming
    <folder>/objects/<domain>/<sha256|sha512>/<2 hex>/<hex>-<uuid>       bytes that are whole

A key is an object's path below the folder. The first two digits of the digest keep folders short. The
upload's UUID makes each object's name its own, so that a key is never used twice.

The folder may lie on a host that others use too. Names are matched in full before they touch the disk;
every file is opened relative to its folder's descriptor, symbolic links are followed nowhere, and what
is no plain file with a single link is not touched. (So back up by copying, not by hard links.)
"""

import contextlib
import errno
import fcntl
import mmap
import os
import re
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Self

from entrepot.errors import NoSpace
from entrepot.storage.base import PIECE, Object, Piece

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UPLOAD = re.compile(_UUID)
_DOMAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128})")
_SHARD = re.compile(r"[0-9a-f]{2}")
_OBJECT = re.compile(rf"(?:[0-9a-f]{{64}}|[0-9a-f]{{128}})-{_UUID}")
_KEY = re.compile(rf"objects/({_DOMAIN.pattern})/(sha256|sha512)/([0-9a-f]{{2}})/(\3[0-9a-f]+-{_UUID})")

# Without O_NONBLOCK, opening a planted FIFO would wait for its other end for ever.
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

# A large body is sent to the disk while it comes, so that the fsync at its end is short: of 1 GiB it
# then takes 5 ms instead of 0.7 s.
_WRITE_BACK = 8 << 20

# So much of a file is mapped at a time: to unmap each mebibyte alone takes 3 % longer.
_WINDOW = 4 << 20
# Linux 5.14 and later; Python has no name for it.
_POPULATE_READ = 22


class FilesystemStore:
    """A blob store in *folder*, which is made if need be. Processes may share it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = str(folder.resolve())
        self._root = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        # Folders whose entry in their parent this process knows to be on the disk.
        self._durable: set[str] = set()
        for name in ("uploads", "objects"):
            os.close(self._make([name]))

    def append(self, upload: str, offset: int) -> "_Appending":
        """
        Open an upload to be written from *offset* on.

        Raises: FileNotFoundError, where bytes before *offset* are missing; BlockingIOError, while another
        has it open; NoSpace.
        """
        with _room(self._root), self._folder(["uploads"]) as folder:
            file = _open(folder, _checked(_UPLOAD, upload), os.O_RDWR | os.O_CREAT)
            try:
                _lock(file, folder, upload)
                if os.fstat(file).st_size < offset:
                    raise FileNotFoundError(errno.ENOENT, f"bytes before {offset} are missing", upload)
                os.ftruncate(file, offset)
                os.lseek(file, offset, os.SEEK_SET)
            except BaseException:
                os.close(file)
                raise
            # Where an upload begins, its name may not be on the disk yet.
            return _Appending(file, offset, os.dup(folder) if offset == 0 else None)

    def uploaded(self, upload: str, start: int = 0, stop: int | None = None) -> Iterator[Piece]:
        """Bytes of an upload. Raises: FileNotFoundError, at the first piece."""
        with self._folder(["uploads"]) as folder:
            file = _open(folder, _checked(_UPLOAD, upload), os.O_RDONLY)
        # Views are for what nobody shortens meanwhile.
        yield from _pieces(file, start, stop, at_hand=os.pread)

    def finish(self, upload: str, domain: str, digest: str) -> str:
        """Publish an upload: its bytes, its name and the folders above it are durable then."""
        found = _DIGEST.fullmatch(digest)
        if found is None:
            raise ValueError(f"not a digest: {digest[:200]!r}")
        algorithm, text = found[1] or found[3], found[2] or found[4]
        parts = ["objects", _checked(_DOMAIN, domain), algorithm, text[:2]]
        name = f"{text}-{_checked(_UPLOAD, upload)}"
        with _room(self._root), self._folder(["uploads"]) as source, _closing(self._make(parts)) as target:
            with _closing(_open(source, upload, os.O_RDWR)) as file:
                _lock(file, source, upload)
                os.utime(file)  # an object's age counts from here, however long ago its last byte came
                os.fdatasync(file)
                os.rename(upload, name, src_dir_fd=source, dst_dir_fd=target)
            os.fsync(target)
        return "/".join((*parts, name))

    def abandon(self, upload: str) -> None:
        """Forget an upload, whether there is one or not."""
        with self._folder(["uploads"]) as folder, contextlib.suppress(FileNotFoundError):
            os.unlink(_checked(_UPLOAD, upload), dir_fd=folder)

    def uploads(self) -> Iterator[Object]:
        """Every upload that there is, in no order."""
        with self._folder(["uploads"]) as folder:
            entries = _files(folder, _UPLOAD)
        yield from entries

    def size(self, key: str) -> int | None:
        """Bytes of an object; None where there is none."""
        try:
            file = self._open_object(key)
        except FileNotFoundError:
            return None
        with _closing(file):
            return os.fstat(file).st_size

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[Piece]:
        """Bytes *start* to *stop* (exclusive). Raises: FileNotFoundError, at the first piece."""
        yield from _pieces(self._open_object(key), start, stop, at_hand=_Views())

    def path(self, key: str) -> str | None:
        """The absolute path of an object; None where there is none, or no plain file of ours."""
        try:
            os.close(self._open_object(key))
        except OSError:
            return None
        return f"{self._path}/{key}"

    def url(self, key: str, lifetime: timedelta) -> str | None:
        """None: files have no address of their own."""
        return None

    def delete(self, key: str) -> None:
        """Remove an object, whether there is one or not. *After a crash it may be back: as garbage.*"""
        *parts, name = _parts(key)
        with contextlib.suppress(FileNotFoundError), self._folder(parts) as folder:
            os.unlink(name, dir_fd=folder)

    def objects(self) -> Iterator[Object]:
        """Every object that there is, in no order."""
        for domain in self._folders(["objects"], _DOMAIN):
            for algorithm in ("sha256", "sha512"):
                for shard in self._folders(["objects", domain, algorithm], _SHARD):
                    parts = ["objects", domain, algorithm, shard]
                    with self._folder(parts) as folder:
                        entries = _files(folder, _OBJECT)
                    for entry in entries:
                        yield entry._replace(name="/".join((*parts, entry.name)))

    def reach(self) -> None:
        """Raises: OSError, where the folder has gone, or its disk."""
        with self._folder(["uploads"]):
            pass

    def free(self) -> int | None:
        """Bytes that this process may still store."""
        space = os.fstatvfs(self._root)
        return space.f_bavail * space.f_frsize

    def _open_object(self, key: str) -> int:
        *parts, name = _parts(key)
        with self._folder(parts) as folder:
            return _open(folder, name, os.O_RDONLY)

    @contextlib.contextmanager
    def _folder(self, parts: Sequence[str]) -> Iterator[int]:
        """A descriptor of the folder at *parts*. Raises: FileNotFoundError; OSError, at a symbolic link."""
        folder = os.dup(self._root)
        try:
            for part in parts:
                inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)

    def _make(self, parts: Sequence[str]) -> int:
        """A descriptor of the folder at *parts*, which is there and durable, with all above it."""
        folder = os.dup(self._root)
        try:
            for depth, part in enumerate(parts, start=1):
                path = "/".join(parts[:depth])
                if path not in self._durable:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=folder)
                    os.fsync(folder)  # even if another has made it, who may not have come to this line yet
                    self._durable.add(path)
                inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
        except BaseException:
            os.close(folder)
            raise
        return folder

    def _folders(self, parts: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
        try:
            with self._folder(parts) as folder, os.scandir(folder) as entries:
                return [e.name for e in entries if pattern.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []


class _Appending:
    """An upload that is being written, and a thread that keeps the disk busy with it once it is large."""

    def __init__(self, file: int, start: int, folder: int | None) -> None:
        self._file, self._start, self._folder = file, start, folder
        self._ahead = 0  # bytes that the disk was not asked for yet
        self._syncing: threading.Thread | None = None
        self._failure: OSError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        """Close the file. Raises: OSError, if the disk has refused what was written."""
        self._wait()
        os.close(self._file)
        if self._folder is not None:
            os.close(self._folder)
        if failure[0] is None and self._failure is not None:
            raise self._failure

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Put *piece* behind what was written. Raises: NoSpace."""
        self._raise()
        with self._room(), memoryview(piece) as rest:
            done = 0
            while done < len(rest):  # a write may be short: near a full disk, or beyond 2 GiB
                done += os.write(self._file, rest[done:])
        self._ahead += done
        if self._ahead >= _WRITE_BACK and (self._syncing is None or not self._syncing.is_alive()):
            self._ahead = 0
            self._syncing = threading.Thread(target=self._sync, name="write-back", daemon=True)
            self._syncing.start()

    def commit(self) -> None:
        """Make all that was written durable, and the upload's name."""
        self._wait()
        self._raise()
        with self._room():
            os.fdatasync(self._file)
            if self._folder is not None:
                os.fsync(self._folder)

    def _sync(self) -> None:
        try:
            os.fdatasync(self._file)
        except OSError as error:
            self._failure = error  # Linux tells each descriptor of it once, and this was the once

    def _wait(self) -> None:
        if self._syncing is not None:
            self._syncing.join()

    def _raise(self) -> None:
        if self._failure is not None:
            with self._room():
                raise self._failure

    @contextlib.contextmanager
    def _room(self) -> Iterator[None]:
        """Where the disk is full, give back what was taken of it: the database needs some to say so."""
        try:
            with _room(self._file):
                yield
        except NoSpace:
            os.ftruncate(self._file, self._start)
            raise


def _checked(pattern: re.Pattern[str], name: str) -> str:
    if pattern.fullmatch(name) is None:
        raise ValueError(f"not a name in this store: {name[:200]!r}")
    return name


def _parts(key: str) -> list[str]:
    return _checked(_KEY, key).split("/")


def _open(folder: int, name: str, flags: int) -> int:
    """Open a plain file of ours. Raises: OSError at a symbolic link, a FIFO, a device, a hard link."""
    file = os.open(name, flags | _SAFE, 0o600, dir_fd=folder)
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(file)
        raise OSError(errno.ELOOP, "not a plain file with a single link", name)
    return file


def _lock(file: int, folder: int, upload: str) -> None:
    """Be the only one with this upload open until *file* is closed, even if another has claimed it meanwhile."""
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if os.stat(upload, dir_fd=folder, follow_symlinks=False).st_ino != os.fstat(file).st_ino:
        raise FileNotFoundError(errno.ENOENT, "finished or forgotten meanwhile", upload)


@contextlib.contextmanager
def _room(descriptor: int) -> Iterator[None]:
    """Call a full disk by its name."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            space = os.fstatvfs(descriptor)
            raise NoSpace(free=space.f_bavail * space.f_frsize, least=0) from error
        raise


@contextlib.contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _pieces(file: int, start: int, stop: int | None, *, at_hand: Callable[[int, int, int], Piece]) -> Iterator[Piece]:
    """The bytes of an open file, which is closed at the end; an empty piece before what the disk has yet to give."""
    with _closing(file):
        end = os.fstat(file).st_size if stop is None else stop
        while start < end:
            size, get = min(PIECE, end - start), at_hand
            if not _is_at_hand(file, start + size - 1):
                yield b""
                get = os.pread
            piece = get(file, size, start)
            if not piece:
                return
            yield piece
            start += len(piece)


class _Views:
    """
    Bytes of one file that are at hand, where they lie: that saves who opens them a copy. A few are copied.

    A view of what a disk cannot give would end the process (SIGBUS). So the kernel is asked for every page first, and
    says no where it cannot have one.
    """

    _pages: mmap.mmap
    _begin = _end = 0

    def __call__(self, file: int, size: int, offset: int) -> Piece:
        if size < PIECE or sys.platform != "linux":
            return os.pread(file, size, offset)
        try:
            if not self._begin <= offset <= self._end - size:
                begin = offset - offset % mmap.ALLOCATIONGRANULARITY
                length = min(_WINDOW, os.fstat(file).st_size - begin)
                self._pages = mmap.mmap(file, length, prot=mmap.PROT_READ, offset=begin)
                self._begin, self._end = begin, begin + length
            begin = offset - self._begin
            page = begin - begin % mmap.PAGESIZE
            self._pages.madvise(_POPULATE_READ, page, begin + size - page)
        except (OSError, ValueError, OverflowError):  # the latter two where the file ends before
            return os.pread(file, size, offset)
        return memoryview(self._pages)[begin : begin + size]


def _is_at_hand(file: int, offset: int) -> bool:
    """
    Whether the byte at *offset* is in memory; what lies before it is then as well, as good as always.

    False also where the file system does not tell.
    """
    try:
        return os.preadv(file, [bytearray(1)], offset, os.RWF_NOWAIT) == 1
    except OSError:
        return False


def _files(folder: int, pattern: re.Pattern[str]) -> list[Object]:
    """Entries of one folder, no folders among them; what vanishes meanwhile is left out."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    found.append(Object(entry.name, entry.stat(follow_symlinks=False).st_mtime))
    return found
