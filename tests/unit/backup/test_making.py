"""Backups of a registry that changes, or is damaged, while they are taken."""

from pathlib import Path

import pytest

from entrepot.backup import folder as folders
from entrepot.backup.folder import BackupRefused
from entrepot.registry import garbage, stored
from tests.support import registry


class Interrupted:
    """A store, and something that happens whenever one of its objects is about to be read."""

    def __init__(self, store, happens):
        self._store, self._happens = store, happens

    def read(self, key, start=0, stop=None):
        self._happens(key)
        yield from self._store.read(key, start, stop)


def push(world, *names):
    """An image each, with a layer of its own in the store; their digests."""
    repository = registry.create(world.runtime)
    return repository, [
        registry.push_image(world.runtime, repository, b"config", name.encode() * 9000, tag=name) for name in names
    ]


def objects(world):
    return sorted(path.name for path in (world.backups / "objects").rglob("*") if path.is_file())


def test_an_object_is_copied_once_however_many_backups_are_taken(world):
    repository, _ = push(world, "one", "two")

    first = world.backup()
    registry.push_image(world.runtime, repository, b"config", b"three" * 9000, tag="three")
    second = world.backup()
    third = world.backup()

    assert [(made.copied, made.backup.objects) for made in (first, second, third)] == [(2, 2), (1, 3), (0, 3)]
    assert first.copied_size == 54_000
    assert folders.names(world.backups) == [first.name, second.name, third.name]


def test_what_collection_removes_meanwhile_makes_the_backup_look_again(world):
    """The first rows name an object that is gone; those that are kept do not, and nothing is missing."""
    repository, (doomed, _) = push(world, "doomed", "kept")
    seen = []

    def delete(key):
        seen.append(key)
        if len(seen) == 1:
            registry.remove(world.runtime, repository, doomed)
            assert garbage.collect(world.runtime, grace=0).blobs == 1

    made = world.backup(Interrupted(world.runtime.store, delete))

    assert (made.backup.objects, made.backup.damage) == (1, ())
    assert world.restore(made.name).damage == ()
    assert len(list(world.restored_store.objects())) == 1


def test_a_backup_that_never_catches_up_is_refused(world):
    repository, images = push(world, "first")

    def replace(key):
        tag = f"n{len(images)}"
        images.append(registry.push_image(world.runtime, repository, b"config", tag.encode() * 9000, tag=tag))
        registry.remove(world.runtime, repository, images[-2])
        garbage.collect(world.runtime, grace=0)

    with pytest.raises(BackupRefused, match="removed faster than they could be copied, 8 times"):
        world.backup(Interrupted(world.runtime.store, replace))
    assert folders.names(world.backups) == []


def test_missing_and_changed_objects_are_told_and_all_else_is_saved(world):
    push(world, "lost", "changed", "sound")
    with world.runtime.database.reading() as tx:
        lost, changed, _ = (blob.key for blob in stored.page(tx, after=0))
    world.runtime.store.delete(lost)
    Path(world.runtime.store.path(changed)).write_bytes(b"x" * 63_000)

    made = world.backup()

    missing, other = made.backup.damage
    assert missing == f"blob {registry.sha256(b'lost' * 9000)} of 123456789012: its bytes are missing"
    assert other.startswith(f"blob {registry.sha256(b'changed' * 9000)} of 123456789012: its bytes have the digest")
    assert made.backup.objects == 2
    assert world.restore(made.name).damage == (f"{missing.replace('are', 'were')} when the backup was taken",)


def test_a_backup_that_was_cut_off_is_none_and_what_it_has_copied_is_kept(world):
    push(world, "one", "two", "three")
    seen = []

    def break_off(key):
        seen.append(key)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.backup(Interrupted(world.runtime.store, break_off))
    assert folders.names(world.backups) == []

    made = world.backup()

    assert (made.copied, made.backup.objects) == (1, 3)


def test_forgetting_old_backups_removes_what_only_they_need(world):
    repository, (doomed, _) = push(world, "doomed", "kept")
    first = world.backup()
    registry.remove(world.runtime, repository, doomed)
    garbage.collect(world.runtime, grace=0)
    second = world.backup()
    assert len(objects(world)) == 2

    removed = folders.forget(world.backups, keep=1)

    assert (removed, len(objects(world))) == (1, 1)
    assert folders.names(world.backups) == [second.name]
    assert world.restore(second.name).damage == ()
    with pytest.raises(BackupRefused, match=f"no backup '{first.name}'"):
        folders.find(world.backups, first.name)


def test_an_object_that_was_removed_from_the_folder_is_copied_again(world):
    push(world, "one")
    world.backup()
    (path,) = (world.backups / "objects").glob("*/*")
    path.unlink()

    assert world.backup().copied == 1


def test_two_at_a_time_and_folders_of_something_else_are_refused(world):
    with folders.held(world.backups, writing=True), pytest.raises(BackupRefused, match="at work"):
        world.backup()
    (world.backups / "photos").mkdir()

    with pytest.raises(BackupRefused, match="it has 'photos' in it"):
        world.backup()
