"""Restoring: what is refused, what is found damaged, and that it can be done again after a crash."""

import json
import shutil
import sqlite3

import pytest
from sqlalchemy import insert

from entrepot.backup.folder import BackupRefused, find, hash_of, path_of, read
from entrepot.database import Database, Statement
from entrepot.registry import stored, uploads, verification
from entrepot.registry.tables import replaced
from entrepot.runtime import Runtime
from entrepot.schema.migrating import SchemaRefused
from entrepot.settings import Settings
from tests.support import registry
from tests.support.rootkey import root_key
from tests.unit.backup.conftest import nobody


@pytest.fixture
def made(world):
    """A backup of two images."""
    repository = registry.create(world.runtime)
    for name in (b"one", b"two"):
        registry.push_image(world.runtime, repository, b"config", name * 9000, tag=name.decode())
    return world.backup()


def rows_of(path):
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT key, digest FROM blobs WHERE key IS NOT NULL ORDER BY id").fetchall()


def _report(world):
    """What verification says of the restored registry."""
    database = Database(world.folder / "restored" / "entrepot.sqlite")
    try:
        settings = Settings(data=world.folder / "restored")
        return verification.verify(Runtime(settings, database, world.restored_store, root_key()), nobody)
    finally:
        database.close()


def test_a_restored_registry_is_sound(world, made):
    restored = world.restore(made.name)

    report = _report(world)
    assert (report.blobs, report.manifests, report.damage) == (3, 2, ())
    assert (restored.damage, restored.backup) == ((), made.backup)


def test_a_damaged_object_is_named_and_the_rest_is_restored(world, made):
    ((_, digest), _) = rows_of(world.backups / made.name / "rows.sqlite")
    path = path_of(world.backups, digest.removeprefix("sha256:"))
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)

    restored = world.restore(made.name)

    assert restored.damage == (f"blob {digest} of 123456789012: its bytes are damaged in the backup",)
    (damage,) = _report(world).damage
    assert digest in damage
    assert damage.endswith("its bytes are missing")
    assert len(list(world.restored_store.objects())) == 1


def test_a_missing_object_is_named_and_the_rest_is_restored(world, made):
    ((_, digest), _) = rows_of(world.backups / made.name / "rows.sqlite")
    path_of(world.backups, digest.removeprefix("sha256:")).unlink()

    assert world.restore(made.name).damage == (f"blob {digest} of 123456789012: its bytes are missing in the backup",)


@pytest.mark.parametrize("name", ["rows.sqlite", "objects.sqlite"])
def test_changed_rows_are_refused(world, made, name):
    path = world.backups / made.name / name
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)

    with pytest.raises(BackupRefused, match=f"{name} is damaged"):
        world.restore(made.name)
    assert not (world.folder / "restored" / "entrepot.sqlite").exists()


def _rewritten(world, made, **members):
    path = world.backups / made.name / "backup.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


def test_rows_of_a_newer_program_are_refused(world, made):
    path = world.backups / made.name / "rows.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    _rewritten(world, made, rows=hash_of(path))

    with pytest.raises(SchemaRefused, match="has schema 9999, and this program knows none after"):
        world.restore(made.name)


def test_a_backup_of_another_format_is_refused(world, made):
    _rewritten(world, made, format=2)

    with pytest.raises(BackupRefused, match="is of format 2, and this program knows 1 alone"):
        world.restore(made.name)


def test_places_that_are_not_empty_are_refused(world, made):
    data = world.folder / "restored"
    world.restore(made.name)
    with pytest.raises(BackupRefused, match="There is a database already"):
        world.restore(made.name)
    (data / "entrepot.sqlite").unlink()

    with pytest.raises(BackupRefused, match="The store is not empty"):
        world.restore(made.name)


def test_a_restore_that_was_cut_off_is_done_again_and_brings_nothing_twice(world, made):
    """As after a crash before the last step: objects are there, under their keys, and no database."""
    world.restore(made.name)
    (world.folder / "restored" / "entrepot.sqlite").unlink()
    before = sorted(world.restored_store.objects())
    # What is there need not be read from the backup again.
    shutil.rmtree(world.backups / "objects")

    restored = world.restore(made.name, begun=True)

    assert restored.damage == ()
    assert sorted(world.restored_store.objects()) == before
    assert _report(world).damage == ()


def test_open_uploads_and_what_was_replaced_are_not_restored(world):
    repository = registry.create(world.runtime)

    def work(tx):
        uploads.begin(tx, repository, "AIDA", world.runtime.settings)
        tx.run(Statement(insert(replaced).values(key="a key of this store", replaced_at=0.0)))

    world.runtime.database.write(work)
    world.restore(world.backup().name)

    with sqlite3.connect(world.folder / "restored" / "entrepot.sqlite") as restored:
        for table in ("uploads", "replaced"):
            assert restored.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_the_last_backup_is_taken_unless_another_is_named(world, made):
    later = world.backup()

    assert find(world.backups, None) == later.name
    assert find(world.backups, made.name) == made.name
    with pytest.raises(BackupRefused, match=f"there is: {made.name}, {later.name}"):
        find(world.backups, "20200101T000000.000Z")
    assert read(world.backups, made.name) == made.backup
    with world.runtime.database.reading() as tx:
        assert stored.state(tx).size == made.backup.size
