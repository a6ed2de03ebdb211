"""A backup is restored into PostgreSQL: what was cut off goes on, and ends as if nothing had been."""

import shutil

import pytest

from entrepot.schema.migrating import newest
from tests.moving.support import begun, kill_in_the_middle, sql
from tests.support.backups import backup, give_keys, pulled, push
from tests.support.postgresql import cluster
from tests.support.server import Server

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A registry on SQLite, its folder of backups with two of them, and what was pushed before the first."""
    folder = tmp_path_factory.mktemp("restoring")
    with Server(folder / "data", database=f"sqlite:{folder}/data/entrepot.sqlite") as server:
        server.aws("ecr").create_repository(repositoryName="app")
        digests = {name: push(server.registry(), "app", name) for name in ("one", "two")}
        backup(server, folder / "backups")
        push(server.registry(), "app", "later")
        backup(server, folder / "backups")
    return server, folder / "backups", digests


@pytest.fixture
def target(tmp_path):
    """A server on an empty folder and a database that has its tables and no rows."""
    return Server(tmp_path / "restored", database=cluster().new(migrated=True))


def _arguments(backups, at=0):
    names = sorted(path.name for path in backups.iterdir() if path.name[0].isdigit())
    return ["restore", "--from", str(backups), "--at", names[at]]


def _killed_in_the_middle(target, backups):
    kill_in_the_middle(lambda: begun(target, *_arguments(backups)), target.place)


def _demand_all(original, target):
    server, _, digests = original
    give_keys(server, target)
    with target:
        registry = target.registry()
        assert {name: pulled(registry, "app", name) for name in digests} == digests
        assert registry("GET", "/v2/app/manifests/later").status == 404
        assert "no damage" in target.command("verify").stdout


def test_a_restore_that_was_killed_goes_on_where_it_was_and_is_served_by_nobody_before(original, target):
    _, backups, _ = original
    _killed_in_the_middle(target, backups)
    before = sql(target.place, "SELECT id, key, xmin::text FROM blobs ORDER BY id")
    other = Server(target.data.with_name("other"), database=target.place)
    with pytest.raises(RuntimeError, match="or restored there: run entrepot migrate again, to its end, or entrepot"):
        other.start()

    ended = target.command(*_arguments(backups))

    assert len(before) > 3
    assert ended.stdout.startswith("restored ")
    assert sql(target.place, "SELECT id, key, xmin::text FROM blobs ORDER BY id") == before
    assert not list(target.data.glob("restoring*"))
    _demand_all(original, target)


def test_one_that_died_after_its_very_last_row_is_ended_by_the_same_command(original, target, tmp_path):
    """What tells that it is done is in the database; the folder does not know yet."""
    _, backups, _ = original
    _killed_in_the_middle(target, backups)
    shutil.copytree(target.data, tmp_path / "as it was")
    target.command(*_arguments(backups))
    shutil.rmtree(target.data)
    shutil.copytree(tmp_path / "as it was", target.data)
    rows = sql(target.place, "SELECT name, xmin::text FROM tags ORDER BY name")

    again = target.command(*_arguments(backups))

    assert again.stdout.startswith("restored ")
    assert sql(target.place, "SELECT name, xmin::text FROM tags ORDER BY name") == rows
    _demand_all(original, target)


def test_another_backup_does_not_go_on_where_one_was_cut_off(original, target):
    _, backups, _ = original
    _killed_in_the_middle(target, backups)

    ended = target.command(*_arguments(backups, at=1), check=False)

    assert ended.returncode == 1
    assert "are not the same in" in ended.stderr
    assert sql(target.place, "SELECT version_num FROM alembic_version") == [(f"moving {newest()}",)]


def test_a_database_that_has_a_registry_is_refused_and_left_alone_however_often_it_is_tried(original, target, tmp_path):
    """Also where it is the very registry that the backup is of."""
    _, backups, _ = original
    target.command(*_arguments(backups))
    rows = sql(target.place, "SELECT name, value FROM deployment ORDER BY name")
    another = Server(tmp_path / "another", database=target.place)

    for _ in range(2):
        ended = another.command(*_arguments(backups), check=False)

        assert ended.returncode == 1
        assert "is not empty: another registry has its rows there. Name an empty one" in ended.stderr
    assert sql(target.place, "SELECT name, value FROM deployment ORDER BY name") == rows
    _demand_all(original, target)
