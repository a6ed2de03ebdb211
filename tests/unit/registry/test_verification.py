"""Every kind of damage is found and said, and nothing else is."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.registry.repositories import Repository
from entrepot.registry.verification import verify
from entrepot.runtime import Runtime
from tests.support.registry import create, image_of, index_of, push_blob, push_image, put, runtime_in, sha256

LAYER = b"layer" * 300_000


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with runtime_in(tmp_path) as runtime:
        yield runtime


@pytest.fixture
def repository(runtime: Runtime) -> Repository:
    return create(runtime)


@pytest.fixture
def digest(runtime: Runtime, repository: Repository) -> str:
    return push_image(runtime, repository, b"config", LAYER, tag="v1")


def damage(runtime: Runtime) -> list[str]:
    return list(verify(runtime, lambda done, total: None).damage)


def spoil(runtime: Runtime, statement: str, *params: object) -> None:
    with sqlite3.connect(runtime.settings.data / "entrepot.sqlite") as connection:
        assert connection.execute(statement, params).rowcount == 1
    connection.close()


def file_of(runtime: Runtime) -> Path:
    [entry] = runtime.store.objects()
    path = runtime.store.path(entry.name)
    assert path is not None
    return Path(path)


def test_all_is_well_where_nothing_was_spoiled(runtime: Runtime, repository: Repository, digest: str) -> None:
    put(runtime, repository, index_of(digest), "all")
    push_image(runtime, repository, b"signature", subject=digest)
    push_blob(runtime, repository, b"not named by any image yet")

    report = verify(runtime, lambda done, total: None)

    assert report.damage == ()
    assert (report.blobs, report.manifests) == (4, 3)
    assert report.size > 1_500_041


def test_progress_is_told_in_bytes_and_ends_at_the_total(runtime: Runtime, digest: str) -> None:
    told: list[tuple[int, int]] = []

    report = verify(runtime, lambda done, total: told.append((done, total)))

    assert told[-1] == (report.size, report.size)
    assert told == sorted(told)
    assert len(told) >= 4  # the layer alone has two pieces
    assert len({total for _, total in told}) == 1


def test_a_changed_file_is_found(runtime: Runtime, digest: str) -> None:
    with file_of(runtime).open("r+b") as file:
        file.seek(1_234_567)
        file.write(b"\0")

    spoiled = LAYER[:1_234_567] + b"\0" + LAYER[1_234_568:]
    assert damage(runtime) == [
        f"blob {sha256(LAYER)} of 123456789012/us-east-1/app: its bytes have the digest {sha256(spoiled)}"
    ]


@pytest.mark.parametrize(
    ("spoil_file", "sentence"),
    [
        (lambda path: path.write_bytes(LAYER[:-1]), "it has 1499999 bytes instead of 1500000"),
        (lambda path: path.write_bytes(b""), "it has 0 bytes instead of 1500000"),
        (lambda path: path.unlink(), "its bytes are missing"),
        (lambda path: (path.unlink(), path.mkdir()), "its bytes cannot be read: "),
    ],
)
def test_a_file_that_is_short_or_gone_is_found(runtime: Runtime, digest: str, spoil_file, sentence: str) -> None:
    spoil_file(file_of(runtime))

    [found] = damage(runtime)

    assert found.startswith(f"blob {sha256(LAYER)} of 123456789012/us-east-1/app: {sentence}")


def test_a_changed_row_is_found(runtime: Runtime, digest: str) -> None:
    spoil(runtime, "UPDATE blobs SET content = ? WHERE key IS NULL", b"CONFIG")

    assert damage(runtime) == [
        f"blob {sha256(b'config')} of 123456789012/us-east-1/app: its bytes have the digest {sha256(b'CONFIG')}"
    ]


def test_who_uses_a_damaged_blob_is_told(runtime: Runtime, digest: str) -> None:
    push_image(runtime, create(runtime, "other"), b"config", LAYER)
    file_of(runtime).unlink()

    assert damage(runtime) == [
        f"blob {sha256(LAYER)} of 123456789012/us-east-1/app, 123456789012/us-east-1/other: its bytes are missing"
    ]


def test_a_blob_that_nobody_can_reach_is_no_damage(runtime: Runtime, repository: Repository) -> None:
    push_blob(runtime, repository, b"a layer")
    file_of(runtime).unlink()
    spoil(runtime, "DELETE FROM links")

    assert damage(runtime) == []


def test_a_changed_manifest_is_found(runtime: Runtime, digest: str) -> None:
    spoil(runtime, "UPDATE manifests SET content = ?", b"x")

    assert damage(runtime) == [
        f"manifest {digest} of 123456789012/us-east-1/app: its text has the digest {sha256(b'x')}"
    ]


def test_a_manifest_under_a_wrong_subject_is_found(runtime: Runtime, digest: str) -> None:
    spoil(runtime, "UPDATE manifests SET subject = ?", digest)

    assert damage(runtime) == [
        f"manifest {digest} of 123456789012/us-east-1/app: it is filed under the subject {digest} instead of None"
    ]


def test_a_missing_link_is_found(runtime: Runtime, digest: str) -> None:
    spoil(runtime, "DELETE FROM links WHERE blob_id = (SELECT id FROM blobs WHERE key IS NULL)")

    assert damage(runtime) == [
        f"manifest {digest} of 123456789012/us-east-1/app: the repository lacks its blob {sha256(b'config')}"
    ]


def test_a_missing_blob_is_found(runtime: Runtime, digest: str) -> None:
    spoil(runtime, "DELETE FROM blobs WHERE key IS NULL")

    assert damage(runtime) == [
        f"manifest {digest} of 123456789012/us-east-1/app: the repository lacks its blob {sha256(b'config')}",
        "123456789012/us-east-1/app is linked to a blob that there is not, number 1",
    ]


def test_a_need_that_is_not_on_record_is_found(runtime: Runtime, digest: str) -> None:
    """Garbage collection goes by the record: without it, the layer would be lost within a day."""
    spoil(runtime, "DELETE FROM manifest_blobs WHERE blob_id = (SELECT id FROM blobs WHERE key IS NOT NULL)")

    assert damage(runtime) == [
        f"manifest {digest} of 123456789012/us-east-1/app: its need of the blob {sha256(LAYER)} is not on record"
    ]


def test_children_are_found_missing_and_unrecorded(runtime: Runtime, repository: Repository, digest: str) -> None:
    other = push_image(runtime, repository, b"config", b"another layer")
    index = put(runtime, repository, index_of(digest, other), "all")
    spoil(runtime, "DELETE FROM children WHERE child_id = (SELECT id FROM manifests WHERE digest = ?)", other)
    spoil(runtime, "DELETE FROM tags WHERE name = 'v1'")
    spoil(runtime, "DELETE FROM manifests WHERE digest = ?", digest)

    found = damage(runtime)

    where = f"manifest {index} of 123456789012/us-east-1/app"
    assert found[:2] == [
        f"{where}: the repository lacks the manifest {digest} that it lists",
        f"{where}: its need of the manifest {other} is not on record",
    ]
    assert found[2:] == [
        "a manifest that 123456789012/us-east-1/app has no more still needs a blob, number 1",
        "a manifest that 123456789012/us-east-1/app has no more still needs a blob, number 2",
    ]


def test_a_child_that_its_index_has_left_behind_is_found(runtime: Runtime, repository: Repository, digest: str) -> None:
    put(runtime, repository, index_of(digest))
    spoil(runtime, "DELETE FROM manifests WHERE digest <> ?", digest)

    assert damage(runtime) == [
        f"manifest {digest} of 123456789012/us-east-1/app is held by an index that there is no more"
    ]


def test_a_tag_that_names_nothing_here_is_found(runtime: Runtime, repository: Repository, digest: str) -> None:
    other = create(runtime, "other")
    push_image(runtime, other, b"config", tag="v2")
    spoil(runtime, "UPDATE tags SET repository_id = ? WHERE name = 'v2'", repository.id)

    assert damage(runtime) == ["tag v2 of 123456789012/us-east-1/app names no manifest of it"]


def test_layers_that_lie_elsewhere_need_not_be_here(runtime: Runtime, repository: Repository) -> None:
    push_blob(runtime, repository, b"config")
    tree = image_of([b"config", b"elsewhere"])
    tree["layers"][1]["urls"] = ["https://example.com/layer"]
    put(runtime, repository, tree)

    assert damage(runtime) == []


def test_what_is_deleted_while_it_is_read_is_no_damage(runtime: Runtime, repository: Repository) -> None:
    push_blob(runtime, repository, b"first")
    push_blob(runtime, repository, b"second")
    gone: list[int] = []

    def delete_meanwhile(done: int, total: int) -> None:
        if not gone:
            gone.append(done)
            for entry in list(runtime.store.objects()):
                runtime.store.delete(entry.name)
            with sqlite3.connect(runtime.settings.data / "entrepot.sqlite") as connection:
                connection.execute("DELETE FROM links")
                connection.execute("DELETE FROM blobs")
            connection.close()

    report = verify(runtime, delete_meanwhile)

    assert gone == [5]
    assert report.damage == ()
