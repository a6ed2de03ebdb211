"""
Layers that come in parts, by the API: each part is one request with its bytes in memory, in order.

It is the same session as that of ``oci.uploads``, with other rules: parts say where they begin and end,
all but the last are large, and nothing is a layer that has no bytes.
"""

import hashlib
from contextlib import AbstractContextManager
from typing import NamedTuple

from entrepot import clock
from entrepot.database import Transaction
from entrepot.errors import Fault, LimitExceeded
from entrepot.names import Registry
from entrepot.registry import blobs, repositories, taking, uploads
from entrepot.registry.faults import (
    EmptyUpload,
    InvalidLayer,
    InvalidLayerPart,
    LayerAlreadyExists,
    LayerPartLength,
    LayerPartTooSmall,
)
from entrepot.registry.uploads import Session
from entrepot.runtime import Runtime
from entrepot.sealing.at_rest import sealed_size_of
from entrepot.settings import Settings
from entrepot.storage import digesting


class Target(NamedTuple):
    """An upload, as the one who may use it names it. *principal* is an id."""

    registry: Registry
    name: str
    upload: str
    principal: str


class Part(NamedTuple):
    """Bytes *first* to *last* (inclusive) of a layer."""

    first: int
    last: int
    data: bytes


def append(runtime: Runtime, target: Target, part: Part) -> None:
    """
    Add a part behind those that came. It is durable before this returns.

    Raises: RepositoryNotFound, UploadNotFound, UploadBusy, InvalidLayerPart, LayerPartLength, LimitExceeded, NoSpace.
    Source: Amazon ECR API reference, UploadLayerPart.
    """
    settings, quota = runtime.settings, runtime.settings.bytes_per_account
    uploads.check_space(runtime.store, settings)
    claim = clock.new_uuid()

    def take(tx: Transaction) -> Session | None:
        """Put a few bytes into the row, and be done; or claim the upload, and write them to the store."""
        repository = repositories.get(tx, target.registry, target.name)
        session = uploads.idle(tx, repository, target.upload, target.principal)
        _check(session, target, part, settings=settings)
        kept = session.plain(runtime.at_rest)
        if kept is None or session.size + len(part.data) > settings.inline_limit:
            session = uploads.claim(tx, repository, target.upload, principal=target.principal, by=claim, quota=quota)
            size = session.size + len(part.data)
            return taking.hold(tx, session, by=claim, now=size, coming=len(part.data), quota=quota)
        uploads.record_small(tx, session, kept + part.data, at_rest=runtime.at_rest, quota=quota, part=len(part.data))
        return None

    session = runtime.database.write(take)
    if session is not None:
        _append_to_store(runtime, target, session, part=part, claim=claim)


def complete(runtime: Runtime, target: Target, digests: list[str]) -> str:
    """
    Turn an upload into a blob of the repository, if its SHA-256 is one of *digests*; that digest.

    Raises: RepositoryNotFound, UploadNotFound, UploadBusy, EmptyUpload, LayerPartTooSmall, InvalidLayer,
    LayerAlreadyExists (then too the upload is gone).
    Source: Amazon ECR API reference, CompleteLayerUpload.
    """
    claim = clock.new_uuid()

    def take(tx: Transaction) -> Session:
        repository = repositories.get(tx, target.registry, target.name)
        return uploads.claim(tx, repository, target.upload, principal=target.principal, by=claim)

    session = runtime.database.write(take)
    try:
        if session.size == 0:
            raise EmptyUpload(upload=target.upload, name=target.name, account=target.registry.account)
        if session.short_part == 2:
            raise LayerPartTooSmall
        with _in_store(target):
            _cut(runtime, session)
            digest = _digest_of(runtime, session)
            if digest not in digests:
                raise InvalidLayer
            known = _publish(runtime, target, session, digest=digest, by=claim)
    except BaseException:
        runtime.database.write(lambda tx: uploads.give_up(tx, session.id, claim))
        raise
    if known:
        raise LayerAlreadyExists(digest=digest, name=target.name, account=target.registry.account)
    return digest


