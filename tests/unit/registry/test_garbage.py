"""What is collected, what is not, and that a push which runs meanwhile loses nothing."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from entrepot import clock
from entrepot.database import Transaction, metadata
from entrepot.registry import blobs, manifests, remains, repositories, uploads
from entrepot.registry.garbage import Collected, collect
from entrepot.registry.repositories import Repository
from entrepot.registry.verification import verify
from entrepot.runtime import Runtime
from tests.support.registry import (
    create,
    image_of,
    index_of,
    publish,
    push_blob,
    push_image,
    put,
    remove,
    runtime_in,
    sha256,
)

DAY = 86400.0
HOUR = 3600.0


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with runtime_in(tmp_path) as runtime:
        yield runtime


@pytest.fixture
def repository(runtime: Runtime) -> Repository:
    return create(runtime)


@contextmanager
def later(seconds: float) -> Iterator[None]:
    clock.travel(seconds)
    try:
        yield
    finally:
        clock.travel(-seconds)


def rows(runtime: Runtime) -> dict[str, int]:
    """How many rows each table has, without the empty ones and the counter of changed rights."""
    with sqlite3.connect(runtime.settings.data / "entrepot.sqlite") as connection:
        counts = {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in metadata.tables}
    connection.close()
    return {table: count for table, count in counts.items() if count and table != "generation"}


def insert(runtime: Runtime, table: str, values: list[tuple[object, ...]]) -> None:
    with sqlite3.connect(runtime.settings.data / "entrepot.sqlite") as connection:
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values[0]))})", values)
    connection.close()


def has(runtime: Runtime, repository: Repository, digest: str) -> bool:
    with runtime.database.reading() as tx:
        return manifests.find(tx, repository, digest=digest) is not None


def is_sound(runtime: Runtime) -> bool:
    return verify(runtime, lambda done, total: None).damage == ()


def names(runtime: Runtime) -> list[str]:
    return [entry.name for entry in [*runtime.store.objects(), *runtime.store.uploads()]]


def begin(runtime: Runtime, repository: Repository) -> str:
    upload = runtime.database.write(lambda tx: uploads.begin(tx, repository, "AIDA", runtime.settings))
    with runtime.store.append(upload, 0) as appending:
        appending.write(b"some bytes")
    return upload


# What stays.


def test_images_stay_however_old_they_are(runtime: Runtime, repository: Repository) -> None:
    digest = push_image(runtime, repository, b"config", b"layer", tag="v1")
    put(runtime, repository, index_of(digest), "all")
    before = rows(runtime)

    with later(1000 * DAY):
        collected = collect(runtime, grace=0)

    assert collected == Collected()
    assert rows(runtime) == before
    assert is_sound(runtime)


def test_a_blob_without_a_manifest_stays_for_the_grace_and_then_goes(runtime: Runtime, repository: Repository) -> None:
    push_blob(runtime, repository, b"small", large=False)
    push_blob(runtime, repository, b"a large one")

    with later(0.9 * DAY):
        assert collect(runtime, grace=DAY) == Collected()
    with later(1.1 * DAY):
        assert collect(runtime, grace=DAY) == Collected(links=2, blobs=2, size=16)

    assert rows(runtime) == {"repositories": 1, "resource_tags": 1}
    assert names(runtime) == []


def test_a_blob_that_was_asked_for_stays_for_another_grace(runtime: Runtime, repository: Repository) -> None:
    """A client that was told that a layer is here does not push it, and its manifest comes later."""
    digest = push_blob(runtime, repository, b"a layer")

    with later(0.9 * DAY):
        with runtime.database.reading() as tx:
            blob = blobs.get(tx, repository, digest)
        runtime.database.write(lambda tx: blobs.touch(tx, repository.id, blob.id))
    with later(1.8 * DAY):
        assert collect(runtime, grace=DAY) == Collected()
        put(runtime, repository, image_of([b"a layer"]))

    assert is_sound(runtime)


def test_a_blob_stays_while_any_repository_needs_it(runtime: Runtime, repository: Repository) -> None:
    other = create(runtime, "other")
    digest = push_image(runtime, repository, b"config", b"layer")
    push_image(runtime, other, b"config", b"layer")
    remove(runtime, repository, digest)

    with later(2 * DAY):
        collected = collect(runtime, grace=DAY)

    assert collected == Collected(links=2)
    assert has(runtime, other, digest)
    assert is_sound(runtime)


def test_a_session_stays_while_there_is_news_of_it_or_somebody_writes(runtime: Runtime, repository: Repository) -> None:
    alive, written, idle = (begin(runtime, repository) for _ in range(3))
    with later(0.9 * DAY):
        with runtime.database.reading() as tx:
            session = uploads.get(tx, repository, alive, "AIDA")
        runtime.database.write(lambda tx: uploads.record(tx, session, by=None, size=10, sha256=None, content=None))

    with later(1.1 * DAY):
        runtime.database.write(lambda tx: uploads.claim(tx, repository, written, principal="AIDA", by="request"))
        collected = collect(runtime, grace=DAY)

    assert collected == Collected(sessions=1)
    assert set(names(runtime)) == {alive, written}
    assert idle not in names(runtime)


def test_files_without_a_row_stay_for_the_grace(runtime: Runtime, repository: Repository) -> None:
    """They may belong to a push that has published its bytes and not yet committed its row."""
    key = publish(runtime, b"a layer")
    upload = clock.new_uuid()
    with runtime.store.append(upload, 0) as appending:
        appending.write(b"the beginning of a layer")

    assert collect(runtime, grace=HOUR) == Collected()
    assert set(names(runtime)) == {key, upload}

    assert collect(runtime, grace=HOUR, now=clock.now() + 2 * HOUR) == Collected(objects=1, uploads=1)
    assert names(runtime) == []


# What goes.


def test_a_deleted_image_takes_with_it_what_nobody_else_needs(runtime: Runtime, repository: Repository) -> None:
    first = push_image(runtime, repository, b"config", b"shared layer", b"layer 1")
    second = push_image(runtime, repository, b"config", b"shared layer", b"layer 2")
    remove(runtime, repository, first)

    collected = collect(runtime, grace=0)

    assert collected == Collected(links=1, blobs=1, size=7)
    assert has(runtime, repository, second)
    assert is_sound(runtime)
    assert len(names(runtime)) == 2


def test_all_that_hung_on_a_deleted_repository_goes(runtime: Runtime, repository: Repository) -> None:
    kept = create(runtime, "kept")
    push_image(runtime, kept, b"config", b"layer", tag="v1")
    before, files = rows(runtime), set(names(runtime))
    image = push_image(runtime, repository, b"config", b"layer", b"another layer", tag="v1")
    put(runtime, repository, index_of(image), "all")
    push_image(runtime, repository, b"signature", subject=image)
    begin(runtime, repository)
    runtime.database.write(lambda tx: repositories.delete(tx, repository, force=True))

    collected = collect(runtime, grace=0)

    assert rows(runtime) == before | {"repositories": 1, "resource_tags": 1}
    assert set(names(runtime)) == files
    assert collected.sessions == 1
    assert is_sound(runtime)


def test_many_rows_go_in_small_transactions(
    runtime: Runtime, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pushes wait for a transaction: none may remove more than so many rows of a kind, however many there are."""
    image = push_image(runtime, repository, b"config", b"layer")
    with runtime.database.reading() as tx:
        manifest = manifests.find(tx, repository, digest=image)
    assert manifest is not None
    numbers = range(1000, 2200)
    insert(runtime, "tags", [(repository.id, f"v{i}", manifest.id) for i in numbers])
    insert(runtime, "links", [(repository.id, i, 0.0) for i in numbers])
    insert(runtime, "manifest_blobs", [(repository.id, i // 100, i) for i in numbers])
    insert(runtime, "departed", [(repository.id, f"sha256:{i}", 0.0) for i in numbers])
    runtime.database.write(lambda tx: repositories.delete(tx, repository, force=True))
    changes: list[int] = []
    real = Transaction.run

    def counted(self: Transaction, *args: Any, **params: Any) -> int:
        changes.append(real(self, *args, **params))
        return changes[-1]

    monkeypatch.setattr(Transaction, "run", counted)

    collect(runtime, grace=0)

    assert rows(runtime) == {}
    assert sum(changes) > 4 * 1200
    assert max(changes) == remains.BATCH == 500


def test_a_repository_made_anew_under_the_same_name_loses_nothing(runtime: Runtime, repository: Repository) -> None:
    push_image(runtime, repository, b"config", b"old layer", tag="v1")
    runtime.database.write(lambda tx: repositories.delete(tx, repository, force=True))
    again = create(runtime)
    digest = push_image(runtime, again, b"config", b"new layer", tag="v1")

    collect(runtime, grace=0)

    assert has(runtime, again, digest)
    assert is_sound(runtime)
    assert (rows(runtime)["manifests"], rows(runtime)["links"], rows(runtime)["blobs"]) == (1, 2, 2)


# Referrers.


def test_referrers_go_with_their_subject_and_so_do_theirs(runtime: Runtime, repository: Repository) -> None:
    image = push_image(runtime, repository, b"config", b"layer")
    signature = push_image(runtime, repository, b"signature", subject=image)
    timestamp = push_image(runtime, repository, b"timestamp", subject=signature)
    remove(runtime, repository, image)

    collected = collect(runtime, grace=DAY)

    assert collected == Collected(referrers=2)
    assert not has(runtime, repository, signature)
    assert not has(runtime, repository, timestamp)
    assert "departed" not in rows(runtime)


def test_referrers_stay_whose_subject_was_never_here_or_is_back(runtime: Runtime, repository: Repository) -> None:
    early = push_image(runtime, repository, b"early", subject=sha256(b"not here"))
    image = push_image(runtime, repository, b"config", b"layer")
    signature = push_image(runtime, repository, b"signature", subject=image)
    remove(runtime, repository, image)
    push_image(runtime, repository, b"config", b"layer")

    assert collect(runtime, grace=DAY) == Collected()

    assert "departed" not in rows(runtime)
    assert has(runtime, repository, early)
    assert has(runtime, repository, signature)


def test_a_subject_that_leaves_twice_takes_the_referrers_of_its_second_stay_along(
    runtime: Runtime, repository: Repository
) -> None:
    image = push_image(runtime, repository, b"config", b"layer")
    push_image(runtime, repository, b"signature", subject=image)
    remove(runtime, repository, image)
    with later(1):
        push_image(runtime, repository, b"config", b"layer")
        push_image(runtime, repository, b"second signature", subject=image)
        remove(runtime, repository, image)

    assert collect(runtime, grace=DAY) == Collected(referrers=2)


def test_a_referrer_that_came_after_its_subject_had_gone_stays(runtime: Runtime, repository: Repository) -> None:
    image = push_image(runtime, repository, b"config", b"layer")
    old = push_image(runtime, repository, b"old signature", subject=image)
    remove(runtime, repository, image)
    with later(1):
        new = push_image(runtime, repository, b"new signature", subject=image)

    assert collect(runtime, grace=DAY) == Collected(referrers=1)

    assert not has(runtime, repository, old)
    assert has(runtime, repository, new)


def test_a_referrer_that_an_index_lists_waits_for_the_index(runtime: Runtime, repository: Repository) -> None:
    image = push_image(runtime, repository, b"config", b"layer")
    signature = push_image(runtime, repository, b"signature", subject=image)
    index = put(runtime, repository, index_of(signature))
    remove(runtime, repository, image)

    assert collect(runtime, grace=DAY) == Collected()
    assert has(runtime, repository, signature)

    remove(runtime, repository, index)
    assert collect(runtime, grace=DAY) == Collected(referrers=1)
    assert not has(runtime, repository, signature)


def test_any_number_of_referrers_goes(runtime: Runtime, repository: Repository) -> None:
    image = push_image(runtime, repository, b"config", b"layer")
    push_blob(runtime, repository, b"signature")
    for i in range(55):
        put(runtime, repository, image_of([b"signature"], subject=image) | {"annotations": {"number": str(i)}})
    remove(runtime, repository, image)

    assert collect(runtime, grace=DAY) == Collected(referrers=55)
    assert is_sound(runtime)


# Pushes that run meanwhile.


class Interrupted:
    """The database and the store, with somebody else doing something before each of the collector's accesses."""

    def __init__(self, meanwhile: Callable[[int], None]) -> None:
        self._meanwhile = meanwhile
        self.accesses = 0

    def __call__(self, real: Any) -> Any:
        return _Through(real, self)

    def let_others(self) -> None:
        self._meanwhile(self.accesses)
        self.accesses += 1


class _Through:
    def __init__(self, real: Any, interrupted: Interrupted) -> None:
        self._real, self._interrupted = real, interrupted

    def __getattr__(self, name: str) -> Any:
        self._interrupted.let_others()
        return getattr(self._real, name)


_LAYERS = [b"config", b"layer", b"layer 2"]


def _push_in_steps(runtime: Runtime, repository: Repository) -> Iterator[None]:
    key = publish(runtime, b"layer")
    yield
    kept = runtime.database.write(lambda tx: blobs.add(tx, repository, sha256(b"layer"), size=5, key=key, content=None))
    yield
    if not kept:
        runtime.store.delete(key)
    push_blob(runtime, repository, b"config", large=False)
    yield
    with runtime.database.reading() as tx:  # the client asks whether the layer is here
        found = blobs.find(tx, repository, sha256(b"layer 2"))
    yield
    if found is None or not runtime.database.write(lambda tx: blobs.touch(tx, repository.id, found.id)):
        push_blob(runtime, repository, b"layer 2")
    yield
    put(runtime, repository, image_of(_LAYERS), "v1")


def _garbage_of_every_kind(runtime: Runtime, repository: Repository) -> None:
    """The bytes of the image, two days ago: in a deleted repository, forgotten in two, and published in vain."""
    clock.travel(-2 * DAY)
    deleted = create(runtime, "deleted")
    push_image(runtime, deleted, *_LAYERS)
    runtime.database.write(lambda tx: repositories.delete(tx, deleted, force=True))
    push_blob(runtime, create(runtime, "other"), b"layer")
    push_blob(runtime, repository, b"layer 2")
    path = runtime.store.path(publish(runtime, b"layer"))
    assert path is not None
    os.utime(path, (clock.now(), clock.now()))
    clock.travel(2 * DAY)


@pytest.mark.parametrize("gap", [1, pytest.param(3, marks=pytest.mark.long)])
def test_abuse_22_a_push_at_any_moment_of_a_collection_loses_nothing(tmp_path: Path, gap: int) -> None:
    """Each step of a push falls between two of the collector's, *gap* of these after the last, from any of them on."""
    digest = sha256(json.dumps(image_of(_LAYERS)).encode())
    first, accesses = 0, 1
    while first < accesses:
        folder = tmp_path / str(first)
        folder.mkdir()
        with runtime_in(folder) as runtime:
            repository = create(runtime)
            _garbage_of_every_kind(runtime, repository)
            push = _push_in_steps(runtime, repository)

            def meanwhile(access: int, push: Iterator[None] = push, first: int = first) -> None:
                if access >= first and (access - first) % gap == 0:
                    next(push, None)

            interrupted = Interrupted(meanwhile)
            collect(
                replace(runtime, database=interrupted(runtime.database), store=interrupted(runtime.store)), grace=DAY
            )
            for _ in push:
                pass

            assert has(runtime, repository, digest), f"from access {first} on"
            assert is_sound(runtime), f"from access {first} on"
            collect(runtime, grace=0)
            assert is_sound(runtime), f"from access {first} on"
            assert len(list(runtime.store.objects())) == 2
        first, accesses = first + 1, interrupted.accesses

    assert accesses > 20
