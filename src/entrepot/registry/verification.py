"""
Verification: everything read again, and every sentence about what is not as it should be.

It may run while the server does. What it finds damaged it looks up once more, because what was deleted
in the meantime is no damage.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, cast, func, select

from entrepot.database import Database, Integer, Row, Statement, Transaction
from entrepot.errors import Fault
from entrepot.keys.faults import KmsUnavailable
from entrepot.registry import documents, quotas
from entrepot.registry.blobs import CONTENT, domain_in, opened
from entrepot.registry.documents import Document
from entrepot.registry.tables import blobs, children, links, manifest_blobs, manifests, repositories, tags
from entrepot.runtime import Runtime
from entrepot.sealing.at_rest import AtRest
from entrepot.storage.digesting import digest_of

_PAGE = 500

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, *size* in bytes, a sentence for each damage, and one for each that its key does not open."""

    blobs: int
    manifests: int
    size: int
    damage: tuple[str, ...]
    locked: tuple[str, ...]


def verify(runtime: Runtime, progress: Progress) -> Report:
    """
    Read every blob and every manifest, and compare them with their digests and with each other.

    *progress* is told how many bytes of how many have been read.
    """
    reading = _Reading(runtime.database, runtime.at_rest, progress)
    damage = [*reading.blobs(), *reading.manifests(), *_dangling(runtime.database), *_miscounted(runtime.database)]
    return Report(
        reading.blobs_read, reading.manifests_read, reading.done, damage=tuple(damage), locked=tuple(reading.locked)
    )


_TOTAL = Statement(
    select(
        select(cast(func.coalesce(func.sum(blobs.c.size), 0), Integer)).scalar_subquery().label("blobs"),
        select(
            cast(
                func.coalesce(func.sum(func.coalesce(manifests.c.sealed_of, func.length(manifests.c.content))), 0),
                Integer,
            )
        )
        .scalar_subquery()
        .label("manifests"),
    )
)
_BLOBS = Statement(
    select(blobs.c.id, blobs.c.domain, blobs.c.digest, blobs.c.size, blobs.c.key, blobs.c.sealing)
    .where(blobs.c.id > bindparam("after"))
    .order_by(blobs.c.id)
    .limit(_PAGE)
)
_USERS = Statement(
    select(repositories.c.account, repositories.c.region, repositories.c.name)
    .select_from(links.join(repositories, repositories.c.id == links.c.repository_id))
    .where(links.c.blob_id == bindparam("blob"))
    .limit(3)
)
_MANIFESTS = Statement(
    select(manifests.c.id).where(manifests.c.id > bindparam("after")).order_by(manifests.c.id).limit(_PAGE)
)
_MANIFEST = Statement(
    select(
        *(manifests.c.id, manifests.c.repository_id, manifests.c.digest, manifests.c.media_type),
        *(manifests.c.subject, manifests.c.content, manifests.c.sealed_of),
        *(repositories.c.account, repositories.c.region, repositories.c.name),
        *(repositories.c.encryption, repositories.c.kms_key),
    )
    .select_from(manifests.join(repositories, repositories.c.id == manifests.c.repository_id))
    .where(manifests.c.id == bindparam("manifest"))
)
_LINKED = Statement(
    select(blobs.c.id, manifest_blobs.c.manifest_id)
    .select_from(
        blobs.join(links, and_(links.c.blob_id == blobs.c.id, links.c.repository_id == bindparam("repository"))).join(
            manifest_blobs,
            and_(
                manifest_blobs.c.repository_id == bindparam("repository"),
                manifest_blobs.c.blob_id == blobs.c.id,
                manifest_blobs.c.manifest_id == bindparam("manifest"),
            ),
            isouter=True,
        )
    )
    .where(blobs.c.domain == bindparam("domain"), blobs.c.digest == bindparam("digest"))
)
_CHILD = Statement(
    select(manifests.c.id, children.c.parent_id)
    .select_from(
        manifests.join(
            children,
            and_(children.c.child_id == manifests.c.id, children.c.parent_id == bindparam("manifest")),
            isouter=True,
        )
    )
    .where(manifests.c.repository_id == bindparam("repository"), manifests.c.digest == bindparam("digest"))
)


