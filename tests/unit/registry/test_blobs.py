"""Blobs: bytes by digest, and the links that let a repository serve them."""

import pytest

from entrepot.names import Registry
from entrepot.registry import blobs
from entrepot.registry.faults import BlobReferenced, LayerNotFound
from tests.support.pushing import digest_of, make_repository, manifest_of, push_blob, push_document

CONTENT = b"some bytes"
DIGEST = digest_of(CONTENT)


@pytest.fixture
def other(database):
    return make_repository(database, "other")


@pytest.fixture
def foreign(database):
    return make_repository(database, "app", registry=Registry("999999999999", "us-east-1"))


def _find(database, repository, digest=DIGEST):
    with database.reading() as tx:
        return blobs.find(tx, repository, digest)


def test_a_blob_is_found_where_it_was_added_and_nowhere_else(database, repository, other, foreign):
    push_blob(database, repository, CONTENT)

    found = _find(database, repository)
    assert (found.digest, found.size, found.key) == (DIGEST, len(CONTENT), None)
    assert _find(database, other) is None
    assert _find(database, foreign) is None


def test_bytes_are_kept_once_in_an_account(database, repository, other, foreign):
    """The second object is superfluous, and who brought it is told so."""

    def add(target, key):
        return database.write(lambda tx: blobs.add(tx, target, DIGEST, size=10, key=key, content=None))

    assert add(repository, "first") is True
    assert add(other, "second") is False
    assert add(repository, "third") is False
    assert add(foreign, "fourth") is True
    assert [_find(database, target).key for target in (repository, other, foreign)] == ["first", "first", "fourth"]


def test_get_raises_where_find_finds_nothing(database, repository):
    with pytest.raises(LayerNotFound), database.reading() as tx:
        blobs.get(tx, repository, DIGEST)


def test_several_are_found_at_once(database, repository, other):
    digests = [push_blob(database, repository, b"%d" % number)["digest"] for number in range(5)]
    elsewhere = push_blob(database, other, b"elsewhere")["digest"]

    with database.reading() as tx:
        found = blobs.find_all(tx, repository, [*digests, digests[0], elsewhere, DIGEST])
        assert set(found) == set(digests)
        assert all(found[digest] == blobs.find(tx, repository, digest) for digest in digests)
        assert blobs.find_all(tx, repository, []) == {}


def test_a_mount_links_what_the_source_has(database, repository, other):
    push_blob(database, repository, CONTENT)

    assert database.write(lambda tx: blobs.mount(tx, other, repository, DIGEST)) is True
    assert _find(database, other).id == _find(database, repository).id


def test_a_mount_of_what_the_source_lacks_is_none(database, repository, other):
    push_blob(database, repository, CONTENT)

    assert database.write(lambda tx: blobs.mount(tx, repository, other, DIGEST)) is False
    assert database.write(lambda tx: blobs.mount(tx, other, repository, digest_of(b"x"))) is False
    assert _find(database, other) is None


def test_a_mount_does_not_leave_the_account(database, repository, foreign):
    push_blob(database, repository, CONTENT)

    assert database.write(lambda tx: blobs.mount(tx, foreign, repository, DIGEST)) is False
    assert _find(database, foreign) is None


def test_an_unlinked_blob_is_gone_from_one_repository(database, repository, other):
    for target in (repository, other):
        push_blob(database, target, CONTENT)

    database.write(lambda tx: blobs.unlink(tx, repository, DIGEST))

    assert _find(database, repository) is None
    assert _find(database, other) is not None
    with pytest.raises(LayerNotFound):
        database.write(lambda tx: blobs.unlink(tx, repository, DIGEST))


def test_a_blob_that_a_manifest_names_is_not_unlinked(database, repository, other):
    """Only manifests of the same repository count."""
    config = push_blob(database, repository, b"{}")
    layer = push_blob(database, repository, CONTENT)
    push_blob(database, other, CONTENT)
    push_document(database, repository, manifest_of(config, [layer]))

    with pytest.raises(BlobReferenced):
        database.write(lambda tx: blobs.unlink(tx, repository, DIGEST))
    database.write(lambda tx: blobs.unlink(tx, other, DIGEST))

    assert _find(database, repository) is not None
    assert _find(database, other) is None


def test_a_touch_makes_a_link_young(database, repository, monkeypatch):
    push_blob(database, repository, CONTENT)
    before = _find(database, repository)
    monkeypatch.setattr("entrepot.clock._offset", 1000.0)

    assert database.write(lambda tx: blobs.touch(tx, repository.id, before.id)) is True
    assert _find(database, repository).touched_at >= before.touched_at + 1000
    assert database.write(lambda tx: blobs.touch(tx, repository.id, before.id + 1)) is False


def test_pushing_again_makes_a_link_young(database, repository, monkeypatch):
    push_blob(database, repository, CONTENT)
    before = _find(database, repository)
    monkeypatch.setattr("entrepot.clock._offset", 1000.0)

    push_blob(database, repository, CONTENT)

    assert _find(database, repository).touched_at >= before.touched_at + 1000
