"""Manifests: put, find, delete; what a manifest needs, and what needs it."""

import json

import pytest

from entrepot.errors import LimitExceeded
from entrepot.registry import blobs, documents, manifests, tags
from entrepot.registry.documents import OCI_INDEX, OCI_MANIFEST
from entrepot.registry.faults import (
    ImageReferenced,
    ImageTagAlreadyExists,
    LayersMissing,
    ReferencedImagesNotFound,
)
from entrepot.registry.mutability import Mutability
from entrepot.settings import Settings
from tests.support.pushing import (
    AT_REST,
    digest_of,
    index_of,
    make_repository,
    manifest_of,
    push_blob,
    push_document,
    push_image,
)


@pytest.fixture(autouse=True)
def _forget_room(monkeypatch):
    """How much room is left is remembered by a repository's id, which is the same in every test's database."""
    monkeypatch.setattr(manifests, "_room", {})


@pytest.fixture
def put(database, repository):
    def do(text, *names, settings=None, into=repository):
        document = documents.parse(text, None)
        return database.write(
            lambda tx: manifests.put(tx, into, document, names=names, settings=settings or Settings(), at_rest=AT_REST)
        )

    return do


@pytest.fixture
def find(database, repository):
    def do(*, within=repository, **which):
        with database.reading() as tx:
            return manifests.find(tx, within, **which)

    return do


@pytest.fixture
def text(database, repository):
    """A manifest whose blobs are here."""
    return manifest_of(push_blob(database, repository, b"{}"), [push_blob(database, repository, b"layer")])


def _remove(database, repository, digest):
    def work(tx):
        manifest = manifests.find(tx, repository, digest=digest)
        assert manifest is not None
        manifests.remove(tx, repository, manifest)

    database.write(work)


# ── put ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_push_says_what_was_new(put, text):
    assert put(text, "a", "b") == manifests.Put(digest_of(text), new=True, placed=("a", "b"))
    assert put(text, "b", "c") == manifests.Put(digest_of(text), new=False, placed=("c",))
    assert put(text) == manifests.Put(digest_of(text), new=False, placed=())


def test_a_tag_named_twice_is_placed_once(put, text):
    assert put(text, "a", "a").placed == ("a",)


def test_what_is_stored_is_the_text_as_it_came(put, find, text, database):
    odd = b"\n " + text + b"\t"
    put(odd)
    found = find(digest=digest_of(odd))

    with database.reading() as tx:
        assert manifests.content(tx, found) == odd


def test_a_manifest_knows_its_size_type_and_subject(put, find, database, repository):
    config, layers = (
        push_blob(database, repository, b"{}"),
        [push_blob(database, repository, b"x" * n) for n in (10, 20)],
    )
    subject = {"mediaType": OCI_MANIFEST, "digest": digest_of(b"subject"), "size": 1}
    text = manifest_of(config, [*layers, layers[0]], subject=subject, artifactType="application/sbom")

    put(text)

    found = find(digest=digest_of(text))
    assert (found.media_type, found.artifact_type, found.subject) == (
        OCI_MANIFEST,
        "application/sbom",
        subject["digest"],
    )
    assert found.image_size == 2 + 10 + 20 + 10
    assert (found.pulls, found.pulled_at, found.status) == (0, None, "ACTIVE")


def test_an_index_is_as_large_as_its_largest_child(put, find, database, repository):
    """Source: ECR model, ImageDetail."""
    small = push_image(database, repository, "s")
    large = push_image(database, repository, "a name that is longer")
    index = index_of(small, large)

    put(index)

    assert find(digest=digest_of(index)).image_size == find(digest=large).image_size
    assert find(digest=digest_of(index)).media_type == OCI_INDEX


def test_an_empty_index_has_no_size(put, find):
    put(index_of())

    assert find(digest=digest_of(index_of())).image_size == 0


def test_blobs_that_are_missing_are_named_in_order_and_once(put, database, repository):
    layer = {"mediaType": "a/b", "size": 1}
    missing = [{**layer, "digest": digest_of(name)} for name in (b"z", b"a", b"z")]

    with pytest.raises(LayersMissing) as refusal:
        put(manifest_of(push_blob(database, repository, b"{}"), missing), "v1")

    assert f"'[{digest_of(b'z')}, {digest_of(b'a')}]'" in str(refusal.value)


def test_a_foreign_layer_need_not_be_here(put, find, database, repository):
    foreign = {"mediaType": "a/b", "size": 5, "digest": digest_of(b"far"), "urls": ["https://example.org"]}
    text = manifest_of(push_blob(database, repository, b"{}"), [foreign])

    put(text)

    assert find(digest=digest_of(text)).image_size == 2


def test_children_that_are_missing_are_named(put):
    with pytest.raises(ReferencedImagesNotFound) as refusal:
        put(index_of(digest_of(b"a"), digest_of(b"b")))

    assert f"'[{digest_of(b'a')}, {digest_of(b'b')}]'" in str(refusal.value)


def test_what_another_repository_has_is_missing_here(put, database, text):
    other = make_repository(database, "other")

    with pytest.raises(LayersMissing):
        put(text, into=other)