class _Reading:
    """One pass over everything that has bytes."""

    def __init__(self, database: Database, at_rest: AtRest, progress: Progress) -> None:
        self._database, self._at_rest, self._progress = database, at_rest, progress
        self.blobs_read = self.manifests_read = self.done = 0
        self.locked: list[str] = []
        with database.reading() as tx:
            row = tx.one(_TOTAL)
        self._total = row["blobs"] + row["manifests"] if row else 0

    def blobs(self) -> Iterator[str]:
        """Damage of blobs, whether any manifest names them or not."""
        for row in _pages(self._database, _BLOBS):
            self.blobs_read += 1
            try:
                wrong = self._wrong_with(row)
            except KmsUnavailable as fault:
                self.locked += [f"{name}: {fault}" for name in self._names_of(row)]
                continue
            if wrong:
                yield from (f"{name}: {wrong}" for name in self._names_of(row))

    def manifests(self) -> Iterator[str]:
        """Damage of manifests, and of what they name."""
        for page in _pages(self._database, _MANIFESTS):
            with self._database.reading() as tx:
                row = tx.one(_MANIFEST, manifest=page["id"])
                if row is None:  # its repository has been deleted
                    continue
                name = f"manifest {row['digest']} of {_name(row)}"
                self.manifests_read += 1
                try:
                    text = self._at_rest.from_row(row["content"], row["digest"], sealed=row["sealed_of"] is not None)
                    found = list(_wrong_with_manifest(tx, row, text))
                except KmsUnavailable as fault:
                    self.locked.append(f"{name}: {fault}")
                    continue
                except OSError as error:
                    text, found = b"", [f"its text cannot be read: {error}"]
            yield from (f"{name}: {wrong}" for wrong in found)
            self._advance(len(text))

    def _names_of(self, row: Row) -> list[str]:
        """What to call a blob, in a list of one; of none, where nobody can reach it any more."""
        with self._database.reading() as tx:
            users = tx.all(_USERS, blob=row["id"])
        return [f"blob {row['digest']} of {', '.join(map(_name, users))}"] if users else []

    def _wrong_with(self, row: Row) -> str | None:
        size, algorithm = 0, row["digest"].partition(":")[0]

        def pieces() -> Iterator[bytes]:
            nonlocal size
            for piece in self._bytes_of(row):
                size += len(piece)
                yield piece
                self._advance(len(piece))

        try:
            digest = digest_of(pieces(), algorithm)
        except FileNotFoundError:
            return "its bytes are missing"
        except OSError as error:
            return f"its bytes cannot be read: {error}"
        if size != row["size"]:
            return f"it has {size} bytes instead of {row['size']}"
        return None if digest == row["digest"] else f"its bytes have the digest {digest}"

    def _bytes_of(self, row: Row) -> Iterator[bytes]:
        if row["key"] is not None:
            return self._at_rest.read(row["key"], sealed=row["sealing"] is not None)
        with self._database.reading() as tx:
            found = tx.one(CONTENT, blob=row["id"])
        if found is None or found["content"] is None:
            raise FileNotFoundError(row["digest"])
        return iter([opened(self._at_rest, found, row["digest"])])

    def _advance(self, size: int) -> None:
        self.done += size
        self._progress(self.done, max(self.done, self._total))


def _pages(database: Database, statement: Statement) -> Iterator[Row]:
    after = 0
    while True:
        with database.reading() as tx:
            rows = tx.all(statement, after=after)
        yield from rows
        if not rows:
            return
        after = rows[-1]["id"]


def _name(row: Row) -> str:
    return f"{row['account']}/{row['region']}/{row['name']}"


