"""
Upload sessions: begin, claim, record, finish, abandon.

    begin ──► (size 0) ──claim──► writing ──record──► (size n) ── … ──► finish ──► a linked blob
                                     └─ crash: the claim runs out, what lies behind size n is cut off

A session is a row, and a file as soon as its bytes are too many for the row. One request at a time may
write to it. The row says how many bytes are durable and what their digest is, so that a closing request
without a body needs no second reading, in whatever process it ends up. The state of a half-done hash
cannot be stored; it is remembered by the process that wrote last, and where another one goes on, the
digest is computed once, at the end, from the stored bytes.
"""

import contextlib
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, update

from entrepot import clock
from entrepot.database import Statement, Transaction
from entrepot.errors import LimitExceeded, NoSpace
from entrepot.registry import blobs, quotas
from entrepot.registry.faults import UploadBusy, UploadNotFound
from entrepot.registry.repositories import Repository
from entrepot.registry.tables import uploads
from entrepot.sealing.at_rest import AtRest
from entrepot.settings import Settings
from entrepot.storage import BlobStore
from entrepot.storage.digesting import Hasher

# A claim outlives its request by this much if the process dies; a living writer renews it.
CLAIM_LIFETIME = 60.0

_OPEN = Statement(
    select(func.count().label("count")).select_from(
        select(uploads.c.id)
        .where(uploads.c.repository_id == bindparam("repository"), uploads.c.principal == bindparam("principal"))
        .limit(bindparam("most"))
        .subquery()
    )
)
_BEGIN = Statement(
    insert(uploads)
    .values(
        id=bindparam("upload"),
        repository_id=bindparam("repository"),
        principal=bindparam("principal"),
        size=0,
        content=b"",
        parts=0,
        short_part=0,
        updated_at=bindparam("now"),
        writer_until=0.0,
        sealed_size=bindparam("sealed_size"),
    )
    .returning(quotas.IS_COUNTED)
)
_THIS = (
    uploads.c.id == bindparam("upload"),
    uploads.c.repository_id == bindparam("repository"),
    uploads.c.principal == bindparam("who"),
)
_FIND = Statement(select(uploads).where(*_THIS))
# One statement for the whole life of a small upload's end; what it does not take, ``idle`` explains.
_TAKE_SMALL = Statement(
    delete(uploads)
    .where(
        *_THIS,
        uploads.c.content.is_not(None),
        uploads.c.size <= bindparam("most"),
        uploads.c.writer_until <= bindparam("now"),
    )
    .returning(uploads.c.content, uploads.c.sealed_size, uploads.c.counted)
)
_CLAIM = Statement(
    update(uploads)
    .where(uploads.c.id == bindparam("upload"))
    .values(writer=bindparam("by"), writer_until=bindparam("until"))
)
_RENEW = Statement(
    update(uploads)
    .where(uploads.c.id == bindparam("upload"), uploads.c.writer == bindparam("by"))
    .values(writer_until=bindparam("until"), updated_at=bindparam("now"))
)
_GIVE_UP = Statement(
    update(uploads)
    .where(uploads.c.id == bindparam("upload"), uploads.c.writer == bindparam("by"))
    .values(writer=None, writer_until=0.0)
)
_RECORD = Statement(
    update(uploads)
    .where(uploads.c.id == bindparam("upload"), uploads.c.writer.is_not_distinct_from(bindparam("by")))
    .values(
        size=bindparam("new_size"),
        sha256=bindparam("new_sha256"),
        content=bindparam("new_content"),
        parts=bindparam("new_parts"),
        short_part=bindparam("new_short"),
        sealed_size=bindparam("new_sealed_size"),
        account=bindparam("account"),
        counted=bindparam("new_size"),
        updated_at=bindparam("now"),
        writer=None,
        writer_until=0.0,
    )
    .returning(quotas.IS_COUNTED)
)
_REMOVE = Statement(delete(uploads).where(uploads.c.id == bindparam("upload")))
_CLOSE = Statement(
    delete(uploads)
    .where(
        uploads.c.id == bindparam("upload"),
        uploads.c.repository_id == bindparam("repository"),
        uploads.c.writer == bindparam("by"),
    )
    .returning(uploads.c.counted)
)
_HELD = Statement(
    select(uploads.c.account, uploads.c.counted, uploads.c.size).where(
        uploads.c.id == bindparam("upload"), uploads.c.writer == bindparam("by"), uploads.c.account.is_not(None)
    )
)
_LET_GO = Statement(update(uploads).where(uploads.c.id == bindparam("upload")).values(counted=uploads.c.size))
_GIVE_UP_ALL = Statement(update(uploads).where(uploads.c.writer.is_not(None)).values(writer=None, writer_until=0.0))


