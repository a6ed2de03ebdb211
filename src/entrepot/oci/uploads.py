"""
Upload sessions on the wire: POST (also with the whole blob, or a mount), PATCH, PUT, GET, DELETE.

A body that is small enough for a row never touches a file: it travels as one value into one
transaction. A larger one streams into the store while it is hashed, under a claim that keeps other
requests away from the session, and each request leaves durable bytes and a row that says how many.
"""

import contextlib
import hashlib

from entrepot import clock
from entrepot.answers import Header, Response, empty
from entrepot.bodies import Body, BodyIncomplete, BodyTooLarge
from entrepot.database import Transaction
from entrepot.errors import Fault
from entrepot.names import is_digest, is_repository_name, parse_digest
from entrepot.oci import ranges
from entrepot.oci.messages import Request
from entrepot.oci.streams import body_of
from entrepot.registry import blobs, registries, repositories, taking, uploads
from entrepot.registry.faults import InvalidLayer, UploadBusy
from entrepot.registry.taking import Taken
from entrepot.registry.uploads import Session
from entrepot.sealing.at_rest import sealed_size_of
from entrepot.storage import digesting
from entrepot.storage.digesting import Hasher

MOUNTING = "ecr:GetDownloadUrlForLayer"


async def begin_upload(request: Request) -> Response:
    """
    Open a session; or mount a blob of another repository; or take a whole blob at once.

    Source: OCI distribution-spec 1.1, "Pushing blobs", "Mounting a blob from another repository".
    """
    mount, digest = request.query.get("mount"), request.query.get("digest")
    if mount is not None and await _mounted(request, mount):
        return empty(201, *_place(request, mount))
    if mount is None and digest is not None:
        answer = await _whole_blob(request, parse_digest(digest))
        if answer is not None:
            return answer

    return empty(202, *_progress(request, await _begin(request), 0))


async def patch_upload(request: Request) -> Response:
    """
    Append a piece to a session.

    Raises: UploadNotFound, UploadBusy, RangeInvalid, BodyIncomplete (what has come is kept).
    Source: OCI distribution-spec 1.1, "Pushing a blob in chunks".
    """
    body = body_of(request)
    head = await body.up_to(request.context.runtime.settings.inline_limit)
    size = await _append_to_row(request, head) if body.ended else None
    if size is None:
        size = (await _append_to_file(request, body, head, "sha256")).size
    return empty(202, *_progress(request, request.reference, size))


async def finish_upload(request: Request) -> Response:
    """
    Append what is left, check the digest, and link the blob to the repository.

    A refused one leaves the session as it was. Raises: as PATCH; InvalidLayer, DigestInvalid.
    Source: OCI distribution-spec 1.1, "Pushing a blob monolithically".
    """
    digest = parse_digest(request.query.get("digest", ""))
    body = body_of(request)
    head = await body.up_to(request.context.runtime.settings.inline_limit)
    if not (body.ended and await _finish_in_row(request, head, digest)):
        await _finish_in_file(request, body, head, digest)
    return empty(201, *_place(request, digest))


async def get_upload(request: Request) -> Response:
    """
    How much of an upload is here.

    Raises: UploadNotFound. Source: OCI distribution-spec 1.1, "Pushing a blob in chunks".
    """

    def work(tx: Transaction) -> int:
        repository = repositories.get(tx, request.registry, request.name)
        return uploads.get(tx, repository, request.reference, request.principal.id).size

    def read() -> int:
        with request.context.runtime.database.reading() as tx:
            return work(tx)

    return empty(204, *_progress(request, request.reference, await request.context.run(read)))


async def cancel_upload(request: Request) -> Response:
    """
    Forget an upload. Raises: UploadNotFound.

    Source: OCI distribution-spec, "Canceling an upload".
    """

    def work(tx: Transaction) -> None:
        repository = repositories.get(tx, request.registry, request.name)
        uploads.remove(tx, repository, request.reference, request.principal.id)

    await request.context.runtime.database.awrite(work)
    await request.context.run(lambda: request.context.runtime.store.abandon(request.reference))
    return empty(204)