def test_a_push_whose_tag_is_refused_leaves_no_manifest(database, text):
    repository = make_repository(database, "fixed", mutability=Mutability("IMMUTABLE"))
    push_image(database, repository, "first", "v1")
    layer = push_blob(database, repository, b"another")

    with pytest.raises(ImageTagAlreadyExists):
        push_document(database, repository, manifest_of(layer, [layer]), "free", "v1")

    with database.reading() as tx:
        assert manifests.find(tx, repository, digest=digest_of(manifest_of(layer, [layer]))) is None
        assert tags.manifest_of(tx, repository.id, "free") is None


def test_a_repository_has_so_many_images_and_room_again_after_a_deletion(put, database, repository):
    settings = Settings(images_per_repository=3)
    config = push_blob(database, repository, b"{}")
    texts = [manifest_of(config, [], number=number) for number in range(5)]
    for text in texts[:3]:
        put(text, settings=settings)

    with pytest.raises(LimitExceeded):
        put(texts[3], settings=settings)
    put(texts[0], "again", settings=settings)
    _remove(database, repository, digest_of(texts[1]))
    put(texts[3], settings=settings)
    with pytest.raises(LimitExceeded):
        put(texts[4], settings=settings)


@pytest.mark.parametrize("most", [1, 63, 64, 65, 130, 200])
def test_however_large_the_quota_it_is_never_exceeded(database, repository, put, most):
    """It is counted now and then, the more often the nearer it is."""
    settings, config = Settings(images_per_repository=most), push_blob(database, repository, b"{}")
    for number in range(most):
        put(manifest_of(config, [], number=number), settings=settings)

    with pytest.raises(LimitExceeded):
        put(manifest_of(config, [], number=most), settings=settings)


def test_a_new_image_has_so_many_tags(put, text):
    with pytest.raises(LimitExceeded):
        put(text, "a", "b", "c", settings=Settings(tags_per_image=2))
    put(text, "a", "b", settings=Settings(tags_per_image=2))


# ── find ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_digest_a_tag_or_both_find_a_manifest(put, find, text):
    put(text, "v1")
    digest = digest_of(text)

    assert find(digest=digest) == find(tag="v1") == find(digest=digest, tag="v1")
    assert find(digest=digest_of(b"x")) is None
    assert find(tag="v2") is None


def test_a_digest_and_a_tag_that_disagree_find_nothing(put, find, text, database, repository):
    put(text, "v1")
    other = push_image(database, repository, "other", "v2")

    assert find(digest=other, tag="v1") is None


# ── remove ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_removed_manifest_takes_its_tags_along_and_frees_its_blobs(put, find, text, database, repository):
    put(text, "a", "b")

    _remove(database, repository, digest_of(text))

    assert find(digest=digest_of(text)) is find(tag="a") is find(tag="b") is None
    with database.reading() as tx:
        for content in (b"{}", b"layer"):
            assert not blobs.is_referenced(tx, repository, blobs.get(tx, repository, digest_of(content)))


def test_a_blob_stays_needed_while_another_manifest_names_it(put, text, database, repository):
    put(text)
    put(text + b" ")

    _remove(database, repository, digest_of(text))

    with database.reading() as tx:
        assert blobs.is_referenced(tx, repository, blobs.get(tx, repository, digest_of(b"layer")))


def test_a_child_stays_while_any_index_lists_it(put, find, text, database, repository):
    put(text)
    one, two = index_of(digest_of(text)), index_of(digest_of(text), digest_of(text)) + b" "
    for index in (one, two):
        put(index)

    with pytest.raises(ImageReferenced) as refusal:
        _remove(database, repository, digest_of(text))
    assert ", ".join(sorted([digest_of(one), digest_of(two)])) in str(refusal.value)
    _remove(database, repository, digest_of(one))
    with pytest.raises(ImageReferenced):
        _remove(database, repository, digest_of(text))
    _remove(database, repository, digest_of(two))
    _remove(database, repository, digest_of(text))
    assert find(digest=digest_of(text)) is None


def test_a_removed_manifest_can_come_back(put, find, text, database, repository):
    put(text, "v1")
    first = find(tag="v1").id
    _remove(database, repository, digest_of(text))

    assert put(text, "v1").new
    assert find(tag="v1").id > first


def test_annotations_are_kept_only_where_a_list_of_referrers_will_want_them(put, find, database, repository):
    """They may be 4 MiB, and stand in the text anyway."""
    config = push_blob(database, repository, b"{}")
    subject = {"mediaType": OCI_MANIFEST, "digest": digest_of(b"subject"), "size": 1}
    plain = manifest_of(config, [], annotations={"a": "b"})
    referring = manifest_of(config, [], annotations={"a": "b"}, subject=subject)
    for text in (plain, referring):
        put(text)

    with database.reading() as tx:
        rows = tx._connection.execute("SELECT digest, annotations FROM manifests").fetchall()
    assert dict(map(tuple, rows)) == {digest_of(plain): None, digest_of(referring): json.dumps({"a": "b"})}
