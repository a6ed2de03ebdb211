"""The reads that every pull makes: remembered, and never stale."""

import pytest

from entrepot.database import Database
from entrepot.registry import blobs, manifests, reads, repositories, tags
from entrepot.registry.faults import LayerNotFound, ManifestUnknown, RepositoryNotFound
from entrepot.registry.mutability import Mutability
from entrepot.registry.reads import Contents, Reads
from entrepot.sealing.at_rest import AtRest
from entrepot.storage.drivers import open_store
from tests.support.pushing import (
    REGISTRY,
    digest_of,
    make_repository,
    manifest_of,
    push_blob,
    push_document,
    push_image,
)
from tests.support.rootkey import root_key


@pytest.fixture
def remembered(database, repository):
    """Reads that begin as a request does: by asking what has changed."""

    class Fresh(Reads):
        def __getattribute__(self, name):
            if name in {"repository", "named", "manifest", "blob"}:
                self.refresh()
            return super().__getattribute__(name)

    return Fresh(database, AtRest(open_store("memory://"), root_key(), seals=True))


@pytest.fixture
def counted(database, monkeypatch):
    """How many rows were looked up."""
    looks = []
    look = database.look

    def counting(statement, **params):
        looks.append(params)
        return look(statement, **params)

    monkeypatch.setattr(database, "look", counting)
    return looks


def test_what_is_there_is_found(remembered, database, repository):
    digest = push_image(database, repository, "x", "v1")

    assert remembered.repository(REGISTRY, "app") == repository
    assert remembered.manifest(repository, "v1").digest == digest
    assert remembered.manifest(repository, digest) == remembered.manifest(repository, "v1")
    assert remembered.blob(repository, digest_of(b"layer of x")).size == 10
    assert remembered.bytes_of(remembered.blob(repository, digest_of(b"layer of x"))) == b"layer of x"


def test_what_is_not_there_is_refused(remembered, repository):
    with pytest.raises(RepositoryNotFound):
        remembered.repository(REGISTRY, "none")
    for reference in ("v1", digest_of(b"x")):
        with pytest.raises(ManifestUnknown):
            remembered.manifest(repository, reference)
    with pytest.raises(LayerNotFound):
        remembered.blob(repository, digest_of(b"x"))


def test_what_was_read_is_not_read_again(remembered, database, repository, counted):
    push_image(database, repository, "x", "v1")

    def pull():
        remembered.repository(REGISTRY, "app")
        remembered.manifest(repository, "v1")
        remembered.bytes_of(remembered.blob(repository, digest_of(b"layer of x")))

    pull()
    first = len(counted)
    for _ in range(5):
        pull()

    assert first > 0
    assert len(counted) == first


def test_what_was_missing_is_looked_for_each_time(remembered, database, repository):
    """Names that do not exist come from clients; they are not remembered, so they cost no memory."""
    for _ in range(2):
        with pytest.raises(ManifestUnknown):
            remembered.manifest(repository, "v1")
    digest = push_image(database, repository, "x", "v1")

    assert remembered.manifest(repository, "v1").digest == digest


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another process"])
def test_nothing_is_stale_after_a_commit(remembered, database, repository, tmp_path, elsewhere):
    """A tag that has moved, an image and a link that have gone, a repository that has changed."""
    writer = Database(tmp_path / "entrepot.sqlite") if elsewhere else database
    first = push_image(writer, repository, "x", "v1")
    loose = push_blob(writer, repository, b"loose")["digest"]
    assert remembered.manifest(repository, "v1").digest == first
    assert remembered.blob(repository, loose).digest == loose

    second = push_image(writer, repository, "y", "v1")
    assert remembered.manifest(repository, "v1").digest == second
    writer.write(lambda tx: tags.remove(tx, repository.id, ["v1"]))
    with pytest.raises(ManifestUnknown):
        remembered.manifest(repository, "v1")
    writer.write(lambda tx: blobs.unlink(tx, repository, loose))
    with pytest.raises(LayerNotFound):
        remembered.blob(repository, loose)
    assert remembered.manifest(repository, first).digest == first

    def remove(tx):
        manifest = manifests.find(tx, repository, digest=first)
        assert manifest is not None
        manifests.remove(tx, repository, manifest)

    writer.write(remove)
    with pytest.raises(ManifestUnknown):
        remembered.manifest(repository, first)
    writer.write(lambda tx: repositories.update(tx, repository, mutability=Mutability("IMMUTABLE")))
    assert remembered.repository(REGISTRY, "app").mutability.setting == "IMMUTABLE"
    writer.write(lambda tx: repositories.delete(tx, repository, force=True))
    with pytest.raises(RepositoryNotFound):
        remembered.repository(REGISTRY, "app")
    if elsewhere:
        writer.close()


def test_a_repository_of_the_same_name_is_another(remembered, database, repository):
    push_image(database, repository, "x", "v1")
    remembered.manifest(repository, "v1")
    database.write(lambda tx: repositories.delete(tx, repository, force=True))
    make_repository(database, "app")

    again = remembered.repository(REGISTRY, "app")

    assert again.id != repository.id
    with pytest.raises(ManifestUnknown):
        remembered.manifest(again, "v1")


def test_texts_outlive_commits(remembered, database, repository, counted):
    """They never change under their id: after a commit only the rows that name them are read again."""
    push_image(database, repository, "x", "v1")
    remembered.manifest(repository, "v1")
    counted.clear()

    push_blob(database, repository, b"something else")
    remembered.manifest(repository, "v1")

    assert len(counted) == 1


def test_a_flood_of_names_is_forgotten_now_and_then(remembered, database, repository, monkeypatch):
    monkeypatch.setattr(reads, "_MOST_ENTRIES", 10)
    config = push_blob(database, repository, b"{}")
    digest = push_document(database, repository, manifest_of(config, []), *(f"t{number}" for number in range(50)))

    for number in range(50):
        assert remembered.manifest(repository, f"t{number}").digest == digest
    assert len(remembered._known.manifests) <= 10


# ── bytes ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_least_recently_used_leave_first():
    contents = Contents(80)
    for number in range(8):
        contents.put(("x", number), b"0123456789")
    contents.get(("x", 0))

    contents.put(("x", 8), b"0123456789")

    assert contents.get(("x", 0)) is not None
    assert contents.get(("x", 1)) is None
    assert contents.get(("x", 8)) is not None


def test_what_is_too_large_is_not_kept():
    contents = Contents(80)
    contents.put(("x", 1), b"x" * 10)

    contents.put(("x", 2), b"x" * 11)

    assert contents.get(("x", 1)) is not None
    assert contents.get(("x", 2)) is None


def test_what_is_kept_never_needs_more_room_than_there_is():
    contents = Contents(800)
    for number in range(200):
        contents.put(("x", number % 50), b"x" * (number % 101))
        assert sum(map(len, contents._kept.values())) <= 800
