"""Which store a URL means: the one place that knows the drivers."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from entrepot.storage.base import BlobStore
from entrepot.storage.filesystem import FilesystemStore
from entrepot.storage.memory import MemoryStore


def open_store(url: str) -> BlobStore:
    """
    The store at *url*, the setting ``storage``.

    Raises: ValueError, with a sentence that names the setting.
    """
    address = urlsplit(url)
    driver = _DRIVERS.get(address.scheme)
    if driver is None:
        known = ", ".join(f"{scheme}://" for scheme in _DRIVERS)
        raise ValueError(f"storage: {url!r} begins with no known scheme ({known})")
    return driver(address)


def _filesystem(address: SplitResult) -> BlobStore:
    path = Path(unquote(address.path))
    if address.netloc not in ("", "localhost") or not path.is_absolute() or address.query or address.fragment:
        raise ValueError(f"storage: {address.geturl()!r} is not of the form file:///absolute/path")
    return FilesystemStore(path)


def _memory(_: SplitResult) -> BlobStore:
    return MemoryStore()


_DRIVERS: dict[str, Callable[[SplitResult], BlobStore]] = {"file": _filesystem, "memory": _memory}
