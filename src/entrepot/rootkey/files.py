"""
Root keys in files. Version 1 is NAME, version 2 NAME.2, and so on.

In the folder of keys, which is ours, nobody else may read or replace them. A mounted secret (Kubernetes, containers,
systemd's credentials) is somebody else's work: links lead to it, root owns it, and our group may read it.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from entrepot.rootkey.versions import LAST, SIZE, RootKeyRefused, checked

NAME = "root.key"


def in_folder(folder: Path) -> dict[int, bytes]:
    """
    The versions in the folder of keys; none where there is no folder.

    Raises: RootKeyRefused, when others could read or replace one, or it cannot be a key.
    """
    try:
        directory = _open_folder(folder)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RootKeyRefused(f"The folder of keys {folder} cannot be opened as a folder: {error.strerror}") from None
    try:
        _demand_private(os.fstat(directory), folder, remedy=f"chmod 700 {folder}")
        return {version: _read_ours(directory, folder / name) for version, name in _named(NAME, os.listdir(directory))}
    finally:
        os.close(directory)


def mounted(path: Path) -> dict[int, bytes]:
    """
    The versions of a mounted secret, *path* and its neighbours; none where none is there.

    Raises: RootKeyRefused, when others than root, we and our group could read one, or it cannot be a key.
    """
    try:
        return {version: _read_mounted(path.with_name(name)) for version, name in _named(path.name, _names(path))}
    except OSError as error:
        raise RootKeyRefused(f"The root key {path} cannot be read: {error.strerror}") from None


def create(folder: Path, version: int) -> bytes:
    """A new version, durable in *folder*, which is made if need be. Raises: FileExistsError, RootKeyRefused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    above = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with _closing(above):
        os.fsync(above)
    directory = _open_folder(folder)
    name = name_of(NAME, version)
    unfinished = f"{name}.{secrets.token_hex(8)}"
    key = secrets.token_bytes(SIZE)
    try:
        _demand_private(os.fstat(directory), folder, remedy=f"chmod 700 {folder}")
        file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory)
        try:
            os.write(file, key)
            os.fsync(file)
        finally:
            os.close(file)
        # A link, unlike a rename, refuses to replace a key that is there.
        os.link(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unfinished, dir_fd=directory)
        os.fsync(directory)
        os.close(directory)
    return key


def name_of(first: str, version: int) -> str:
    """The file of a version, where that of version 1 is called *first*."""
    return first if version == 1 else f"{first}.{version}"


def _named(first: str, names: Iterable[str]) -> list[tuple[int, str]]:
    """Those of *names* that are versions."""
    there = set(names)
    return [(version, name) for version in range(1, LAST + 1) if (name := name_of(first, version)) in there]


def _names(path: Path) -> list[str]:
    try:
        return os.listdir(path.parent)
    except FileNotFoundError:
        return []


def _open_folder(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _read_ours(directory: int, path: Path) -> bytes:
    try:
        # Without O_NONBLOCK a FIFO in its place would hold up the start for ever.
        file = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
    except OSError as error:
        raise RootKeyRefused(f"The root key {path} cannot be read: {error.strerror}") from None
    with _closing(file):
        status = _demand_file(file, path)
        _demand_private(status, path, remedy=f"chmod 600 {path}")
        return checked(os.read(file, SIZE), str(path))


def _read_mounted(path: Path) -> bytes:
    # Kubernetes mounts links, to a folder that it exchanges as a whole.
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with _closing(file):
        status = _demand_file(file, path)
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid not in (0, os.geteuid()):
            raise RootKeyRefused(f"{path} belongs to another user (uid {status.st_uid}); give it to root or to us")
        # Of a file with an access list, as systemd makes them, the group's bits are the list's mask.
        if mode & 0o037:
            raise RootKeyRefused(
                f"{path} is open to others (mode {mode:04o}); mount it with mode 0400, or 0440 and a group of ours"
            )
        return checked(os.read(file, SIZE), str(path))


@contextlib.contextmanager
def _closing(file: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(file)


def _demand_file(file: int, path: Path) -> os.stat_result:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise RootKeyRefused(f"The root key {path} is not a regular file")
    if status.st_size != SIZE:
        raise RootKeyRefused(f"The root key {path} must have {SIZE} bytes; it has {status.st_size}")
    return status


def _demand_private(status: os.stat_result, path: Path, *, remedy: str) -> None:
    if status.st_uid != os.geteuid():
        raise RootKeyRefused(f"{path} belongs to another user (uid {status.st_uid}); run as its owner")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise RootKeyRefused(
            f"{path} is open to others (mode {stat.S_IMODE(status.st_mode):04o}); close it with: {remedy}"
        )
