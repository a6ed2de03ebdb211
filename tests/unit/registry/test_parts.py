"""Layers in parts. Source: Amazon ECR API reference, UploadLayerPart, CompleteLayerUpload."""

import dataclasses
import os

import pytest

from entrepot import clock
from entrepot.errors import LimitExceeded
from entrepot.registry import blobs, layers, parts, repositories, uploads
from entrepot.registry.faults import (
    EmptyUpload,
    InvalidLayer,
    InvalidLayerPart,
    LayerAlreadyExists,
    LayerPartLength,
    LayerPartTooSmall,
    RepositoryNotFound,
    UploadBusy,
    UploadNotFound,
)
from entrepot.registry.parts import Part, Target
from entrepot.runtime import Runtime
from entrepot.settings import Settings
from entrepot.storage.drivers import open_store
from tests.support.pushing import REGISTRY, digest_of, make_repository
from tests.support.rootkey import root_key

ME = "AIDA234567"
FIVE_MIB = 5 << 20


@pytest.fixture
def runtime(database, repository, tmp_path):
    settings = Settings(data=tmp_path, least_free=0)
    return Runtime(settings, database, open_store(f"file://{tmp_path}/blobs"), root_key())


@pytest.fixture
def target(runtime, repository):
    upload = runtime.database.write(lambda tx: uploads.begin(tx, repository, ME, runtime.settings))
    return Target(REGISTRY, repository.name, upload, ME)


def _send(runtime, target, *pieces, first=0):
    for piece in pieces:
        parts.append(runtime, target, Part(first, first + len(piece) - 1, piece))
        first += len(piece)


def _stored(runtime, repository, digest):
    """The bytes that the repository has under a digest, wherever they lie."""
    with runtime.database.reading() as tx:
        blob = blobs.get(tx, repository, digest)
        if blob.key is None:
            kept = tx.one(blobs.CONTENT, blob=blob.id)["content"]
            return runtime.at_rest.from_row(kept, digest, sealed=blob.sealed)
    return b"".join(runtime.at_rest.read(blob.key, sealed=blob.sealed))


@pytest.mark.parametrize(
    "sizes",
    [(1,), (16384,), (16385,), (FIVE_MIB, 1), (FIVE_MIB, FIVE_MIB + 3, 20 << 20)],
    ids=str,
)
def test_a_layer_is_what_its_parts_were(runtime, repository, target, sizes):
    pieces = [os.urandom(size) for size in sizes]
    content = b"".join(pieces)

    _send(runtime, target, *pieces)
    digest = parts.complete(runtime, target, ["sha256:" + "0" * 64, digest_of(content)])

    assert digest == digest_of(content)
    assert _stored(runtime, repository, digest) == content
    assert list(runtime.store.uploads()) == []


def test_a_layer_is_whole_though_another_process_took_in_some_of_its_parts(runtime, repository, target, monkeypatch):
    pieces = [os.urandom(FIVE_MIB), os.urandom(FIVE_MIB), os.urandom(7)]
    _send(runtime, target, pieces[0])
    monkeypatch.setattr(uploads, "running", uploads.RunningDigests())
    _send(runtime, target, *pieces[1:], first=FIVE_MIB)

    digest = parts.complete(runtime, target, [digest_of(b"".join(pieces))])

    assert _stored(runtime, repository, digest) == b"".join(pieces)


@pytest.mark.parametrize("first", [0, 9, 11])
def test_a_part_that_leaves_a_hole_or_overlaps_is_refused(runtime, target, first):
    _send(runtime, target, b"0123456789")

    with pytest.raises(InvalidLayerPart) as refused:
        _send(runtime, target, b"abc", first=first)

    assert str(refused.value) == f"First byte of the layer part is {first} instead of 10"
    assert refused.value.members["last_valid_byte_received"] == 9
    assert refused.value.members["upload_id"] == target.upload
    _send(runtime, target, b"abc", first=10)