def _in_store(target: Target) -> AbstractContextManager[None]:
    return uploads.in_store(target.upload, name=target.name, account=target.registry.account)


def _check(session: Session, target: Target, part: Part, *, settings: Settings) -> None:
    """Raises: InvalidLayerPart, LayerPartLength, LimitExceeded."""
    members = {
        "registry_id": target.registry.account,
        "repository_name": target.name,
        "upload_id": target.upload,
        "last_valid_byte_received": max(session.size - 1, 0),
    }
    if part.first != session.size:
        raise InvalidLayerPart(first=part.first, expected=session.size, **members)
    stated = part.last - part.first + 1
    if len(part.data) != stated:
        raise LayerPartLength(length=len(part.data), stated=stated, **members)
    if session.parts >= settings.parts_per_upload:
        raise LimitExceeded(reason=f"A layer can have at most {settings.parts_per_upload} parts")
    if session.size + len(part.data) > settings.layer_size:
        raise LimitExceeded(reason=f"A layer can have at most {settings.layer_size} bytes")


def _append_to_store(runtime: Runtime, target: Target, session: Session, *, part: Part, claim: str) -> None:
    kept = session.plain(runtime.at_rest)
    start = session.size if kept is None else 0
    hasher = uploads.running.take(session) if kept is None else hashlib.sha256(kept)
    try:
        customer = session.repository.customer
        with (
            _in_store(target),
            runtime.at_rest.append(session.id, start, session.sealed_size, customer=customer) as appending,
        ):
            appending.write(kept or b"")
            appending.write(part.data)
            appending.commit()
    except BaseException:
        runtime.database.write(lambda tx: uploads.give_up(tx, session.id, claim))
        raise
    size, digest, sealed_size = session.size + len(part.data), None, sealed_size_of(appending)
    if hasher is not None:
        hasher.update(part.data)
        digest = hasher.hexdigest()
        uploads.running.keep(session.id, size, hasher)
    runtime.database.write(
        lambda tx: uploads.record(
            tx,
            session,
            by=claim,
            size=size,
            sha256=digest,
            content=None,
            sealed_size=sealed_size,
            part=len(part.data),
        )
    )


def _cut(runtime: Runtime, session: Session) -> None:
    """Cut off what a part that was never recorded has left behind the session's size."""
    if session.content is None:
        with runtime.at_rest.append(session.id, session.size, session.sealed_size):
            pass


def _digest_of(runtime: Runtime, session: Session) -> str:
    """The digest of all bytes; they are read again only where several processes have taken them in."""
    if session.sha256 is not None:
        return f"sha256:{session.sha256}"
    return digesting.digest_of(runtime.at_rest.uploaded(session.id, session.sealed_size), "sha256")


def _publish(runtime: Runtime, target: Target, session: Session, *, digest: str, by: str) -> bool:
    """Make the blob, by right of a claim; whether the repository had it before. Bytes first, then the row."""
    store, at_rest = runtime.store, runtime.at_rest
    content, sealed, customer = session.plain(at_rest), session.sealed, session.repository.customer
    key = None
    if content is None:
        domain = blobs.domain_of(session.repository)
        key = at_rest.finish(session.id, domain, digest, sealed_size=session.sealed_size, customer=customer)
    else:
        content = at_rest.into_row(content, digest, sealed=sealed, customer=customer)

    def finish(tx: Transaction) -> tuple[bool, bool]:
        repository = repositories.get(tx, target.registry, target.name)
        known = blobs.find(tx, repository, digest) is not None
        needed = uploads.finish(
            tx,
            repository,
            session.id,
            digest=digest,
            size=session.size,
            key=key,
            content=content,
            sealed=sealed,
            by=by,
        )
        return known, needed

    try:
        known, needed = runtime.database.write(finish)
    except Fault:  # of any other failure nobody knows whether the row has come: leave the object
        if key is not None:
            store.delete(key)
        raise
    if key is not None and not needed:
        store.delete(key)
    return known
