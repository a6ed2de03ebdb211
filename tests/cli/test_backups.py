"""``entrepot backup`` and ``restore``: a registry at work, its folder of backups, and what is made of them."""

import pytest

from tests.support.backups import backup, beside, give_keys, pulled, push
from tests.support.postgresql import cluster
from tests.support.server import Server
from tests.support.weed import weed


@pytest.fixture
def server(tmp_path):
    """A server with a repository."""
    with Server(tmp_path / "data") as server:
        server.aws("ecr").create_repository(repositoryName="app")
        yield server


def test_what_was_pushed_before_a_backup_is_there_after_the_restore(server, tmp_path):
    registry, backups, more = server.registry(), tmp_path / "backups", {}
    digests = {name: push(registry, "app", name) for name in ("one", "two")}
    first = backup(server, backups)
    digests["three"] = push(registry, "app", "three")
    second = backup(server, backups)
    push(registry, "app", "later")
    if "ENTREPOT_STORAGE" in server.settings:
        more["storage"] = server.settings["ENTREPOT_STORAGE"].replace("?", "-restored?")
    restored = beside(server, "restored", **more)

    said = restored.command("restore", "--from", str(backups)).stdout

    assert [(made["objects"], made["copied"]) for made in (first, second)] == [("2", "2"), ("3", "1")]
    assert said.startswith(f"restored {second['name']}: 3 objects, ")
    give_keys(server, restored)
    with restored:
        again = restored.registry()
        assert {name: pulled(again, "app", name) for name in digests} == digests
        assert again("GET", "/v2/app/manifests/later").status == 404
        assert "no damage" in restored.command("verify").stdout
        assert push(again, "app", "new") == pulled(again, "app", "new")


def test_places_that_will_not_do_are_refused_and_nothing_is_changed(server, tmp_path):
    backups = tmp_path / "backups"
    backup(server, backups)
    for folder, what in ((server.data / "inside", "the data folder"), (tmp_path / "data.keys", "the folder of keys")):
        ended = server.command("backup", "--to", str(folder), check=False)
        assert (ended.returncode, ended.stderr) == (
            1,
            f"entrepot: {folder} lies in {what}: name a folder elsewhere, best on another machine\n",
        )
    full, fresh = beside(server, "full"), beside(server, "fresh")
    full.data.mkdir()
    (full.data / "something").touch()

    for target, arguments, said in (
        (server, (), "is not empty: name a folder for the restored registry that is"),
        (full, (), "is not empty: name a folder for the restored registry that is"),
        (fresh, ("--at", "20200101T000000.000Z"), "There is no backup '20200101T000000.000Z' in"),
    ):
        ended = target.command("restore", "--from", str(backups), *arguments, check=False)
        assert ended.returncode == 1
        assert said in ended.stderr
    # What was refused for another reason can be tried again.
    assert fresh.command("restore", "--from", str(backups)).returncode == 0


def test_a_data_folder_into_which_a_restore_has_not_ended_is_served_by_nobody(server, tmp_path):
    backup(server, tmp_path / "backups")
    restored = beside(server, "restored")
    restored.data.mkdir()
    (restored.data / "restoring.sqlite").touch()

    with pytest.raises(RuntimeError, match="neither empty nor a data folder"):
        restored.start()
    assert restored.command("restore", "--from", str(tmp_path / "backups")).returncode == 0


def test_commands_on_a_registry_that_lies_elsewhere_need_no_data_folder(tmp_path):
    engine = weed()
    shared = {"database": cluster().new(), "storage": engine.place(), "keys": tmp_path / "keys"}
    elsewhere = Server(tmp_path / "elsewhere", variables=engine.variables, **shared)
    with Server(tmp_path / "data", variables=engine.variables, jobs=False, **shared) as server:
        server.command("user", "create", "alice")
        server.aws("ecr").create_repository(repositoryName="app")
        digest = push(server.registry(), "app", "one")

        made = backup(elsewhere, tmp_path / "backups")

        assert (made["objects"], made["copied"]) == ("1", "1")
        assert "alice" in elsewhere.command("user", "list").stdout
        assert "no damage" in elsewhere.command("verify").stdout
        assert not elsewhere.data.exists()
    folder = tmp_path / "restored"
    place = {"database": f"sqlite:{folder}/entrepot.sqlite", "storage": (folder / "blobs").as_uri()}
    restored = beside(elsewhere, "restored", **place)
    restored.command("restore", "--from", str(tmp_path / "backups"))
    with restored:
        assert pulled(restored.registry(), "app", "one") == digest


def test_commands_on_a_registry_that_was_never_started_are_refused(tmp_path):
    """Also where its rows would lie elsewhere; and where its blobs lie in a folder that is not here."""
    new, empty = cluster().new(migrated=True), cluster().new()
    apart = {"storage": (tmp_path / "blobs").as_uri()}
    for settings, words in (
        ({"database": new, **apart}, "There is no registry in postgresql:///entrepot_"),
        ({"database": empty, **apart}, "The database postgresql:///entrepot_"),
        (
            {"database": f"sqlite:{tmp_path}/rows.sqlite", **apart},
            f"The database {tmp_path}/rows.sqlite has schema none",
        ),
        ({"database": new, "storage": f"file://{tmp_path}/data/blobs"}, f"{tmp_path}/data is no data folder yet"),
    ):
        server = Server(tmp_path / "data", **settings)
        for command in (["backup", "--to", str(tmp_path / "backups")], ["user", "list"]):
            ended = server.command(*command, check=False)

            assert ended.returncode == 1
            assert ended.stderr.startswith(f"entrepot: {words}")
            assert "start the server once" in ended.stderr
        assert not server.data.exists()