async def _begin(request: Request) -> str:
    def work(tx: Transaction) -> str:
        repository = repositories.get(tx, request.registry, request.name)
        return uploads.begin(tx, repository, request.principal.id, request.context.runtime.settings)

    return await request.context.runtime.database.awrite(work)


async def _mounted(request: Request, digest: str) -> bool:
    """Whether the blob could be mounted. Whatever speaks against it, the answer is the same: push it."""
    source = request.query.get("from", "")
    readable = (MOUNTING, request.arn(source)) in request.granted
    if not (readable and is_digest(digest) and is_repository_name(source)):
        return False
    reads = request.context.reads
    try:
        reads.demand_key(reads.repository(request.registry, source))
    except Fault:
        return False

    def work(tx: Transaction) -> bool:
        repository = repositories.get(tx, request.registry, request.name)
        origin = repositories.find(tx, request.registry, source)
        if origin is None or registries.setting(tx, request.registry, "BLOB_MOUNTING") != "ENABLED":
            return False
        return blobs.mount(tx, repository, origin, digest)

    return await request.context.runtime.database.awrite(work)


async def _whole_blob(request: Request, digest: str) -> Response | None:
    """The answer to a POST that carries its blob; None where it carries nothing, and so wants a session."""
    body, runtime = body_of(request), request.context.runtime
    head = await body.up_to(runtime.settings.inline_limit)
    algorithm, _, hexadecimal = digest.partition(":")
    if body.ended and not head and hashlib.new(algorithm).hexdigest() != hexadecimal:
        return None
    if body.ended and len(head) <= runtime.settings.inline_limit:
        taking.demand_digest(head, digest)

        def work(tx: Transaction) -> None:
            repository = repositories.get(tx, request.registry, request.name)
            at_rest, quota = runtime.at_rest, _quota(request)
            uploads.finish_small(tx, repository, head, digest=digest, at_rest=at_rest, quota=quota)

        await runtime.database.awrite(work)
        return empty(201, *_place(request, digest))
    session = await request.context.run(lambda: taking.unlisted(runtime, request.registry, request.name))
    if session.limited:
        await _whole_blob_in_session(request, body, head, digest)
    else:
        try:
            taken = await _take(request, session, body, head, algorithm=algorithm)
            await _publish(request, taken, digest, claim=None)
        except BaseException:
            await request.context.run(lambda: runtime.store.abandon(session.id))
            raise
    return empty(201, *_place(request, digest))


async def _whole_blob_in_session(request: Request, body: Body, head: bytes, digest: str) -> None:
    """Take a blob that comes at once as others come: under a quota, bytes on their way need a row that counts them."""
    request.reference = await _begin(request)
    try:
        await _finish_in_file(request, body, head, digest)
    except BaseException:
        with contextlib.suppress(Fault):
            await cancel_upload(request)
        raise


async def _append_to_row(request: Request, piece: bytes) -> int | None:
    """The new size of an upload whose bytes still fit into its row; None where they do not."""
    limit, at_rest = request.context.runtime.settings.inline_limit, request.context.runtime.at_rest

    def work(tx: Transaction) -> int | None:
        repository = repositories.get(tx, request.registry, request.name)
        session = uploads.idle(tx, repository, request.reference, request.principal.id)
        ranges.check_piece(session.size, request.header(b"content-range"), length=len(piece))
        kept = session.plain(at_rest)
        if kept is None or session.size + len(piece) > limit:
            return None
        return uploads.record_small(tx, session, kept + piece, at_rest=at_rest, quota=_quota(request))

    return await request.context.runtime.database.awrite(work)