def _wrong_with_manifest(tx: Transaction, row: Row, text: bytes) -> Iterator[str]:
    algorithm = row["digest"].partition(":")[0]
    digest = digest_of([text], algorithm)
    if digest != row["digest"]:
        yield f"its text has the digest {digest}"
        return
    try:
        document = documents.parse(text, row["media_type"], most_descriptors=len(text))
    except Fault as fault:
        yield f"its text cannot be read: {fault}"
        return
    if document.subject != row["subject"]:
        yield f"it is filed under the subject {row['subject']} instead of {document.subject}"
    yield from _missing_blobs(tx, row, document)
    yield from _missing_children(tx, row, document)


def _missing_blobs(tx: Transaction, row: Row, document: Document) -> Iterator[str]:
    domain = domain_in(row["account"], row["encryption"], row["kms_key"])
    # Layers that lie elsewhere may be here too, but need not.
    for digest in dict.fromkeys(blob.digest for blob in document.blobs if not blob.foreign):
        found = tx.one(_LINKED, repository=row["repository_id"], domain=domain, digest=digest, manifest=row["id"])
        if found is None:
            yield f"the repository lacks its blob {digest}"
        elif found["manifest_id"] is None:
            yield f"its need of the blob {digest} is not on record"


def _missing_children(tx: Transaction, row: Row, document: Document) -> Iterator[str]:
    for digest in dict.fromkeys(child.digest for child in document.children):
        found = tx.one(_CHILD, repository=row["repository_id"], digest=digest, manifest=row["id"])
        if found is None:
            yield f"the repository lacks the manifest {digest} that it lists"
        elif found["parent_id"] is None:
            yield f"its need of the manifest {digest} is not on record"


# Rows of living repositories that point at nothing.

_OF = (repositories.c.account, repositories.c.region, repositories.c.name)
_DANGLING_TAGS = Statement(
    select(*_OF, tags.c.name.label("what"))
    .select_from(
        tags.join(repositories, repositories.c.id == tags.c.repository_id).join(
            manifests,
            and_(manifests.c.id == tags.c.manifest_id, manifests.c.repository_id == tags.c.repository_id),
            isouter=True,
        )
    )
    .where(manifests.c.id.is_(None))
    .limit(1000)
)
_DANGLING_LINKS = Statement(
    select(*_OF, links.c.blob_id.label("what"))
    .select_from(
        links.join(repositories, repositories.c.id == links.c.repository_id).join(
            blobs, blobs.c.id == links.c.blob_id, isouter=True
        )
    )
    .where(blobs.c.id.is_(None))
    .limit(1000)
)
_DANGLING_NEEDS = Statement(
    select(*_OF, manifest_blobs.c.blob_id.label("what"))
    .select_from(
        manifest_blobs.join(repositories, repositories.c.id == manifest_blobs.c.repository_id).join(
            manifests, manifests.c.id == manifest_blobs.c.manifest_id, isouter=True
        )
    )
    .where(manifests.c.id.is_(None))
    .limit(1000)
)
_DANGLING_PARENTS = Statement(
    select(*_OF, manifests.c.digest.label("what"))
    .select_from(
        children.join(manifests, manifests.c.id == children.c.child_id).join(
            repositories, repositories.c.id == manifests.c.repository_id
        )
    )
    .where(children.c.parent_id.not_in(select(manifests.alias("parent").c.id)))
    .limit(1000)
)
_SENTENCES = {
    _DANGLING_TAGS: "tag {what} of {repository} names no manifest of it",
    _DANGLING_LINKS: "{repository} is linked to a blob that there is not, number {what}",
    _DANGLING_NEEDS: "a manifest that {repository} has no more still needs a blob, number {what}",
    _DANGLING_PARENTS: "manifest {what} of {repository} is held by an index that there is no more",
}


def _dangling(database: Database) -> Iterator[str]:
    for statement, sentence in _SENTENCES.items():
        with database.reading() as tx:
            rows = tx.all(statement)
        yield from (sentence.format(what=row["what"], repository=_name(row)) for row in rows)


def _miscounted(database: Database) -> Iterator[str]:
    with database.reading() as tx:
        found = quotas.wrong(tx)
    for each in found:
        yield (
            f"account {each.account} stores {each.stored + each.missing} bytes and is counted for {each.stored}: "
            "the next garbage collection counts anew"
        )