@dataclass(frozen=True, slots=True)
class Session:
    """
    An upload as its row has it. *content* is all bytes while they are few, else None: they are in the store.

    *sealed_size* is how much lies sealed in the store; None, if this upload is not sealed, neither there nor here.
    *short_part*: 1, the API's last part was under 5 MiB; 2, one before it was. *counted* is as how many bytes its
    account's quota has it; *limited* says that it may not get beyond that before it is counted for more.
    """

    id: str
    repository: Repository
    size: int
    sha256: str | None
    content: bytes | None
    parts: int
    short_part: int
    writer: str | None
    writer_until: float
    sealed_size: int | None = None
    counted: int = 0
    limited: bool = False

    @property
    def sealed(self) -> bool:
        """Whether its bytes are."""
        return self.sealed_size is not None

    def plain(self, at_rest: AtRest) -> bytes | None:
        """The *content*, opened."""
        if self.content is None:
            return None
        return at_rest.from_row(self.content, self.id, sealed=self.sealed)


class Small(NamedTuple):
    """The plain bytes of a small upload, and as how many its account's quota has them."""

    content: bytes
    counted: int


@contextlib.contextmanager
def in_store(upload: str, *, name: str, account: str) -> Iterator[None]:
    """Say of an upload's bytes what its client can make use of. Raises: UploadNotFound, UploadBusy."""
    try:
        yield
    except FileNotFoundError:  # after a crash between their publishing and its commit, they may have gone
        raise UploadNotFound(upload=upload, name=name, account=account) from None
    except BlockingIOError:  # the claim of a request that still writes has run out
        raise UploadBusy(upload=upload) from None


def check_space(store: BlobStore, settings: Settings) -> None:
    """Raises: NoSpace, when what is free has fallen to the reserve."""
    free = store.free()
    if free is not None and free < settings.least_free:
        raise NoSpace(free=free, least=settings.least_free)


def begin(tx: Transaction, repository: Repository, principal: str, settings: Settings) -> str:
    """
    A new session; its id. *principal* is the only one who may use it.

    Raises: LimitExceeded. Source: OCI distribution-spec 1.1, "Pushing blobs"; ECR, InitiateLayerUpload.
    """
    _check_quota(tx, repository, principal, settings.uploads_per_principal)
    upload = clock.new_uuid()
    begun = tx.one(
        _BEGIN,
        upload=upload,
        repository=repository.id,
        principal=principal,
        now=clock.now(),
        sealed_size=0 if settings.seals or repository.customer else None,
        account=repository.account,
    )
    assert begun is not None  # it returns its row
    quotas.demand_room(tx, repository.account, returned=begun, default=settings.bytes_per_account)
    return upload


def get(tx: Transaction, repository: Repository, upload: str, principal: str) -> Session:
    """The session, for the principal that began it. Raises: UploadNotFound."""
    row = tx.one(_FIND, upload=upload, repository=repository.id, who=principal)
    if row is None:
        raise UploadNotFound(upload=upload, name=repository.name, account=repository.account)
    return Session(
        row["id"],
        repository,
        row["size"],
        row["sha256"],
        row["content"],
        row["parts"],
        row["short_part"],
        row["writer"],
        row["writer_until"],
        row["sealed_size"],
        row["counted"] or 0,
    )


