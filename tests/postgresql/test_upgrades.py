"""One node of the next release beside those of this one: its schema is another, and they go on."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psycopg
import pytest

from entrepot.schema.migrating import SchemaRefused, migrate
from tests.support.load import Client
from tests.support.migrations import NEWEST, NEXT, newer_program
from tests.support.postgresql import cluster
from tests.support.server import Server

_CLIENTS = 2


def _server(tmp_path, url):
    return Server(tmp_path / "data", database=url, workers=2, gc_interval=1, gc_grace=3600, access_log=False)


@pytest.mark.timeout(300)
def test_an_old_node_goes_on_while_a_new_one_migrates_and_may_start_again(tmp_path, monkeypatch):
    url = cluster().new()
    with _server(tmp_path, url) as server, ThreadPoolExecutor(_CLIENTS) as pool:
        clients = [Client(server, str(number), number) for number in range(_CLIENTS)]
        ending = Event()
        working = [pool.submit(client.work, ending) for client in clients]
        _until_each_has(clients, 30)

        with newer_program(monkeypatch, tmp_path, oldest=NEWEST):
            migrate(url)
        _until_each_has(clients, [client.acknowledged + 30 for client in clients])
        ending.set()

        assert [work.result() for work in working] == [True] * _CLIENTS
        for client in clients:
            client.check(everything=True)
        assert server.sql("SELECT version_num FROM alembic_version") == [(NEXT,)]
        assert server.stop() == 0
        server.start()
        for client in clients:
            client.connect()
            client.check(everything=True)
        assert "no damage" in server.command("verify").stdout
        assert "removed: " in server.command("gc").stdout
        assert "Traceback" not in server.log.read_text()


def _until_each_has(clients, counts):
    wanted = counts if isinstance(counts, list) else [counts] * len(clients)
    pause = Event()
    while any(client.acknowledged < count for client, count in zip(clients, wanted, strict=True)):
        pause.wait(0.05)


def test_an_old_node_does_not_start_on_a_schema_that_does_not_take_it(tmp_path, monkeypatch):
    url = cluster().new()
    server = _server(tmp_path, url)
    with server, newer_program(monkeypatch, tmp_path, oldest=NEXT):
        migrate(url)

    refused = server.command("serve", check=False)

    assert refused.returncode == 1
    assert f"has schema {NEXT}, and this program knows none after {NEWEST}" in refused.stderr


def test_a_step_does_not_keep_readers_waiting_for_long_behind_another_reader(tmp_path, monkeypatch):
    """A dump reads everything for hours; what waits for it would have all others wait behind it."""
    url = cluster().new()
    migrate(url)
    with psycopg.connect(url) as dump:
        dump.execute("SELECT count(*) FROM repositories")

        with newer_program(monkeypatch, tmp_path, oldest=NEWEST):
            with pytest.raises(SchemaRefused, match="while somebody reads there for long"):
                migrate(url)
            dump.rollback()
            migrate(url)
