"""What a process needs before it can work on a data folder; at the first start that is made."""

import configparser
import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

from entrepot.database import Database, Transaction
from entrepot.errors import StoreUnavailable
from entrepot.identity import accounts, credentials, deployment
from entrepot.identity.credentials import Vault
from entrepot.identity.new_keys import NewKey, draw
from entrepot.identity.principals import root_of
from entrepot.keys.data_keys import DataKeys
from entrepot.registry import uploads
from entrepot.remote.guarded import Allowed
from entrepot.remote.key_sets import public_key_sets
from entrepot.rootkey import RootKey, RootKeyRefused
from entrepot.rootkey.providers import found_by, provider_of
from entrepot.runtime import Runtime
from entrepot.schema.migrating import demand_current, migrate, shown, unreachable
from entrepot.serving.folder import FolderRefused, profile_of, write_privately
from entrepot.settings import Settings
from entrepot.storage import BlobStore
from entrepot.storage.drivers import open_store


def prepare(settings: Settings) -> NewKey | None:
    """
    Bring schema, root key and first account to where workers can start; the key that a first start made.

    The caller holds the folder. A first start that was cut short is taken up by the next, and of several nodes that
    start at a time each finds what the one before it has made.
    Raises: SchemaRefused, RootKeyRefused, FolderRefused.
    """
    open_tried(settings)
    if settings.folder_mark != settings.database_place:
        settings.folder_mark.touch(mode=0o600)
    with _alone(settings.database_place):
        migrate(settings.database_place)
        return _establish(settings)


def _establish(settings: Settings) -> NewKey | None:
    database = open_database(settings.database_place)
    try:
        root_key = _root_key(settings, new=deployment.find_id(database) is None)
        deployment.establish(database, root_key)
        if isinstance(settings.database_place, Path):  # else others may be at work on it, and claims run out
            database.write(uploads.give_up_all)
        return _first_key(database, settings, root_key=root_key)
    finally:
        database.close()


@contextlib.contextmanager
def _alone(place: Path | str) -> Iterator[None]:
    """Keep other nodes from preparing the same database. Raises: SchemaRefused, where it cannot be reached."""
    with contextlib.ExitStack() as stack:
        if isinstance(place, str):  # who has a file holds its folder
            from psycopg import OperationalError  # noqa: PLC0415  # who has a file need not wait for it

            from entrepot.postgresql.locks import alone  # noqa: PLC0415  # the same

            try:
                stack.enter_context(alone(place))
            except OperationalError as error:
                raise unreachable(place, error) from None
        yield


def open_runtime(settings: Settings) -> Runtime:
    """
    What a process works with, on a registry that has been prepared.

    Raises: SchemaRefused, RootKeyRefused, FolderRefused.
    """
    database = open_rows(settings)
    try:
        root_key = _root_key(settings, new=False)
        with database.reading() as tx:
            deployment.follow(tx, root_key)
        key_sets = public_key_sets(Allowed(settings.private_hosts))
        data_keys = DataKeys(database, root_key)
        return Runtime(settings, database, open_blobs(settings), root_key, key_sets=key_sets, data_keys=data_keys)
    except BaseException:
        database.close()
        raise


def open_rows(settings: Settings) -> Database:
    """
    The database of a registry that has been prepared. Its folder, where that keeps nothing of it, need not be there.

    Raises: SchemaRefused, FolderRefused.
    """
    place = settings.database_place
    if settings.keeps_in_folder and not settings.folder_mark.exists():
        raise FolderRefused(f"{settings.data} is no data folder yet: start the server once")
    demand_current(place)
    database = open_database(place)
    if deployment.find_id(database) is None:
        database.close()
        raise FolderRefused(f"There is no registry in {shown(place)} yet: start the server once")
    return database


def open_database(place: Path | str) -> Database:
    """The rows in SQLite's file, or at the address of a PostgreSQL database."""
    if isinstance(place, Path):
        return Database(place)
    from entrepot.postgresql import Postgresql  # noqa: PLC0415  # who has a file need not wait for it

    return Database(Postgresql(place))


def _root_key(settings: Settings, *, new: bool) -> RootKey:
    """The root key; for *new* data one is made if need be. Raises: RootKeyRefused."""
    provider = provider_of(settings)
    root_key = found_by(provider)
    if root_key is None and new:
        provider.add(1)
        root_key = found_by(provider)
    if root_key is None:
        raise RootKeyRefused(
            f"There is no root key in {provider.where(1)}, and this data was made with one: "
            "bring it back, or say where it is with --keys DIR or --root-key-file FILE"
        )
    return root_key


def open_tried(settings: Settings) -> BlobStore:
    """The store, asked for something: of a place that is not there, its owner hears now. Raises: FolderRefused."""
    store = open_blobs(settings)
    try:
        store.reach()
    except (StoreUnavailable, OSError, ValueError) as error:
        reason = error.__cause__ or error
        first_line = str(reason).partition("\n")[0]
        raise FolderRefused(f"storage: {settings.storage_url} cannot be used: {first_line}") from None
    return store


def open_blobs(settings: Settings) -> BlobStore:
    """The store of the blobs. Raises: FolderRefused."""
    try:
        return open_store(settings.storage_url)
    except (ValueError, OSError) as error:
        raise FolderRefused(str(error)) from None


def _first_key(database: Database, settings: Settings, *, root_key: RootKey) -> NewKey | None:
    with database.reading() as tx:
        if accounts.find(tx, settings.account) is not None:
            return None
        if accounts.page(tx, limit=1):
            raise FolderRefused(
                f"account: there is no account {settings.account} in {settings.data}; "
                f"make it with: entrepot account create --id {settings.account} --data {settings.data}"
            )
    key = draw()
    profile = configparser.RawConfigParser()
    profile["default"] = {"aws_access_key_id": key.id, "aws_secret_access_key": key.secret}
    text = io.StringIO()
    profile.write(text)
    settings.keys_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # First the file and then the row: cut short in between, the next start makes another key of both.
    write_privately(profile_of(settings), text.getvalue())
    vault = Vault(root_key)

    def work(tx: Transaction) -> NewKey:
        made = accounts.create(tx, account=settings.account)
        return credentials.create(tx, root_of(made.id), vault=vault, key=key)

    return database.write(work)