def idle(tx: Transaction, repository: Repository, upload: str, principal: str) -> Session:
    """``get``, while nobody writes to it. Raises: UploadNotFound, UploadBusy."""
    session = get(tx, repository, upload, principal)
    if session.writer is not None and session.writer_until > clock.now():
        raise UploadBusy(upload=upload)
    return session


def take_small(
    tx: Transaction, repository: Repository, upload: str, *, principal: str, most: int, at_rest: AtRest
) -> Small | None:
    """
    End a session that nobody writes to and whose bytes, at most *most*, are in its row; those bytes.

    None where it is not such a session. Raises: UploadNotFound, UploadBusy.
    """
    row = tx.one(_TAKE_SMALL, upload=upload, repository=repository.id, who=principal, most=most, now=clock.now())
    if row is None:
        idle(tx, repository, upload, principal)
        return None
    content = at_rest.from_row(row["content"], upload, sealed=row["sealed_size"] is not None)
    return Small(content, row["counted"] or 0)


def claim(tx: Transaction, repository: Repository, upload: str, *, principal: str, by: str, quota: int = 0) -> Session:
    """
    ``idle``, and from now on *by* alone may write; where it is ``limited``, as far as ``taking.hold`` says.

    *quota* is that of accounts that have none of their own. Raises: UploadNotFound, UploadBusy.
    """
    session = idle(tx, repository, upload, principal)
    tx.run(_CLAIM, upload=upload, by=by, until=clock.now() + CLAIM_LIFETIME)
    return replace(session, limited=quotas.limits(tx, repository.account, quota))


def renew(tx: Transaction, upload: str, by: str) -> bool:
    """Keep a claim alive while bytes still come; False where it was lost."""
    now = clock.now()
    return tx.run(_RENEW, upload=upload, by=by, now=now, until=now + CLAIM_LIFETIME) > 0


def give_up(tx: Transaction, upload: str, by: str, *, cut: bool = False) -> None:
    """End a claim and leave the session as it was; *cut*: nothing lies behind its size, which is all that counts."""
    held = tx.one(_HELD, upload=upload, by=by) if cut else None
    if held is not None:
        tx.run(_LET_GO, upload=upload)
        quotas.add(tx, held["account"], held["size"] - held["counted"])
    tx.run(_GIVE_UP, upload=upload, by=by)


def give_up_all(tx: Transaction) -> None:
    """End every claim: those who made them have died with their server, and clients want to go on at once."""
    tx.run(_GIVE_UP_ALL)


def record(
    tx: Transaction,
    session: Session,
    *,
    by: str | None,
    size: int,
    sha256: str | None,
    content: bytes | None,
    sealed_size: int | None = None,
    part: int | None = None,
    quota: int | None = None,
) -> None:
    """
    Say what is durable by now, and end the claim of *by* (what the session says of its writer).

    *part* is the length of the part that the API has just added; *quota*: see ``quotas.add``.
    Raises: UploadBusy, when the claim was lost; LimitExceeded.
    """
    short_part = 0
    if part is not None:
        short_part = 2 if session.short_part else int(part < SMALLEST_PART)
    recorded = tx.one(
        _RECORD,
        upload=session.id,
        by=by,
        new_size=size,
        new_sha256=sha256,
        new_content=content,
        new_parts=session.parts + (part is not None),
        new_short=short_part,
        new_sealed_size=sealed_size,
        account=session.repository.account,
        now=clock.now(),
    )
    if recorded is None:
        raise UploadBusy(upload=session.id)
    quotas.add_where(tx, session.repository.account, size - session.counted, returned=recorded, default=quota)