async def _finish_in_row(request: Request, piece: bytes, digest: str) -> bool:
    """Whether the whole upload fitted into a row, and now is a blob."""
    limit, at_rest = request.context.runtime.settings.inline_limit, request.context.runtime.at_rest
    content_range = request.header(b"content-range")

    def work(tx: Transaction) -> bool:
        repository = repositories.get(tx, request.registry, request.name)
        small = uploads.take_small(
            tx, repository, request.reference, principal=request.principal.id, most=limit - len(piece), at_rest=at_rest
        )
        if small is None:
            return False
        if piece or content_range:
            ranges.check_piece(len(small.content), content_range, length=len(piece))
        content = small.content + piece
        taking.demand_digest(content, digest)
        uploads.finish_small(
            tx, repository, content, digest=digest, at_rest=at_rest, quota=_quota(request), counted=small.counted
        )
        return True

    return await request.context.runtime.database.awrite(work)


async def _append_to_file(request: Request, body: Body, head: bytes, algorithm: str) -> Taken:
    """Append a body to an upload in the store, and record how far it has come, even if the client leaves."""
    claim = clock.new_uuid()
    session = await _claim(request, claim, body, head, written=True)
    try:
        taken = await _take(request, session, body, head, algorithm=algorithm, claim=claim, durable=True)
    except BaseException:
        await _restore(request, session, claim)
        raise
    if taken.hasher is not None:
        uploads.running.keep(session.id, taken.size, taken.hasher)
    digest = taken.hasher.hexdigest() if taken.hasher is not None else None
    await request.context.runtime.database.awrite(
        lambda tx: uploads.record(
            tx, taken.session, by=claim, size=taken.size, sha256=digest, content=None, sealed_size=taken.sealed_size
        )
    )
    if not taken.ended:
        raise BodyIncomplete
    return taken


async def _finish_in_file(request: Request, body: Body, head: bytes, digest: str) -> None:
    """Append a body, check the digest of the whole, and publish it."""
    claim = clock.new_uuid()
    session = await _claim(request, claim, body, head, written=bool(head))
    try:
        taken = await _take(request, session, body, head, algorithm=digest.partition(":")[0], claim=claim)
        if not taken.ended:
            raise BodyIncomplete
        await _publish(request, taken, digest, claim=claim)
    except BaseException:
        await _restore(request, session, claim)
        raise


async def _claim(request: Request, claim: str, body: Body, head: bytes, *, written: bool) -> Session:
    """The session, to be written to by us alone; under a quota, what is about to come is counted from here on."""
    content_range, length = request.header(b"content-range"), _length(request)
    coming = len(head) if body.ended else length

    def work(tx: Transaction) -> Session:
        repository = repositories.get(tx, request.registry, request.name)
        principal, quota = request.principal.id, _quota(request)
        session = uploads.claim(tx, repository, request.reference, principal=principal, by=claim, quota=quota)
        if written or content_range:
            ranges.check_piece(session.size, content_range, length=length)
        now = session.size + len(head)
        return taking.hold(tx, session, by=claim, now=now, coming=coming, quota=quota)

    return await request.context.runtime.database.awrite(work)


async def _restore(request: Request, session: Session, claim: str) -> None:
    """Give up a claim and leave the session as it was."""
    await request.context.run(lambda: taking.give_up(request.context.runtime, session, claim))


