"""Which store a URL means: the one place that knows the drivers."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

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


def _bucket(address: SplitResult) -> BlobStore:
    from entrepot.storage.buckets import open_bucket  # noqa: PLC0415  # 20 MB, for those who keep blobs there alone
    from entrepot.storage.objects import ObjectStore  # noqa: PLC0415  # the same

    options = dict(parse_qsl(address.query, keep_blank_values=True))
    redirect = options.pop("redirect", "yes")
    if not address.netloc or address.fragment or redirect not in ("yes", "no"):
        form = f"{address.scheme}://BUCKET[/PREFIX][?redirect=no&…]"
        raise ValueError(f"storage: {address.geturl()!r} is not of the form {form}")
    bucket = open_bucket(address.scheme, address.netloc, unquote(address.path).strip("/"), options=options)
    return ObjectStore(bucket, redirects=redirect == "yes")


_DRIVERS: dict[str, Callable[[SplitResult], BlobStore]] = {
    "file": _filesystem,
    "memory": _memory,
    "s3": _bucket,
    "gs": _bucket,
    "az": _bucket,
}