@pytest.mark.parametrize("last", [0, 1, 3])
def test_a_part_has_to_be_as_long_as_it_says(runtime, target, last):
    with pytest.raises(LayerPartLength):
        parts.append(runtime, target, Part(0, last, b"abc"))


def test_a_small_part_in_the_middle_is_refused_at_completion_and_not_before(runtime, target):
    """The model: "layer part size ... is checked at CompleteLayerUpload"."""
    pieces = [b"a" * FIVE_MIB, b"b" * (FIVE_MIB - 1), b"c" * FIVE_MIB, b"d"]
    _send(runtime, target, *pieces)

    with pytest.raises(LayerPartTooSmall) as refused:
        parts.complete(runtime, target, [digest_of(b"".join(pieces))])

    assert str(refused.value) == "All layer parts except the last part should be at least 5MB"


def test_an_upload_without_parts_is_no_layer(runtime, target):
    with pytest.raises(EmptyUpload) as refused:
        parts.complete(runtime, target, [digest_of(b"")])

    assert str(refused.value) == (
        f"The upload with id '{target.upload}' in the repository with name 'app' in registry with id '123456789012' "
        "cannot be completed because it does not have any parts"
    )


def test_a_layer_of_another_digest_is_refused_and_the_upload_stays(runtime, target):
    _send(runtime, target, b"one")

    with pytest.raises(InvalidLayer) as refused:
        parts.complete(runtime, target, [digest_of(b"two")])

    assert str(refused.value) == "None of the provided layer digests match the calculated layer digest"
    assert parts.complete(runtime, target, [digest_of(b"one")]) == digest_of(b"one")


@pytest.mark.parametrize("size", [10, 20_000])
def test_a_layer_that_is_there_already_is_said_to_be(runtime, repository, target, size):
    content = b"x" * size
    _send(runtime, target, content)
    parts.complete(runtime, target, [digest_of(content)])
    again = target._replace(
        upload=runtime.database.write(lambda tx: uploads.begin(tx, repository, ME, runtime.settings))
    )
    _send(runtime, again, content)

    with pytest.raises(LayerAlreadyExists) as refused:
        parts.complete(runtime, again, [digest_of(content)])

    assert str(refused.value) == (
        f"The layer with digest '{digest_of(content)}' already exists in the repository with name 'app' "
        "in registry with id '123456789012'"
    )
    assert _stored(runtime, repository, digest_of(content)) == content
    assert len(list(runtime.store.objects())) == (size > 16384)
    with pytest.raises(UploadNotFound):
        parts.complete(runtime, again, [digest_of(content)])


def test_a_layer_that_another_repository_has_is_no_news_to_anybody_else(runtime, target, database):
    """Abuse case 3: answers depend on the named repository alone."""
    content = b"x" * 20_000
    _send(runtime, target, content)
    parts.complete(runtime, target, [digest_of(content)])
    other = make_repository(database, "other")
    upload = runtime.database.write(lambda tx: uploads.begin(tx, other, ME, runtime.settings))
    there = Target(REGISTRY, "other", upload, ME)
    _send(runtime, there, content)

    assert parts.complete(runtime, there, [digest_of(content)]) == digest_of(content)
    assert len(list(runtime.store.objects())) == 1


@pytest.mark.parametrize("what", [{"principal": "AIDA765432"}, {"upload": clock.new_uuid()}, {"upload": "../../x"}])
def test_abuse_08_an_upload_is_there_only_for_who_began_it(runtime, target, what):
    _send(runtime, target, b"abc")
    foreign = target._replace(**what)

    for attempt in (
        lambda: _send(runtime, foreign, b"def", first=3),
        lambda: parts.complete(runtime, foreign, [digest_of(b"abc")]),
    ):
        with pytest.raises(UploadNotFound) as refused:
            attempt()
        assert str(refused.value) == (
            f"The upload with id '{foreign.upload}' does not exist in the repository with name 'app' "
            "in registry with id '123456789012'"
        )


