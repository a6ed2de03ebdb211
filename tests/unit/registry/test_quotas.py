"""What an account stores is counted from the first reason on, and stays right whatever happens in between."""

import sqlite3
from dataclasses import replace

import pytest

from entrepot.errors import LimitExceeded
from entrepot.names import Registry
from entrepot.registry import quotas, stored, taking, uploads
from entrepot.registry.garbage import collect
from entrepot.registry.quotas import Standing, Wrong
from entrepot.registry.repositories import Encryption
from entrepot.registry.verification import verify
from tests.support.registry import REGISTRY, create, push_blob, runtime_in

ACCOUNT = REGISTRY.account
OTHER = Registry("999999999999", "us-east-1")
DAY = 86400.0


@pytest.fixture
def runtime(tmp_path):
    with runtime_in(tmp_path) as runtime:
        yield runtime


@pytest.fixture
def repository(runtime):
    return create(runtime)


def _counted(runtime):
    with runtime.database.reading() as tx:
        return {each.account: each.stored for each in quotas.page(tx)}


def _give(runtime, own, account=ACCOUNT):
    runtime.database.write(lambda tx: quotas.set_own(tx, account, own))


def _open(runtime, repository, size):
    """An upload that has got *size* bytes."""

    def work(tx):
        upload = uploads.begin(tx, repository, "me", runtime.settings)
        session = uploads.get(tx, repository, upload, "me")
        uploads.record_small(tx, session, b"x" * size, at_rest=runtime.at_rest, quota=0)
        return upload

    return runtime.database.write(work)


def _old_program(runtime, statement):
    """What a program does that does not count."""
    with sqlite3.connect(runtime.settings.data / "entrepot.sqlite") as connection:
        connection.execute(statement)
    connection.close()


def test_nothing_is_counted_without_a_quota(runtime, repository):
    push_blob(runtime, repository, b"blob")
    _open(runtime, repository, 5)
    collect(runtime, grace=0)

    assert _counted(runtime) == {}


def test_all_that_is_there_is_counted_with_the_first_quota(runtime, repository):
    """Blobs under each key of a customer are stored apart; those of others are others'."""
    sealed = replace(repository, id=2, encryption=Encryption("KMS", "arn:aws:kms:us-east-1:123456789012:key/a"))
    for where in (repository, repository, sealed, replace(repository, id=3, registry=OTHER)):
        push_blob(runtime, where, b"blob")
    _open(runtime, repository, 5)

    _give(runtime, 100)

    assert _counted(runtime) == {ACCOUNT: 4 + 4 + 5}
    push_blob(runtime, sealed, b"another")
    assert _counted(runtime) == {ACCOUNT: 4 + 4 + 5 + 7}
    with runtime.database.reading() as tx:
        assert quotas.standing(tx, ACCOUNT) == Standing(ACCOUNT, 20, 100)
        assert quotas.standing(tx, OTHER.account) == Standing(OTHER.account, 4, None)


def test_the_deployments_quota_is_a_reason_with_the_first_push(runtime, repository):
    push_blob(runtime, repository, b"blob")
    finish = {"digest": "sha256:x", "at_rest": runtime.at_rest, "quota": 10}

    with pytest.raises(LimitExceeded, match=f"'{ACCOUNT}' has 6 bytes left of its quota"):
        runtime.database.write(lambda tx: uploads.finish_small(tx, repository, b"x" * 7, **finish))
    assert _counted(runtime) == {}
    runtime.database.write(lambda tx: uploads.finish_small(tx, repository, b"x" * 6, **finish))

    assert _counted(runtime) == {ACCOUNT: 10}


def test_what_a_program_that_does_not_count_has_written_is_found_and_mended(runtime, repository):
    _give(runtime, 100)
    push_blob(runtime, repository, b"first")
    push_blob(runtime, repository, b"second")
    _old_program(runtime, "UPDATE blobs SET size = 105 WHERE size = 5")

    with runtime.database.reading() as tx:
        assert quotas.wrong(tx) == [Wrong(ACCOUNT, 11, 100, 0)]
    sentence = f"account {ACCOUNT} stores 111 bytes and is counted for 11: the next garbage collection counts anew"
    assert sentence in verify(runtime, lambda done, total: None).damage
    collect(runtime, grace=DAY)

    assert _counted(runtime) == {ACCOUNT: 111}
    assert sentence not in verify(runtime, lambda done, total: None).damage


def test_who_looks_at_the_same_time_mends_once_and_loses_no_push(runtime, repository):
    _give(runtime, 100)
    push_blob(runtime, repository, b"first")
    _old_program(runtime, "UPDATE quotas SET stored = 1")
    with runtime.database.reading() as tx:
        seen_by_two = quotas.wrong(tx)
    push_blob(runtime, repository, b"meanwhile")

    for found in (seen_by_two, seen_by_two):
        runtime.database.write(lambda tx, found=found: quotas._correct(tx, found))

    assert _counted(runtime) == {ACCOUNT: 14}
    with runtime.database.reading() as tx:
        assert quotas.wrong(tx) == []


def test_uploads_that_go_in_any_way_are_counted_no_more(runtime, repository):
    _give(runtime, 100)
    cancelled, idle, left = (_open(runtime, repository, size) for size in (1, 2, 4))
    assert _counted(runtime) == {ACCOUNT: 7}

    runtime.database.write(lambda tx: uploads.remove(tx, repository, cancelled, "me"))
    assert _counted(runtime) == {ACCOUNT: 6}
    _old_program(runtime, f"UPDATE uploads SET updated_at = 0 WHERE id = '{idle}'")
    collect(runtime, grace=DAY)
    assert _counted(runtime) == {ACCOUNT: 4}
    runtime.database.write(lambda tx: stored.forget_the_rest(tx, small_too=True))  # as a restore does
    assert _counted(runtime) == {ACCOUNT: 0}
    assert left


def test_bytes_are_held_ahead_while_they_come_and_let_go(runtime, repository):
    _give(runtime, 64 << 20)

    def claim(tx, upload):
        session = uploads.claim(tx, repository, upload, principal="me", by="one")
        return taking.hold(tx, session, by="one", now=1, coming=None, quota=0)

    upload = _open(runtime, repository, 0)
    session = runtime.database.write(lambda tx: claim(tx, upload))
    assert _counted(runtime) == {ACCOUNT: session.counted}
    assert 1 < session.counted <= 1 << 20

    with pytest.raises(LimitExceeded):
        runtime.database.write(lambda tx: taking.hold(tx, session, by="one", now=2, coming=(64 << 20) + 1, quota=0))
    session = runtime.database.write(lambda tx: taking.hold(tx, session, by="one", now=2, coming=64 << 20, quota=0))
    assert _counted(runtime) == {ACCOUNT: (16 << 20) + 2}

    # Whoever dies now leaves that, until the session goes on or ends.
    runtime.database.write(uploads.give_up_all)
    session = runtime.database.write(lambda tx: claim(tx, upload))
    assert _counted(runtime) == {ACCOUNT: session.counted}
    runtime.database.write(lambda tx: uploads.give_up(tx, upload, "one", cut=True))
    assert _counted(runtime) == {ACCOUNT: 0}
