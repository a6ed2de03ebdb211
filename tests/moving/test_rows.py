"""Rows are moved from one database to another, and nothing tells the difference but the setting."""

import shutil
import time

import psycopg
import pytest

from entrepot.schema.migrating import newest
from tests.moving.support import begin, filled, kill_in_the_middle, migrate, sql
from tests.support.postgresql import cluster
from tests.support.server import Server

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A registry on SQLite that is not served, and what is in it."""
    data = tmp_path_factory.mktemp("rows") / "data"
    return data, filled(data, database=f"sqlite:{data}/entrepot.sqlite")


@pytest.fixture
def copied(original, tmp_path):
    """One of the test's own: its folder, and where its rows lie."""
    data = tmp_path / "data"
    for suffix in ("", ".keys"):
        shutil.copytree(f"{original[0]}{suffix}", f"{data}{suffix}")
    return data, f"sqlite:{data}/entrepot.sqlite"


def _begun(data, source):
    """A target whose move was cut short before its very last step."""
    target = cluster().new()
    assert migrate(data, source, target).returncode == 0
    sql(target, f"UPDATE alembic_version SET version_num = 'moving {newest()}' RETURNING 1")
    return target


def test_a_registry_goes_to_postgresql_and_a_bucket_and_back_and_everything_is_there(original, copied, weed):
    data, source = copied
    target = cluster().new()

    there = migrate(data, source, target)

    assert there.returncode == 0, there.stderr
    assert "next: give every server and command the new place in the setting database" in there.stdout
    with Server(data, database=target) as server:
        original[1].demand_all(server)
        assert "no damage" in server.command("verify").stdout
        # What had begun goes on, and no number of a deleted repository is used again.
        face = server.registry()
        assert face("PATCH", f"{server.url}{original[1].upload}", b" and gone on").status == 202
        server.aws("ecr").create_repository(repositoryName="new")
        assert server.sql("SELECT id FROM repositories WHERE name = 'new'")[0][0] > original[1].last
        face.push_image("new", "v2")
        server.aws("ecr").create_repository(repositoryName="gone-again")
        (last,) = server.sql("SELECT max(id) FROM repositories")[0]
        server.aws("ecr").delete_repository(repositoryName="gone-again")
    place = weed.place()
    blobs = migrate(data, (data / "blobs").as_uri(), place, database=target, variables=weed.variables)
    assert blobs.returncode == 0, blobs.stderr
    back = migrate(data, target, f"sqlite:{data}/back.sqlite")
    assert back.returncode == 0, back.stderr
    everywhere = {"storage": place, "variables": weed.variables}
    with Server(data, database=f"sqlite:{data}/back.sqlite", **everywhere) as server:
        original[1].demand_all(server)
        assert server.registry()("GET", "/v2/new/manifests/v2").status == 200
        server.aws("ecr").create_repository(repositoryName="newer")
        assert server.sql("SELECT id FROM repositories WHERE name = 'newer'")[0][0] > last


def test_a_move_that_is_killed_goes_on_where_it_was(original, copied):
    data, source = copied
    target = cluster().new(migrated=True)
    kill_in_the_middle(lambda: begin(data, source, target), target)
    before = sql(target, "SELECT id, xmin::text FROM blobs ORDER BY id")

    refused = Server(data, database=target)
    (data / "database-elsewhere").touch()
    with pytest.raises(RuntimeError, match="run entrepot migrate again, to its end"):
        refused.start()
    ended = migrate(data, source, target)

    assert len(before) > 3
    assert ended.returncode == 0, ended.stderr
    assert sql(target, "SELECT id, xmin::text FROM blobs ORDER BY id") == before
    with Server(data, database=target) as server:
        original[1].demand_all(server)
    again = migrate(data, source, target)
    assert (again.returncode, "This registry has been moved to postgresql:///" in again.stderr) == (1, True)


def test_a_move_that_died_after_its_last_step_can_be_served_when_it_is_run_again(original, copied):
    data, source = copied
    target = cluster().new()
    assert migrate(data, source, target).returncode == 0
    (data / "database-elsewhere").unlink()

    again = migrate(data, source, target)

    assert (again.returncode, "This registry has been moved to postgresql:///" in again.stderr) == (1, True)
    with Server(data, database=target) as server:
        original[1].demand_all(server)


