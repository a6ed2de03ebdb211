"""
The reads that every pull makes, answered from this process's memory where nothing has changed.

Repositories, tags and links are remembered until somebody, in whatever process, commits anything (see
``database.commits``). Then they are looked up again, one indexed row each, so a tag read after a write
is never stale. Texts of manifests and small blobs never change under their id and
are kept as long as there is room.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from sqlalchemy import bindparam, func, select

from entrepot.database import Database, Row, Statement
from entrepot.keys.usage import Usage
from entrepot.names import Registry, is_digest
from entrepot.registry import blobs, manifests, repositories
from entrepot.registry.blobs import Blob
from entrepot.registry.faults import LayerNotFound, ManifestUnknown, RepositoryNotFound
from entrepot.registry.repositories import Repository
from entrepot.registry.tables import manifests as manifest_table
from entrepot.registry.tables import tags
from entrepot.sealing.at_rest import AtRest

K = TypeVar("K")
V = TypeVar("V")

_SERVED = [
    manifest_table.c.id,
    manifest_table.c.digest,
    manifest_table.c.media_type,
    manifest_table.c.status,
    func.coalesce(manifest_table.c.sealed_of, func.length(manifest_table.c.content)).label("size"),
    manifest_table.c.sealed_of.is_not(None).label("sealed"),
]
_BY_TAG = Statement(
    select(*_SERVED)
    .select_from(tags.join(manifest_table, manifest_table.c.id == tags.c.manifest_id))
    .where(tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("reference"))
)
_BY_DIGEST = Statement(
    select(*_SERVED).where(
        manifest_table.c.repository_id == bindparam("repository"), manifest_table.c.digest == bindparam("reference")
    )
)


class Served(NamedTuple):
    """A manifest as a pull needs it."""

    id: int
    digest: str
    media_type: str
    content: bytes


class Named(NamedTuple):
    """What a tag or a digest means. *size* is of the manifest's text, in bytes; *sealed*: so it is kept."""

    id: int
    digest: str
    media_type: str
    status: str
    size: int
    sealed: bool


class Contents:
    """Immutable bytes under what identifies them, the least recently used leaving first. *room* is bytes."""

    def __init__(self, room: int) -> None:
        self._largest = room // 8
        self._room = room
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int]) -> bytes | None:
        """The bytes, or None where they are not kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: tuple[str, int], content: bytes) -> None:
        """Keep *content*, unless it alone would push an eighth of the others out."""
        with self._lock:
            if len(content) > self._largest or key in self._kept:
                return
            self._kept[key] = content
            self._room -= len(content)
            while self._room < 0:
                _, gone = self._kept.popitem(last=False)
                self._room += len(gone)


_CONTENT_ROOM = 24 << 20
_MOST_ENTRIES = 20_000


class _Known:
    """
    What was looked up since the database became what it is.

    A commit brings a new one: a thread that is just reading an old row puts it into the old one, where nobody
    will look again.
    """

    __slots__ = ("blobs", "manifests", "repositories", "version")

    def __init__(self, version: int) -> None:
        self.version = version
        self.repositories: dict[tuple[Registry, str], Repository] = {}
        self.manifests: dict[tuple[int, str], Named] = {}
        self.blobs: dict[tuple[int, str], Blob] = {}


class Reads:
    """What this process remembers of the registry; of all its threads. *Each request begins by ``refresh``.*"""

    def __init__(self, database: Database, at_rest: AtRest, usage: Usage | None = None) -> None:
        """*usage* tells whether the keys of customers may be used."""
        self._database, self._at_rest, self._usage = database, at_rest, usage
        self._known = _Known(-1)
        self._contents = Contents(_CONTENT_ROOM)

    def refresh(self) -> int:
        """Forget what may have changed; a number that differs from the last one exactly if something did."""
        version = self._database.version()
        if version != self._known.version:
            self._known = _Known(version)
        return version

    def repository(self, registry: Registry, name: str) -> Repository:
        """Raises: RepositoryNotFound."""
        known = self._known.repositories
        found = known.get((registry, name))
        if found is None:
            row = self._database.look(repositories.FIND, account=registry.account, region=registry.region, name=name)
            if row is None:
                raise RepositoryNotFound(name=name, account=registry.account)
            found = repositories.of_row(row)
            _bound(known)[registry, name] = found
        return found

    def demand_key(self, repository: Repository) -> bool:
        """
        Return if the content of a repository may be sealed and opened; where it is not a customer's, it always may.

        The answer says whether that holds until the generation changes. Raises: KmsUnavailable.
        """
        if self._usage is None or repository.customer is None:
            return True
        return self._usage.check(repository.customer, repository.registry, given=repository.encryption.grants)

    def named(self, repository: Repository, reference: str) -> Named | None:
        """What a tag or a digest means, if anything."""
        known, key = self._known.manifests, (repository.id, reference)
        found = known.get(key)
        if found is None:
            statement = _BY_DIGEST if is_digest(reference) else _BY_TAG
            row = self._database.look(statement, repository=repository.id, reference=reference)
            if row is not None:
                found = _bound(known)[key] = Named(*row)
        return found

    def manifest(self, repository: Repository, reference: str) -> Served:
        """The manifest that a tag or a digest means. Raises: ManifestUnknown."""
        found = self.named(repository, reference)
        if found is None:
            raise ManifestUnknown
        return Served(found.id, found.digest, found.media_type, self.text_of(found))

    def text_of(self, named: Named) -> bytes:
        """The manifest itself. Raises: ManifestUnknown, where it has just been deleted."""
        return self._content(
            "manifest",
            named.id,
            lambda row: self._at_rest.from_row(bytes(row["content"]), named.digest, sealed=named.sealed),
            lasts=not named.sealed,
        )

    def blob(self, repository: Repository, digest: str) -> Blob:
        """A blob that this repository links. Raises: LayerNotFound."""
        known, key = self._known.blobs, (repository.id, digest)
        blob = known.get(key)
        if blob is None:
            row = self._database.look(
                blobs.LINKED, repository=repository.id, domain=blobs.domain_of(repository), digest=digest
            )
            if row is None:
                raise LayerNotFound(digest=digest, name=repository.name, account=repository.account)
            blob = blobs.of_row(row)
            _bound(known)[key] = blob
        return blob

    def bytes_of(self, blob: Blob) -> bytes:
        """The bytes of a blob that has no key. Raises: LayerNotFound, where it has just been collected."""
        return self._content(
            "blob",
            blob.id,
            lambda row: blobs.opened(self._at_rest, row, blob.digest),
            lasts=blob.lasts,
        )

    def _content(self, kind: str, identity: int, opened: Callable[[Row], bytes], *, lasts: bool) -> bytes:
        """The bytes; those that *last* may be remembered."""
        content = self._contents.get((kind, identity))
        if content is None:
            if kind == "blob":
                row = self._database.look(blobs.CONTENT, blob=identity)
            else:
                row = self._database.look(manifests.CONTENT, manifest=identity)
            if row is None:
                raise ManifestUnknown
            content = opened(row)
            if lasts:
                self._contents.put((kind, identity), content)
        return content


def _bound(kept: dict[K, V]) -> dict[K, V]:
    """The same dictionary, emptied if it has grown to its bound: names of repositories come from clients."""
    if len(kept) >= _MOST_ENTRIES:
        kept.clear()
    return kept