def test_an_upload_belongs_to_one_repository(runtime, target, database):
    make_repository(database, "other")
    with pytest.raises(UploadNotFound):
        _send(runtime, target._replace(name="other"), b"abc")


def test_abuse_21_an_upload_dies_with_its_repository(runtime, repository, target, database):
    _send(runtime, target, b"a" * FIVE_MIB)
    database.write(lambda tx: repositories.delete(tx, repository, force=True))

    with pytest.raises(RepositoryNotFound):
        _send(runtime, target, b"b", first=FIVE_MIB)
    make_repository(database)
    with pytest.raises(UploadNotFound):
        _send(runtime, target, b"b", first=FIVE_MIB)
    with pytest.raises(UploadNotFound):
        parts.complete(runtime, target, [digest_of(b"a" * FIVE_MIB)])


def test_while_one_writes_another_waits_outside(runtime, repository, target):
    runtime.database.write(lambda tx: uploads.claim(tx, repository, target.upload, principal=ME, by=clock.new_uuid()))

    with pytest.raises(UploadBusy):
        _send(runtime, target, b"abc")


def test_an_upload_whose_publishing_a_crash_cut_short_is_not_found_and_can_be_begun_anew(runtime, target):
    content = os.urandom(20_000)
    _send(runtime, target, content)
    runtime.store.finish(target.upload, REGISTRY.account, digest_of(content))

    with pytest.raises(UploadNotFound):
        parts.complete(runtime, target, [digest_of(content)])
    with pytest.raises(UploadNotFound):
        _send(runtime, target, b"more", first=len(content))


@pytest.mark.parametrize("at_rest", ["service", "disk"])
def test_bytes_of_a_part_that_a_crash_kept_from_being_recorded_are_no_part_of_the_layer(
    runtime, repository, target, at_rest
):
    runtime = dataclasses.replace(runtime, settings=dataclasses.replace(runtime.settings, default_at_rest=at_rest))
    target = target._replace(
        upload=runtime.database.write(lambda tx: uploads.begin(tx, repository, target.principal, runtime.settings))
    )
    content = os.urandom(20_000)
    _send(runtime, target, content)
    with runtime.database.reading() as tx:
        session = uploads.get(tx, repository, target.upload, target.principal)
    with runtime.at_rest.append(target.upload, len(content), session.sealed_size) as appending:
        appending.write(b"durable, and in no row")
        appending.commit()

    digest = parts.complete(runtime, target, [digest_of(content)])

    assert _stored(runtime, repository, digest) == content


@pytest.mark.parametrize("limit", [{"parts_per_upload": 1}, {"layer_size": 5}])
def test_a_layer_has_at_most_so_many_parts_and_bytes(runtime, target, limit):
    limited = dataclasses.replace(runtime, settings=dataclasses.replace(runtime.settings, **limit))
    _send(limited, target, b"abc")

    with pytest.raises(LimitExceeded):
        _send(limited, target, b"def", first=3)


@pytest.mark.parametrize(("grace", "passed"), [(86400, 3601), (600, 301)])
def test_a_layer_that_was_asked_for_is_kept_for_who_will_not_push_it(
    runtime, repository, target, monkeypatch, *, grace, passed
):
    _send(runtime, target, b"abc")
    digest = parts.complete(runtime, target, [digest_of(b"abc")])
    later = clock.now() + passed
    monkeypatch.setattr(clock, "now", lambda: later)

    layers.available(runtime.database, repository, [digest, digest_of(b"never pushed")], grace=grace)

    with runtime.database.reading() as tx:
        assert blobs.get(tx, repository, digest).touched_at == later


def test_a_layer_that_was_just_asked_for_is_not_written_again(runtime, repository, target, monkeypatch):
    _send(runtime, target, b"abc")
    digest = parts.complete(runtime, target, [digest_of(b"abc")])
    monkeypatch.setattr(runtime.database, "write", None)

    assert list(layers.available(runtime.database, repository, [digest], grace=86400)) == [digest]
