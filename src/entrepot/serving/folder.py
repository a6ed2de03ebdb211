"""
The data folder and the folder of keys: private, held by one server, made at the first start.

    DIR/entrepot.sqlite    rows            DIR.keys/root.key       32 bytes, from which every secret derives
    DIR/blobs/             bytes           DIR.keys/credentials    AWS profile of the first access key
    DIR/endpoint.json      where we listen
"""

import configparser
import contextlib
import fcntl
import io
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from entrepot.database import Database, Transaction
from entrepot.database.migrating import demand_current, migrate
from entrepot.identity import accounts, credentials, deployment, rootkey
from entrepot.identity.credentials import NewKey, Vault
from entrepot.identity.principals import root_of
from entrepot.identity.rootkey import RootKeyRefused
from entrepot.registry import uploads
from entrepot.remote.guarded import Allowed
from entrepot.remote.key_sets import public_key_sets
from entrepot.runtime import Runtime
from entrepot.serving.patience import patiently
from entrepot.settings import Settings
from entrepot.storage import BlobStore
from entrepot.storage.drivers import open_store

_PROFILE = "credentials"
# What a new file system has at its root.
_NOBODYS = {"lost+found"}


class FolderRefused(Exception):
    """The data folder cannot be used. The text says why, and what to do."""


@contextlib.contextmanager
def held(settings: Settings) -> Iterator[None]:
    """
    Make the data folder private and keep every other server off it.

    The lock ends with this process, however it ends. Raises: FolderRefused.
    """
    folder = settings.data
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FolderRefused(f"The data folder {folder} cannot be used: {error.strerror}") from None
    try:
        _demand_ours(descriptor, settings)
        try:
            patiently(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB), while_=BlockingIOError)
        except BlockingIOError:
            raise FolderRefused(
                f"Another server is at work on {folder}. Stop it, or take another folder: --data DIR"
            ) from None
        yield
    finally:
        os.close(descriptor)


def prepare(settings: Settings) -> NewKey | None:
    """
    Bring schema, root key and first account to where workers can start; the key that a first start made.

    The caller holds the folder. A first start that was cut short is taken up by the next.
    Raises: SchemaRefused, RootKeyRefused, FolderRefused.
    """
    _store(settings)
    migrate(settings.database_file)
    database = Database(settings.database_file)
    try:
        root_key = rootkey.find(settings.keys_folder)
        if root_key is None:
            if deployment.find_id(database) is not None:
                raise RootKeyRefused(
                    f"There is no root key in {settings.keys_folder}, and this data was made with one: "
                    "bring that folder back, or name it with --keys DIR"
                )
            root_key = rootkey.create(settings.keys_folder)
        deployment.establish(database, root_key)
        database.write(uploads.give_up_all)
        return _first_key(database, settings, root_key=root_key)
    finally:
        database.close()


def open_runtime(settings: Settings) -> Runtime:
    """
    What a process works with, on a folder that has been prepared.

    Raises: SchemaRefused, RootKeyRefused, FolderRefused.
    """
    if not settings.database_file.exists():
        raise FolderRefused(f"{settings.data} is no data folder yet: start the server once")
    demand_current(settings.database_file)
    root_key = rootkey.find(settings.keys_folder)
    if root_key is None:
        raise RootKeyRefused(f"There is no root key in {settings.keys_folder}; name its folder with --keys DIR")
    key_sets = public_key_sets(Allowed(settings.private_hosts))
    return Runtime(settings, Database(settings.database_file), _store(settings), root_key, key_sets=key_sets)


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
    """Put *text* into a file that only its owner reads; whoever looks finds the old text or the new."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    unfinished.replace(path)


def _demand_ours(descriptor: int, settings: Settings) -> None:
    """Close the folder to others; but only one that is empty, or ours already."""
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid():
        raise FolderRefused(f"The data folder {settings.data} belongs to another user (uid {status.st_uid})")
    if set(os.listdir(descriptor)) - _NOBODYS and not settings.database_file.exists():
        raise FolderRefused(
            f"{settings.data} is neither empty nor a data folder: name one of its own for the registry, --data DIR"
        )
    if stat.S_IMODE(status.st_mode) != 0o700:
        os.fchmod(descriptor, 0o700)


def _store(settings: Settings) -> BlobStore:
    try:
        return open_store(settings.storage_url)
    except (ValueError, OSError) as error:
        raise FolderRefused(str(error)) from None


def _first_key(database: Database, settings: Settings, *, root_key: bytes) -> NewKey | None:
    with database.reading() as tx:
        if accounts.find(tx, settings.account) is not None:
            return None
        if accounts.page(tx):
            raise FolderRefused(
                f"account: there is no account {settings.account} in {settings.data}; "
                f"make it with: entrepot account create --id {settings.account} --data {settings.data}"
            )
    key = credentials.draw()
    profile = configparser.RawConfigParser()
    profile["default"] = {"aws_access_key_id": key.id, "aws_secret_access_key": key.secret}
    text = io.StringIO()
    profile.write(text)
    # First the file and then the row: cut short in between, the next start makes another key of both.
    write_privately(profile_of(settings), text.getvalue())
    vault = Vault(root_key)

    def work(tx: Transaction) -> NewKey:
        made = accounts.create(tx, account=settings.account)
        return credentials.create(tx, root_of(made.id), vault=vault, key=key)

    return database.write(work)
