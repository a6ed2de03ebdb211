"""
The root key: 32 random bytes in a file that only its owner reads. Everything secret derives from it.

It lies beside the data and never inside, so that a copy of the data alone is worth nothing.
"""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from entrepot.errors import Refused

_NAME = "root.key"
_SIZE = 32


class RootKeyRefused(Refused):
    """The root key cannot be trusted, or does not belong to the data. The text says what to do."""


def find(folder: Path) -> bytes | None:
    """
    The root key in *folder*; None where there is none.

    Raises: RootKeyRefused, when others could read or replace it, or it cannot be a key.
    """
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RootKeyRefused(f"The folder of keys {folder} cannot be opened as a folder: {error.strerror}") from None
    try:
        _demand_private(os.fstat(directory), folder, remedy=f"chmod 700 {folder}")
        return _read(directory, folder / _NAME)
    finally:
        os.close(directory)


def create(folder: Path) -> bytes:
    """A new root key, durable in *folder*, which is made if need be. Raises: FileExistsError, RootKeyRefused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    unfinished = f"{_NAME}.{secrets.token_hex(8)}"
    key = secrets.token_bytes(_SIZE)
    try:
        _demand_private(os.fstat(directory), folder, remedy=f"chmod 700 {folder}")
        file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory)
        try:
            os.write(file, key)
            os.fsync(file)
        finally:
            os.close(file)
        # A link, unlike a rename, refuses to replace a key that is there.
        os.link(unfinished, _NAME, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unfinished, dir_fd=directory)
        os.fsync(directory)
        os.close(directory)
    return key


def _read(directory: int, path: Path) -> bytes | None:
    try:
        # Without O_NONBLOCK a FIFO in its place would hold up the start for ever.
        file = os.open(_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RootKeyRefused(f"The root key {path} cannot be read: {error.strerror}") from None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise RootKeyRefused(f"The root key {path} is not a regular file")
        _demand_private(status, path, remedy=f"chmod 600 {path}")
        key = os.read(file, _SIZE + 1)
    finally:
        os.close(file)
    if len(key) != _SIZE:
        raise RootKeyRefused(f"The root key {path} must have {_SIZE} bytes; it has {status.st_size}")
    if len(set(key)) == 1:
        raise RootKeyRefused(f"The root key {path} is one byte repeated: it was never made, or has been wiped")
    return key


def _demand_private(status: os.stat_result, path: Path, *, remedy: str) -> None:
    if status.st_uid != os.geteuid():
        raise RootKeyRefused(f"{path} belongs to another user (uid {status.st_uid}); run as its owner")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise RootKeyRefused(
            f"{path} is open to others (mode {stat.S_IMODE(status.st_mode):04o}); close it with: {remedy}"
        )
