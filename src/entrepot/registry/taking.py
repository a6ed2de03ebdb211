"""
Bytes on their way into the store: what may still come, what has come, and what to do where it was refused.

How they come is the face's business; here is what an upload needs meanwhile.
"""

import hashlib
from dataclasses import dataclass, replace

from entrepot import clock
from entrepot.database import Transaction
from entrepot.errors import Fault
from entrepot.names import Registry
from entrepot.registry import blobs, quotas, repositories, uploads
from entrepot.registry.faults import InvalidLayer, UploadNotFound
from entrepot.registry.uploads import Session
from entrepot.runtime import Runtime
from entrepot.sealing.at_rest import AtRest
from entrepot.storage.digesting import Hasher


@dataclass(frozen=True, slots=True)
class Taken:
    """An upload with the bytes of a request, which *ended* or broke off. *hasher* has seen all of them, or is None."""

    session: Session
    size: int
    hasher: Hasher | None
    sha256: str | None
    sealed_size: int | None
    ended: bool

    def digest(self, algorithm: str) -> str | None:
        """The digest of all bytes; None: they have to be read again."""
        if self.hasher is not None:
            return f"{algorithm}:{self.hasher.hexdigest()}"
        return f"sha256:{self.sha256}" if self.sha256 is not None and algorithm == "sha256" else None


def unlisted(runtime: Runtime, registry: Registry, name: str) -> Session:
    """
    A session that nobody else knows of, for a blob that comes at once: what a crash leaves of it is garbage.

    One that is ``limited`` must not be used so: it has no row that counts its bytes. Raises: RepositoryNotFound.
    """
    with runtime.database.reading() as tx:
        repository = repositories.get(tx, registry, name)
        limited = quotas.limits(tx, registry.account, runtime.settings.bytes_per_account)
    sealed_size = runtime.at_rest.nothing_yet(repository.customer)
    return Session(clock.new_uuid(), repository, 0, None, b"", 0, 0, None, 0.0, sealed_size, limited=limited)


def hold(tx: Transaction, session: Session, *, by: str, now: int, coming: int | None, quota: int) -> Session:
    """
    Count for the account what the session is about to get, if that is limited: ``quotas.hold``.

    It has *now* bytes, or is about to; a request brings *coming* bytes behind its size, None: nobody knows. *quota*:
    see ``uploads.claim``. The session as it is then. Raises: LimitExceeded, UploadBusy.
    """
    if not session.limited or coming == 0:
        return session
    counted = quotas.hold(
        tx,
        session.repository.account,
        session.id,
        by=by,
        counted=session.counted,
        now=now,
        total=None if coming is None else session.size + coming,
        default=quota,
    )
    return replace(session, counted=counted)


def publish(at_rest: AtRest, taken: Taken, digest: str) -> str:
    """
    Make an object of an upload in the store; its key. It is durable before the row that names it.

    Raises: UploadNotFound, UploadBusy.
    """
    session, repository = taken.session, taken.session.repository
    with uploads.in_store(session.id, name=repository.name, account=repository.account):
        domain, customer = blobs.domain_of(repository), repository.customer
        return at_rest.finish(session.id, domain, digest, sealed_size=taken.sealed_size, customer=customer)


def finish(tx: Transaction, taken: Taken, digest: str, *, key: str, by: str | None) -> bool:
    """
    Make a blob of that object: ``uploads.finish``. *by* is None where the session has no row.

    Raises: RepositoryNotFound, UploadNotFound.
    """
    upload, repository = taken.session.id, taken.session.repository
    if repositories.get(tx, repository.registry, repository.name).id != repository.id:  # a namesake, made since
        raise UploadNotFound(upload=upload, name=repository.name, account=repository.account)
    return uploads.finish(
        tx,
        repository,
        upload if by else None,
        digest=digest,
        size=taken.size,
        key=key,
        content=None,
        sealed=taken.sealed_size is not None,
        by=by,
    )


def give_up(runtime: Runtime, session: Session, by: str) -> None:
    """
    End a claim and leave the session as it was: what was written behind its size does not count.

    Under a quota it is cut off at once, so that who was refused has the room for something smaller.
    """
    write = runtime.database.write
    cut = session.limited and write(lambda tx: uploads.renew(tx, session.id, by)) and _cut(runtime.at_rest, session)
    write(lambda tx: uploads.give_up(tx, session.id, by, cut=cut))


def _cut(at_rest: AtRest, session: Session) -> bool:
    """Whether nothing lies in the store behind the session's size."""
    start = session.size if session.content is None else 0
    try:
        with at_rest.append(session.id, start, session.sealed_size, customer=session.repository.customer):
            pass
    except (OSError, Fault):  # then the next request does it, or garbage collection
        return False
    return True


def demand_digest(content: bytes, digest: str) -> None:
    """Raises: InvalidLayer, where *content* has another."""
    algorithm, _, hexadecimal = digest.partition(":")
    if hashlib.new(algorithm, content).hexdigest() != hexadecimal:
        raise InvalidLayer