def record_small(
    tx: Transaction, session: Session, content: bytes, *, at_rest: AtRest, quota: int, part: int | None = None
) -> int:
    """
    ``record`` for bytes that are so few that the row takes them; how many they are.

    Raises: UploadBusy, KmsUnavailable, LimitExceeded.
    """
    customer = session.repository.customer
    record(
        tx,
        session,
        by=session.writer,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=at_rest.into_row(content, session.id, sealed=session.sealed, customer=customer),
        sealed_size=session.sealed_size,
        part=part,
        quota=quota,
    )
    return len(content)


# "5MB" in ECR's text is 5 MiB.
SMALLEST_PART = 5 << 20


# As with images (``manifests``): counted again before so many could have been added that there is no room.
_room: dict[tuple[int, str], int] = {}


def _check_quota(tx: Transaction, repository: Repository, principal: str, most: int) -> None:
    """Raises: LimitExceeded, when the principal has too many sessions open in the repository."""
    key = (repository.id, principal)
    room = _room.get(key, 0)
    if room <= 0:
        row = tx.one(_OPEN, repository=repository.id, principal=principal, most=most)
        left = most - (row["count"] if row else 0)
        if left <= 0:
            raise LimitExceeded(
                reason=f"The repository with name '{repository.name}' already has {most} open uploads of this "
                "principal: finish or cancel one, or wait until the idle ones expire"
            )
        room = left // 64 + 1
        if len(_room) > 10_000:
            _room.clear()
    _room[key] = room - 1


def finish(
    tx: Transaction,
    repository: Repository,
    upload: str | None,
    *,
    digest: str,
    size: int,
    key: str | None,
    content: bytes | None,
    sealed: bool = False,
    by: str | None = None,
    counted: int = 0,
    quota: int | None = None,
) -> bool:
    """
    The session has become a blob of the repository; False where the account had its bytes already.

    *upload* is None for a blob that came in one request; else *by* holds the claim to it. Without that,
    somebody may have appended since the digest was computed. The bytes are durable before this is called.
    *counted* and *quota*: see ``blobs.add``; of a session its row says what is counted. Raises: LimitExceeded.
    """
    if upload is not None:
        closed = tx.one(_CLOSE, upload=upload, repository=repository.id, by=by)
        if closed is None:
            raise UploadNotFound(upload=upload, name=repository.name, account=repository.account)
        counted = closed["counted"] or 0
    return blobs.add(
        tx, repository, digest, size=size, key=key, content=content, sealed=sealed, counted=counted, quota=quota
    )


def finish_small(
    tx: Transaction,
    repository: Repository,
    content: bytes,
    *,
    digest: str,
    at_rest: AtRest,
    quota: int,
    counted: int = 0,
) -> None:
    """
    Bytes that are so few that their row takes them have become a blob. Raises: KmsUnavailable, LimitExceeded.

    *counted* of them were, as those of an upload that was taken.
    """
    sealed = at_rest.seals_for(repository.customer)
    kept = at_rest.into_row(content, digest, sealed=sealed, customer=repository.customer)
    finish(
        tx,
        repository,
        None,
        digest=digest,
        size=len(content),
        key=None,
        content=kept,
        sealed=sealed,
        counted=counted,
        quota=quota,
    )


def remove(tx: Transaction, repository: Repository, upload: str, principal: str) -> None:
    """Cancel a session. Its file is the caller's to abandon. Raises: UploadNotFound."""
    session = get(tx, repository, upload, principal)
    tx.run(_REMOVE, upload=upload)
    quotas.add(tx, repository.account, -session.counted)


class RunningDigests:
    """Half-done hashes of this process's sessions, so that the next piece goes on where the last one ended."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[int, Hasher]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, session: Session) -> Hasher | None:
        """A SHA-256 of the session's bytes in the store; None where another process has written some of them."""
        with self._lock:
            size, hasher = self._kept.pop(session.id, (-1, None))
        return hasher if size == session.size else None

    def keep(self, upload: str, size: int, hasher: Hasher) -> None:
        """Remember the hash of the first *size* bytes."""
        with self._lock:
            self._kept[upload] = (size, hasher)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


running = RunningDigests()