async def _take(
    request: Request,
    session: Session,
    body: Body,
    head: bytes,
    *,
    algorithm: str,
    claim: str | None = None,
    durable: bool = False,
) -> Taken:
    """
    Write what the body brings behind what the session has, hashed by *algorithm* on the way where it can be.

    Raises: NoSpace, BodyTooLarge, UploadNotFound, UploadBusy. That the body broke off is told by ``ended``. Unless
    it is to be *durable*, the store's ``finish`` has to follow.
    """
    context = request.context
    at_rest, settings = context.runtime.at_rest, context.runtime.settings
    kept = session.plain(at_rest)
    start = session.size if kept is None else 0
    if kept is not None:
        hasher: Hasher | None = hashlib.new(algorithm)
    else:
        hasher = uploads.running.take(session) if algorithm == "sha256" else None
    customer, upload = session.repository.customer, session.id
    with uploads.in_store(upload, name=request.name, account=request.registry.account):
        # Opening cuts off what a request that failed may have left behind the session's size.
        appending = await context.run(lambda: at_rest.append(session.id, start, session.sealed_size, customer=customer))
    ended = True
    async with digesting.Intake(appending, hasher, context.pool) as intake:
        for piece in (kept, head):
            if piece:
                await intake.feed(piece)
        renewed = clock.ticks()
        try:
            async for piece in body.pieces():
                size = start + intake.size + len(piece)
                if size > settings.layer_size:
                    raise BodyTooLarge(limit=settings.layer_size)
                if session.limited and size > session.counted:
                    session = await _hold(request, session, size, claim)
                await intake.feed(piece)
                if claim is not None and clock.ticks() - renewed > uploads.CLAIM_LIFETIME / 3:
                    renewed = clock.ticks()
                    await context.runtime.database.awrite(lambda tx: uploads.renew(tx, upload, claim))
        except BodyIncomplete:
            ended = False
        await intake.end(commit=durable)
    size = start + intake.size
    sha256 = session.sha256 if size == session.size else None
    return Taken(session, size, hasher, sha256, sealed_size_of(appending), ended)


async def _hold(request: Request, session: Session, size: int, claim: str | None) -> Session:
    """Have *size* bytes counted for the session, and some ahead. Raises: LimitExceeded, UploadBusy."""
    assert claim is not None  # what is limited has a row
    return await request.context.runtime.database.awrite(
        lambda tx: taking.hold(tx, session, by=claim, now=size, coming=_length(request), quota=_quota(request))
    )


async def _publish(request: Request, taken: Taken, digest: str, *, claim: str | None) -> None:
    """
    Turn an upload in the store into a blob. *claim* is None where it has no row. Raises: InvalidLayer, UploadBusy,
    UploadNotFound.

    Bytes first: the object is durable before the row that names it. If the row does not come, or names
    another object with the same bytes, ours is superfluous, and removed.
    """
    context = request.context
    store, at_rest = context.runtime.store, context.runtime.at_rest
    algorithm, upload = digest.partition(":")[0], taken.session.id
    computed = taken.digest(algorithm)
    if computed is None:
        computed = await context.run(
            lambda: digesting.digest_of(at_rest.uploaded(upload, taken.sealed_size), algorithm)
        )
        # Reading it all again may have taken longer than a claim lasts.
        if claim is not None and not await context.runtime.database.awrite(lambda tx: uploads.renew(tx, upload, claim)):
            raise UploadBusy(upload=upload)
    if computed != digest:
        raise InvalidLayer
    key = await context.run(lambda: taking.publish(at_rest, taken, digest))
    try:
        needed = await context.runtime.database.awrite(lambda tx: taking.finish(tx, taken, digest, key=key, by=claim))
    except Fault:  # of any other failure nobody knows whether the row has come: leave the object
        await context.run(lambda: store.delete(key))
        raise
    if not needed:
        await context.run(lambda: store.delete(key))


def _quota(request: Request) -> int:
    """How many bytes accounts may store that have no quota of their own; 0: any number."""
    return request.context.runtime.settings.bytes_per_account


def _length(request: Request) -> int | None:
    length = request.header(b"content-length")
    return int(length) if length else None


def _progress(request: Request, upload: str, size: int) -> tuple[Header, ...]:
    return (
        (b"location", f"/v2/{request.name}/blobs/uploads/{upload}".encode("ascii")),
        (b"range", ranges.uploaded(size).encode("ascii")),
        (b"docker-upload-uuid", upload.encode("ascii")),
    )


def _place(request: Request, digest: str) -> tuple[Header, ...]:
    return (
        (b"location", f"/v2/{request.name}/blobs/{digest}".encode("ascii")),
        (b"docker-content-digest", digest.encode("ascii")),
    )
