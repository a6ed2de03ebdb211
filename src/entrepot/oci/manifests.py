"""Manifests on the wire: HEAD, GET, PUT, DELETE."""

from entrepot import clock
from entrepot.answers import COMMON, UNCHANGED, Header, Response, empty
from entrepot.bodies import BodyTooLarge
from entrepot.database import Transaction
from entrepot.names import is_digest, is_tag
from entrepot.oci.faults import ReferenceInvalid
from entrepot.oci.messages import Request
from entrepot.oci.streams import body_of
from entrepot.registry import documents, manifests, repositories, tags, usage
from entrepot.registry.documents import Document
from entrepot.registry.faults import ImageDigestDoesNotMatch, ManifestTooLarge, ManifestUnknown
from entrepot.registry.manifests import Put
from entrepot.registry.reads import Served

# A larger document is read on a pool thread: a mebibyte takes 10 ms.
_LARGE = 64 << 10


async def head_manifest(request: Request) -> Response:
    """
    Whether a manifest is there, and its digest. No pull is counted.

    Source: OCI distribution-spec 1.1, "Checking if content exists in the registry".
    """
    return _answer(_served(request), request.reference, counts=False)


async def get_manifest(request: Request) -> Response:
    """
    The manifest as it was pushed, whatever the client accepts: another form would have another digest.

    Source: OCI distribution-spec 1.1, "Pulling manifests".
    """
    served = _served(request)
    usage.record(served.id, clock.now())
    return _answer(served, request.reference, counts=True)


async def put_manifest(request: Request) -> Response:
    """
    Store a manifest under its digest, and under a tag; with a digest, also under each ``tag`` parameter.

    Raises: ManifestInvalid, LayersMissing, ReferencedImagesNotFound, ImageTagAlreadyExists, and others.
    Source: OCI distribution-spec 1.1, "Pushing Manifests".
    """
    settings = request.context.runtime.settings
    by_digest = is_digest(request.reference)
    names = request.query_all("tag") if by_digest else [request.reference]
    for tag in names:
        if not is_tag(tag):
            raise ReferenceInvalid(reference=tag[:200])
    try:
        content = await body_of(request).whole(documents.LARGEST)
    except BodyTooLarge:
        raise ManifestTooLarge(limit=documents.LARGEST) from None
    media_type = (request.header(b"content-type") or "").partition(";")[0].strip().lower() or None

    def read() -> Document:
        return documents.parse(
            content,
            media_type,
            algorithm=request.reference.partition(":")[0] if by_digest else "sha256",
            most_descriptors=settings.descriptors_per_manifest,
            foreign_layers=settings.foreign_layers,
        )

    document = read() if len(content) < _LARGE else await request.context.run(read)
    if by_digest and document.digest != request.reference:
        raise ImageDigestDoesNotMatch(given=request.reference, computed=document.digest)

    def work(tx: Transaction) -> Put:
        repository = repositories.get(tx, request.registry, request.name)
        return manifests.put(
            tx, repository, document, names=names, settings=settings, at_rest=request.context.runtime.at_rest
        )

    await request.context.runtime.database.awrite(work)
    return empty(201, *_pushed(request, document, names if by_digest else []))


async def delete_manifest(request: Request) -> Response:
    """
    By tag, take the tag away and leave the manifest; by digest, delete the manifest with all its tags.

    Raises: ManifestUnknown, ImageReferenced. Source: OCI distribution-spec 1.1, "Deleting tags".
    """

    def work(tx: Transaction) -> None:
        repository = repositories.get(tx, request.registry, request.name)
        if not is_digest(request.reference):
            if tags.manifest_of(tx, repository.id, request.reference) is None:
                raise ManifestUnknown
            tags.remove(tx, repository.id, [request.reference])
            return
        manifest = manifests.find(tx, repository, digest=request.reference)
        if manifest is None:
            raise ManifestUnknown
        manifests.remove(tx, repository, manifest)

    await request.context.runtime.database.awrite(work)
    return empty(202)


def _served(request: Request) -> Served:
    reads = request.context.reads
    return reads.manifest(reads.repository(request.registry, request.name), request.reference)


def _answer(served: Served, reference: str, *, counts: bool) -> Response:
    # A digest always means the same bytes, but the right to read them may end: hence an hour, not a year.
    caching = b"private, max-age=3600" if served.digest == reference else b"private, no-cache"
    return Response(
        200,
        [
            *COMMON,
            (b"content-type", served.media_type.encode("ascii")),
            (b"content-length", str(len(served.content)).encode("ascii")),
            (b"docker-content-digest", served.digest.encode("ascii")),
            (b"cache-control", caching),
            (b"vary", b"Authorization"),
        ],
        served.content,
        lasts=UNCHANGED,
        pulled=served.id if counts else None,
    )


def _pushed(request: Request, document: Document, names: list[str]) -> list[Header]:
    digest = document.digest.encode("ascii")
    headers = [
        (b"location", f"/v2/{request.name}/manifests/".encode("ascii") + digest),
        (b"docker-content-digest", digest),
    ]
    if document.subject is not None:
        headers.append((b"oci-subject", document.subject.encode("ascii")))
    headers.extend((b"oci-tag", tag.encode("ascii")) for tag in names)
    return headers
