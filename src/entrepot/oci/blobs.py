"""Blobs on the wire: HEAD, GET with ranges, DELETE."""

import re
from datetime import timedelta

from entrepot import clock
from entrepot.answers import COMMON, UNCHANGED, Header, Response, empty
from entrepot.database import Transaction
from entrepot.oci import ranges
from entrepot.oci.messages import Request
from entrepot.registry import blobs, repositories
from entrepot.registry.blobs import Blob
from entrepot.registry.faults import LayerNotFound

# A blob is whatever somebody pushed. A browser that is led to one shall neither run nor show it.
_HARMLESS: tuple[Header, ...] = (
    *COMMON,
    (b"content-type", b"application/octet-stream"),
    (b"content-disposition", b"attachment"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"cache-control", b"private, max-age=3600"),
    (b"vary", b"Authorization"),
    (b"accept-ranges", b"bytes"),
)

# Long enough to begin a download, and once more after it broke off.
_REDIRECT_LIFETIME = timedelta(minutes=20)
# Stores count in 64 bits.
_BEYOND = re.compile(r"\d{19}")


async def head_blob(request: Request) -> Response:
    """
    Whether this repository has a blob, and its size.

    Source: OCI distribution-spec 1.1, "Checking if content exists in the registry".
    """
    blob = await _asked_for(request)
    return Response(200, [*_HARMLESS, *_identity(blob), _length(blob.size)])


async def get_blob(request: Request) -> Response:
    """
    A blob, or one range of it.

    Source: OCI distribution-spec 1.1, "Pulling blobs"; RFC 9110, 14.
    """
    return serve(request, await _asked_for(request))


async def delete_blob(request: Request) -> Response:
    """
    Take a blob out of this repository, unless a manifest here names it.

    Raises: LayerNotFound, BlobReferenced. Source: OCI distribution-spec 1.1, "Deleting Blobs".
    """

    def work(tx: Transaction) -> None:
        blobs.unlink(tx, repositories.get(tx, request.registry, request.name), request.reference)

    await request.context.runtime.database.awrite(work)
    return empty(202)


def serve(request: Request, blob: Blob) -> Response:
    """
    The answer that carries *blob*, or the range of it that the request asks for; or sends the client to the store.

    Where it is sent, it asks for the same range. Raises: StoreUnavailable.
    """
    wanted = ranges.requested(request.header(b"range"), blob.size)
    if wanted is not None and wanted[0] == wanted[1]:
        return empty(416, (b"content-range", f"bytes */{blob.size}".encode("ascii")))
    address = _elsewhere(request, blob, wanted)
    if address is not None:
        sent = empty(307, (b"location", address.encode("ascii")), *_identity(blob))
        sent.lasts = clock.now() + (_REDIRECT_LIFETIME / 2).total_seconds()
        return sent
    runtime = request.context.runtime
    if wanted is None:
        headers = [*_HARMLESS, *_identity(blob), _length(blob.size)]
        if blob.key is None:
            return Response(200, headers, request.context.reads.bytes_of(blob), lasts=UNCHANGED)
        path = None if blob.sealed else runtime.store.path(blob.key)
        pieces = None if path else runtime.at_rest.lend(blob.key, 0, blob.size, sealed=blob.sealed)
        return Response(200, headers, path=path, pieces=pieces)
    start, stop = wanted
    headers = [*_HARMLESS, *_identity(blob), _length(stop - start)]
    headers.append((b"content-range", f"bytes {start}-{stop - 1}/{blob.size}".encode("ascii")))
    if blob.key is None:
        return Response(206, headers, request.context.reads.bytes_of(blob)[start:stop])
    pieces = runtime.at_rest.lend(blob.key, start, stop, sealed=blob.sealed)
    return Response(206, headers, pieces=pieces)


def _elsewhere(request: Request, blob: Blob, wanted: tuple[int, int] | None) -> str | None:
    """Where the store itself gives the bytes; None where we do, as we do for a Range that no store need understand."""
    header = request.header(b"range") or ""
    odd = _BEYOND.search(header) if wanted else header
    if blob.key is None or blob.sealed or odd or request.scope["method"] != "GET":
        return None
    return request.context.runtime.store.url(blob.key, _REDIRECT_LIFETIME)


async def _asked_for(request: Request) -> Blob:
    """
    The blob that the request names. Asking for it keeps it from being collected for half of gc's grace.

    A client that hears that a layer is here does not push it, and names it in a manifest a while later.
    """
    reads = request.context.reads
    repository = reads.repository(request.registry, request.name)
    blob = reads.blob(repository, request.reference)
    grace = request.context.runtime.settings.gc_grace
    if blob.touched_at < clock.now() - grace / 2:
        write = request.context.runtime.database.awrite
        if not await write(lambda tx: blobs.touch(tx, repository.id, blob.id)):
            raise LayerNotFound(digest=blob.digest, name=repository.name, account=repository.account)
    return blob


def _identity(blob: Blob) -> tuple[Header, ...]:
    digest = blob.digest.encode("ascii")
    return ((b"docker-content-digest", digest), (b"etag", b'"' + digest + b'"'))


def _length(size: int) -> Header:
    return (b"content-length", str(size).encode("ascii"))
