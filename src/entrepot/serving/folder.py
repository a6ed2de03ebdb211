"""
The data folder and the folder of keys: private, and held by one server.

    DIR/entrepot.sqlite    rows            DIR.keys/root.key       32 bytes, from which every secret derives
    DIR/blobs/             bytes           DIR.keys/credentials    AWS profile of the first access key
    DIR/endpoint.json      where we listen
    DIR/database-elsewhere in place of entrepot.sqlite, where the setting `database` names another place
"""

import configparser
import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from entrepot.errors import Refused
from entrepot.identity.new_keys import NewKey
from entrepot.serving.patience import patiently
from entrepot.settings import Settings

_PROFILE = "credentials"
# What a new file system has at its root.
_NOBODYS = {"lost+found"}


class FolderRefused(Refused):
    """The data folder cannot be used. The text says why, and what to do."""


@contextlib.contextmanager
def held(settings: Settings, *, restoring: str | None = None) -> Iterator[None]:
    """
    Make the data folder private and keep every other server off it.

    *restoring*: it is to become a data folder, and is empty, or has a file of this name since the last attempt.
    The lock ends with this process, however it ends. Raises: FolderRefused.
    """
    folder = settings.data
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FolderRefused(f"The data folder {folder} cannot be used: {error.strerror}") from None
    try:
        _demand_ours(descriptor, settings, restoring=restoring)
        try:
            patiently(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB), while_=BlockingIOError)
        except BlockingIOError:
            raise FolderRefused(
                f"Another server is at work on {folder}. Stop it, or take another folder: --data DIR"
            ) from None
        yield
    finally:
        os.close(descriptor)


def read_profile(path: Path) -> NewKey:
    """The access key in an AWS profile. Raises: FolderRefused."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
        return NewKey(parser.get("default", "aws_access_key_id"), parser.get("default", "aws_secret_access_key"))
    except (OSError, configparser.Error) as error:
        raise FolderRefused(f"The AWS profile {path} cannot be read: {error}") from None


def profile_of(settings: Settings) -> Path:
    """Where the AWS profile of the first access key lies."""
    return settings.keys_folder / _PROFILE


def write_privately(path: Path, text: str) -> None:
    """Put *text* into a file that only its owner reads, durably; whoever looks finds the old text or the new."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _demand_ours(descriptor: int, settings: Settings, *, restoring: str | None) -> None:
    """Close the folder to others; but only one that is empty, or ours already, as far as it has to be."""
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid():
        raise FolderRefused(f"The data folder {settings.data} belongs to another user (uid {status.st_uid})")
    there = set(os.listdir(descriptor)) - _NOBODYS
    if restoring and there and (settings.folder_mark.exists() or restoring not in there):
        raise FolderRefused(
            f"{settings.data} is not empty: name a folder for the restored registry that is, --data DIR"
        )
    if there and not restoring and not settings.folder_mark.exists():
        raise FolderRefused(
            f"{settings.data} is neither empty nor a data folder: name one of its own for the registry, --data DIR"
        )
    if stat.S_IMODE(status.st_mode) != 0o700:
        os.fchmod(descriptor, 0o700)