def test_a_server_that_breaks_off_is_told_of_in_a_sentence(copied):
    data, source = copied
    server = cluster().new()
    assert migrate(data, source, server).returncode == 0
    with psycopg.connect(server) as holding:
        holding.execute("LOCK TABLE tags IN ACCESS EXCLUSIVE MODE")
        moving = begin(data, server, f"sqlite:{data}/back.sqlite")
        waiting = "SELECT pid FROM pg_locks WHERE NOT granted"
        while not sql(server, waiting):
            assert moving.poll() is None, moving.communicate()
            time.sleep(0.02)
        sql(server, f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS those")
        _, said = moving.communicate()

    assert moving.returncode == 1
    assert "does not answer: terminating connection due to administrator command. Run this again" in said
    assert "Traceback" not in said


def test_the_source_is_only_read(copied):
    data, source = copied
    before = (data / "entrepot.sqlite").read_bytes()

    assert migrate(data, source, cluster().new()).returncode == 0

    assert (data / "entrepot.sqlite").read_bytes() == before


def test_a_target_that_was_changed_meanwhile_is_found_and_not_served(copied):
    data, source = copied
    target = _begun(data, source)
    sql(target, "UPDATE blobs SET size = size + 1 WHERE id = (SELECT min(id) FROM blobs) RETURNING id")

    ended = migrate(data, source, target)

    assert ended.returncode == 1
    assert f"The rows of blobs are not the same in {data}/entrepot.sqlite and postgresql:///" in ended.stderr
    assert sql(target, "SELECT version_num FROM alembic_version") == [(f"moving {newest()}",)]


def test_nobody_may_serve_either_meanwhile(copied):
    data, source = copied
    with Server(data, database=source):
        ended = migrate(data, source, cluster().new())
    assert (ended.returncode, "Another server is at work on" in ended.stderr) == (1, True)

    target = cluster().new()
    assert migrate(data, source, target).returncode == 0
    # It has a folder of its own, so only the database can tell.
    shutil.copytree(f"{data}.keys", f"{data}-other.keys")
    with Server(data.with_name("data-other"), database=target):
        ended = migrate(data, target, f"sqlite:{data}/back.sqlite")
    assert ended.returncode == 1
    assert "A registry is at work on postgresql:///" in ended.stderr


def test_a_target_that_has_a_registry_is_refused_and_left_alone(copied, tmp_path):
    data, source = copied
    target = cluster().new()
    with Server(tmp_path / "other", database=target) as server:
        server.aws("ecr").create_repository(repositoryName="theirs")

    ended = migrate(data, source, target)

    assert ended.returncode == 1
    assert "is not empty: another registry has its rows there. Name an empty one" in ended.stderr
    assert sql(target, "SELECT name FROM repositories") == [("theirs",)]


def test_a_move_is_not_gone_on_with_by_another_registry(copied):
    data, source = copied
    target = _begun(data, source)
    sql(target, "UPDATE deployment SET value = 'another' WHERE name = 'id' RETURNING name")

    ended = migrate(data, source, target)

    assert ended.returncode == 1
    assert "is not empty" in ended.stderr


def test_data_of_another_root_key_is_refused(copied, tmp_path):
    data, source = copied
    with Server(tmp_path / "other"):
        pass

    ended = migrate(data, source, cluster().new(), keys=tmp_path / "other.keys")

    assert ended.returncode == 1
    assert "The root key is not the one that this data was made with" in ended.stderr


def test_a_source_or_target_of_a_newer_program_is_refused(copied):
    data, source = copied
    target = cluster().new(migrated=True)
    with psycopg.connect(target) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    ended = migrate(data, source, target)
    assert (ended.returncode, "is not empty: it has schema 9999" in ended.stderr) == (1, True)

    Server(data, database=source).sql("UPDATE alembic_version SET version_num = '9999'")
    ended = migrate(data, source, cluster().new())
    assert (ended.returncode, "by the newer program that made it" in ended.stderr) == (1, True)


@pytest.mark.parametrize(
    ("source", "target", "code", "text"),
    [
        ("mysql://host/rows", "postgresql://host/rows", 2, "--from: 'mysql://host/rows' begins with none of sqlite: "),
        ("sqlite:{data}/entrepot.sqlite", "postgresql:rows", 2, "--to: 'postgresql:rows' begins with none of"),
        ("sqlite:{data}/entrepot.sqlite", "s3://bucket", 2, "--from names a place of rows, and --to one of blobs"),
        ("sqlite:{data}/entrepot.sqlite", "sqlite:{data}/x/../entrepot.sqlite", 2, "--from and --to are the same"),
        ("sqlite:{data}/else.sqlite", "sqlite:{data}/new.sqlite", 1, "is not the data folder of a registry whose rows"),
        ("sqlite:{data}/entrepot.sqlite", "postgresql:///rows?host={data}", 1, "postgresql:///rows cannot be reached"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(original, source, target, code, text):
    data = original[0]

    ended = migrate(data, source.format(data=data), target.format(data=data))

    assert ended.returncode == code
    assert text in ended.stderr
    assert ended.stderr.count("\n") <= 2
