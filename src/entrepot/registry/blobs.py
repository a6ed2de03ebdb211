"""
Blobs: bytes by digest, and the links that let a repository serve them.

A blob belongs to a domain (the account: what may share bytes) and is only ever reached through a link
of a repository. Small ones lie in their row, larger ones in the store; this module alone knows which.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.registry import quotas
from entrepot.registry.faults import BlobReferenced, LayerNotFound
from entrepot.registry.repositories import Repository
from entrepot.registry.tables import blobs, links, manifest_blobs
from entrepot.sealing.at_rest import AtRest

_LINKED = links.join(blobs, blobs.c.id == links.c.blob_id)
_THIS_BLOB = (blobs.c.domain == bindparam("domain"), blobs.c.digest == bindparam("digest"))

LINKED = Statement(
    select(blobs.c.id, blobs.c.digest, blobs.c.size, blobs.c.key, blobs.c.sealing, links.c.touched_at)
    .select_from(_LINKED)
    .where(*_THIS_BLOB, links.c.repository_id == bindparam("repository"))
)
# The link is a subquery and not a join, because with a join SQLite walks through all links of the
# repository: 1 ms at 2,500 of them.
_LINKED_ALL = Statement(
    select(
        blobs.c.id,
        blobs.c.digest,
        blobs.c.size,
        blobs.c.key,
        blobs.c.sealing,
        select(links.c.touched_at)
        .where(links.c.repository_id == bindparam("repository"), links.c.blob_id == blobs.c.id)
        .scalar_subquery()
        .label("touched_at"),
    ).where(
        blobs.c.domain == bindparam("domain"),
        blobs.c.digest.in_(select(func.json_each(bindparam("digests")).table_valued("value").c.value)),
    )
)
# How it is sealed comes with it: that may have changed since the row was found.
CONTENT = Statement(select(blobs.c.content, blobs.c.sealing).where(blobs.c.id == bindparam("blob")))
_IN_DOMAIN = Statement(select(blobs.c.id, blobs.c.size).where(*_THIS_BLOB))
_INSERT = Statement(
    insert(blobs)
    .values(
        domain=bindparam("domain"),
        digest=bindparam("digest"),
        size=bindparam("size"),
        created_at=bindparam("now"),
        key=bindparam("key"),
        content=bindparam("content"),
        sealing=bindparam("sealing"),
    )
    .on_conflict_do_nothing()
    .returning(blobs.c.id, quotas.IS_COUNTED)
)
_LINK = Statement(
    insert(links)
    .values(repository_id=bindparam("repository"), blob_id=bindparam("blob"), touched_at=bindparam("now"))
    .on_conflict_do_update(index_elements=["repository_id", "blob_id"], set_={"touched_at": bindparam("now")})
)
_THIS_LINK = (links.c.repository_id == bindparam("repository"), links.c.blob_id == bindparam("blob"))
_TOUCH = Statement(update(links).where(*_THIS_LINK).values(touched_at=bindparam("now")))
_UNLINK = Statement(delete(links).where(*_THIS_LINK))
_REFERENCED = Statement(
    select(manifest_blobs.c.manifest_id)
    .where(
        manifest_blobs.c.repository_id == bindparam("repository"),
        manifest_blobs.c.blob_id == bindparam("blob"),
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Blob:
    """
    A blob that a repository may serve. *key* is None where the bytes lie in the row. *size* is bytes.

    *sealing* is under whose key its bytes are sealed, wherever they lie: None, ``service``, or an ARN.
    """

    id: int
    digest: str
    size: int
    key: str | None
    sealing: str | None
    touched_at: float

    @property
    def sealed(self) -> bool:
        """Whether its bytes are."""
        return self.sealing is not None

    @property
    def lasts(self) -> bool:
        """Whether its bytes may be remembered in clear: those of a customer's key are opened each time."""
        return self.sealing in (None, "service")


def domain_of(repository: Repository) -> str:
    """What a repository shares bytes within: its account; with a customer's key, those that are sealed alike."""
    return domain_in(repository.account, repository.encryption.kind, repository.encryption.key)


def domain_in(account: str, kind: str, key: str | None) -> str:
    """The same, of a repository of *account* whose encryption is of that *kind* and with that *key*, an ARN."""
    return account if key is None else f"{account}.{kind}.{key.rpartition('/')[2]}"


