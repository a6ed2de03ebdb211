"""Pull counts. Source: Amazon ECR API reference, ImageDetail: refreshed at least once every 24 hours."""

import sqlite3
import threading

import pytest

from entrepot.registry import manifests, usage
from tests.support.pushing import push_image

DAY = 86400


@pytest.fixture
def manifest(database, repository):
    digest = push_image(database, repository, "image")
    usage.flush(database)

    def read():
        with database.reading() as tx:
            return manifests.find(tx, repository, digest=digest)

    return read


def test_pulls_are_counted_from_every_thread(database, manifest):
    this = manifest().id

    def pull():
        for _ in range(500):
            usage.record(this, 1000.0)

    threads = [threading.Thread(target=pull) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert usage.flush(database) == 1
    assert manifest().pulls == 2000
    assert usage.flush(database) == 0


def test_the_first_pull_of_a_day_is_the_recorded_one(database, manifest):
    this = manifest().id
    recorded = []
    for moment in (1000.0, 1010.0, 1000.0 + DAY - 1, 1000.0 + DAY, 1000.0 + DAY + 5):
        usage.record(this, moment)
        usage.flush(database)
        recorded.append(manifest().pulled_at)

    assert recorded == [1000.0, 1000.0, 1000.0, 1000.0 + DAY, 1000.0 + DAY]
    assert manifest().pulls == 5


def test_of_several_pulls_between_two_flushes_the_first_counts(database, manifest):
    this = manifest().id
    for moment in (10.0, 20.0, 30.0):
        usage.record(this, moment)
    usage.flush(database)

    assert manifest().pulled_at == 10.0


def test_a_pull_of_an_image_that_has_gone_is_forgotten(database, manifest):
    usage.record(manifest().id + 1, 1000.0)

    assert usage.flush(database) == 1
    assert manifest().pulls == 0


def test_what_could_not_be_written_is_counted_the_next_time(database, manifest):
    this = manifest().id

    usage.record(this, 1000.0)
    with database.reading() as tx, pytest.MonkeyPatch.context() as patch:
        # A connection that cannot write stands in for a disk that is full.
        patch.setattr(database, "write", lambda work: work(tx))
        with pytest.raises(sqlite3.OperationalError):
            usage.flush(database)
    usage.record(this, 1001.0)
    usage.flush(database)

    assert (manifest().pulls, manifest().pulled_at) == (2, 1000.0)