def of_row(row: Row) -> Blob:
    """The blob in a row of ``LINKED``."""
    return Blob(row["id"], row["digest"], row["size"], row["key"], row["sealing"], row["touched_at"])


def opened(at_rest: AtRest, row: Row, digest: str) -> bytes:
    """The plain bytes of a row of ``CONTENT``. Raises: SealBroken."""
    return at_rest.from_row(bytes(row["content"]), digest, sealed=row["sealing"] is not None)


def find(tx: Transaction, repository: Repository, digest: str) -> Blob | None:
    """The blob, if *this* repository has it; that another has it does not count."""
    row = tx.one(LINKED, repository=repository.id, domain=domain_of(repository), digest=digest)
    return None if row is None else of_row(row)


def find_all(tx: Transaction, repository: Repository, digests: Sequence[str]) -> dict[str, Blob]:
    """Those of *digests* that this repository has, by digest."""
    rows = tx.all(
        _LINKED_ALL,
        repository=repository.id,
        domain=domain_of(repository),
        digests=orjson.dumps(digests).decode(),
    )
    return {row["digest"]: of_row(row) for row in rows if row["touched_at"] is not None}


def get(tx: Transaction, repository: Repository, digest: str) -> Blob:
    """``find`` for those who need it. Raises: LayerNotFound."""
    blob = find(tx, repository, digest)
    if blob is None:
        raise LayerNotFound(digest=digest, name=repository.name, account=repository.account)
    return blob


def is_referenced(tx: Transaction, repository: Repository, blob: Blob) -> bool:
    """Whether a manifest of this repository names the blob."""
    return tx.one(_REFERENCED, repository=repository.id, blob=blob.id) is not None


def touch(tx: Transaction, repository: int, blob: int) -> bool:
    """
    Say that somebody has just asked for the blob, so that it is not collected as forgotten; False if it just was.

    A client that was told "you need not push this layer" relies on it until its manifest has come.
    """
    return tx.run(_TOUCH, repository=repository, blob=blob, now=clock.now()) > 0


def add(
    tx: Transaction,
    repository: Repository,
    digest: str,
    *,
    size: int,
    key: str | None,
    content: bytes | None,
    sealed: bool = False,
    counted: int = 0,
    quota: int | None = None,
) -> bool:
    """
    Link *repository* to the bytes that have just arrived; False where the domain had them already.

    Then the object under *key* is superfluous: nobody names it, and the caller removes it. *sealed* says whether the
    object is an envelope, or *content* what ``AtRest.into_row`` has made of the bytes. *counted* of them have been
    counted for the account, as an upload's; *quota*: see ``quotas.add``. Raises: LimitExceeded.
    """
    domain = domain_of(repository)
    now = clock.now()
    sealing = repository.encryption.key or "service" if sealed else None
    inserted = tx.one(
        _INSERT,
        domain=domain,
        digest=digest,
        size=size,
        now=now,
        key=key,
        content=content,
        sealing=sealing,
        account=repository.account,
    )
    row = inserted or tx.one(_IN_DOMAIN, domain=domain, digest=digest)
    assert row is not None  # it conflicted with this very row
    tx.run(_LINK, repository=repository.id, blob=row["id"], now=now)
    if inserted is None:
        quotas.add(tx, repository.account, -counted)
        return False
    quotas.add_where(tx, repository.account, size - counted, returned=inserted, default=quota)
    return True


def mount(tx: Transaction, repository: Repository, source: Repository, digest: str) -> bool:
    """Link *repository* to a blob of *source*; False where it has none, or none that may be shared."""
    if domain_of(source) != domain_of(repository):
        return False
    blob = find(tx, source, digest)
    if blob is None:
        return False
    tx.run(_LINK, repository=repository.id, blob=blob.id, now=clock.now())
    return True


def unlink(tx: Transaction, repository: Repository, digest: str) -> None:
    """
    Take the blob out of this repository, at once; other repositories keep theirs.

    Raises: LayerNotFound; BlobReferenced, while a manifest here names it.
    """
    blob = get(tx, repository, digest)
    if is_referenced(tx, repository, blob):
        raise BlobReferenced(digest=digest)
    tx.run(_UNLINK, repository=repository.id, blob=blob.id)
