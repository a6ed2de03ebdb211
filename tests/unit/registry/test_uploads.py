"""Upload sessions as rows: who may write, what is durable, and how they end."""

import hashlib

import pytest

from entrepot.errors import LimitExceeded
from entrepot.registry import blobs, uploads
from entrepot.registry.faults import UploadBusy, UploadNotFound
from entrepot.registry.mutability import Mutability
from entrepot.registry.repositories import Repository
from entrepot.registry.uploads import RunningDigests, Session
from entrepot.settings import Settings
from tests.support.pushing import AT_REST, REGISTRY, digest_of, make_repository

ALICE, BOB = "123456789012", "AIDABOB"


@pytest.fixture(autouse=True)
def _forget_room(monkeypatch):
    """How much room is left is remembered by a repository's id, which is the same in every test's database."""
    monkeypatch.setattr(uploads, "_room", {})


@pytest.fixture
def session(database, repository):
    """The id of a session of Alice's."""
    return database.write(lambda tx: uploads.begin(tx, repository, ALICE, Settings()))


@pytest.fixture
def later(monkeypatch):
    """Moves the clock on."""

    def move(seconds):
        monkeypatch.setattr("entrepot.clock._offset", float(seconds))

    return move


def _get(database, repository, upload, who=ALICE):
    with database.reading() as tx:
        return uploads.get(tx, repository, upload, who)


def _claim(database, repository, upload, by):
    return database.write(lambda tx: uploads.claim(tx, repository, upload, principal=ALICE, by=by))


def _take_small(database, repository, upload):
    return database.write(
        lambda tx: uploads.take_small(tx, repository, upload, principal=ALICE, most=100, at_rest=AT_REST)
    )


def test_a_new_session_is_empty_and_nobody_writes(database, repository, session):
    assert _get(database, repository, session) == Session(
        session, repository, 0, None, b"", 0, short_part=0, writer=None, writer_until=0.0, sealed_size=0
    )


def test_a_session_is_found_only_by_who_began_it_and_where(database, repository, session):
    other = make_repository(database, "other")

    for where, upload, who in ((repository, session, BOB), (other, session, ALICE), (repository, "x", ALICE)):
        with pytest.raises(UploadNotFound):
            _get(database, where, upload, who)
        with pytest.raises(UploadNotFound):
            database.write(lambda tx, a=where, b=upload, c=who: uploads.remove(tx, a, b, c))


def test_ids_of_sessions_are_never_equal(database, repository):
    found = {database.write(lambda tx: uploads.begin(tx, repository, ALICE, Settings())) for _ in range(50)}

    assert len(found) == 50


@pytest.mark.parametrize("most", [1, 3, 64, 70])
def test_a_principal_has_so_many_sessions_in_a_repository(database, repository, most):
    settings = Settings(uploads_per_principal=most)
    begun = [database.write(lambda tx: uploads.begin(tx, repository, ALICE, settings)) for _ in range(most)]

    with pytest.raises(LimitExceeded):
        database.write(lambda tx: uploads.begin(tx, repository, ALICE, settings))

    database.write(lambda tx: uploads.begin(tx, repository, BOB, settings))
    other = make_repository(database, "other")
    database.write(lambda tx: uploads.begin(tx, other, ALICE, settings))
    database.write(lambda tx: uploads.remove(tx, repository, begun[0], ALICE))
    database.write(lambda tx: uploads.begin(tx, repository, ALICE, settings))


def test_one_writes_at_a_time(database, repository, session):
    _claim(database, repository, session, "one")

    with pytest.raises(UploadBusy):
        _claim(database, repository, session, "two")
    with pytest.raises(UploadBusy):
        database.write(lambda tx: uploads.idle(tx, repository, session, ALICE))


def test_who_has_ended_makes_room_for_the_next(database, repository, session):
    _claim(database, repository, session, "one")
    database.write(lambda tx: uploads.give_up(tx, session, "one"))

    assert _claim(database, repository, session, "two").size == 0


def test_a_claim_of_somebody_else_cannot_be_given_up(database, repository, session):
    _claim(database, repository, session, "one")

    database.write(lambda tx: uploads.give_up(tx, session, "two"))

    with pytest.raises(UploadBusy):
        _claim(database, repository, session, "two")


def test_a_claim_runs_out_with_the_process_that_made_it(database, repository, session, later):
    _claim(database, repository, session, "died")
    later(uploads.CLAIM_LIFETIME - 1)
    with pytest.raises(UploadBusy):
        _claim(database, repository, session, "two")

    later(uploads.CLAIM_LIFETIME + 1)

    _claim(database, repository, session, "two")


def test_a_claim_that_is_renewed_does_not_run_out(database, repository, session, later):
    _claim(database, repository, session, "one")
    for minute in range(1, 5):
        later(minute * (uploads.CLAIM_LIFETIME - 10))
        assert database.write(lambda tx: uploads.renew(tx, session, "one"))

    with pytest.raises(UploadBusy):
        _claim(database, repository, session, "two")


def test_a_claim_that_was_lost_cannot_be_renewed(database, repository, session, later):
    _claim(database, repository, session, "one")
    later(uploads.CLAIM_LIFETIME + 1)
    _claim(database, repository, session, "two")

    assert not database.write(lambda tx: uploads.renew(tx, session, "one"))


def test_when_the_server_starts_nobody_writes(database, repository, session):
    _claim(database, repository, session, "of a server that died")

    database.write(uploads.give_up_all)

    _claim(database, repository, session, "one")


def test_what_is_recorded_is_what_the_next_one_finds(database, repository, session):
    claimed = _claim(database, repository, session, "one")
    digest = hashlib.sha256(b"12345").hexdigest()

    database.write(lambda tx: uploads.record(tx, claimed, by="one", size=5, sha256=digest, content=None))

    found = _claim(database, repository, session, "two")
    assert (found.size, found.sha256, found.content, found.parts) == (5, digest, None, 0)


def test_who_has_lost_the_claim_records_nothing(database, repository, session, later):
    claimed = _claim(database, repository, session, "one")
    later(uploads.CLAIM_LIFETIME + 1)
    _claim(database, repository, session, "two")

    with pytest.raises(UploadBusy):
        database.write(lambda tx: uploads.record(tx, claimed, by="one", size=5, sha256=None, content=None))

    assert _get(database, repository, session).size == 0


def _finish(database, repository, session, by, *, key="key"):
    return database.write(
        lambda tx: uploads.finish(tx, repository, session, digest=digest_of(b"x"), size=1, key=key, content=None, by=by)
    )


def test_a_finished_session_is_a_blob_and_no_session(database, repository, session):
    _claim(database, repository, session, "one")

    assert _finish(database, repository, session, "one") is True

    with pytest.raises(UploadNotFound):
        _get(database, repository, session)
    with database.reading() as tx:
        assert blobs.get(tx, repository, digest_of(b"x")).key == "key"


def test_bytes_that_the_account_has_already_are_superfluous(database, repository):
    for key, needed in (("first", True), ("second", False)):
        session = database.write(lambda tx: uploads.begin(tx, repository, ALICE, Settings()))
        _claim(database, repository, session, "one")

        assert _finish(database, repository, session, "one", key=key) is needed


@pytest.mark.parametrize("interloper", ["writes", "has written"])
def test_who_has_lost_the_claim_publishes_nothing(database, repository, session, later, interloper):
    """Somebody may have appended since the digest was computed: the bytes would not have it."""
    _claim(database, repository, session, "one")
    later(uploads.CLAIM_LIFETIME + 1)
    second = _claim(database, repository, session, "two")
    if interloper == "has written":
        database.write(lambda tx: uploads.record(tx, second, by="two", size=5, sha256=None, content=None))

    with pytest.raises(UploadNotFound):
        _finish(database, repository, session, "one")

    with database.reading() as tx:
        assert blobs.find(tx, repository, digest_of(b"x")) is None
    assert _get(database, repository, session).writer == ("two" if interloper == "writes" else None)


def test_a_session_of_one_repository_is_not_finished_into_another(database, repository, session):
    """As one that was deleted and made again under its name would be."""
    _claim(database, repository, session, "one")
    other = make_repository(database, "other")

    with pytest.raises(UploadNotFound):
        _finish(database, other, session, "one")


def test_a_small_upload_is_taken_out_of_its_row_whole(database, repository, session):
    claimed = _get(database, repository, session)
    kept = AT_REST.into_row(b"12345", session, sealed=True)
    database.write(lambda tx: uploads.record(tx, claimed, by=None, size=5, sha256=None, content=kept, sealed_size=0))

    def take(most, who=ALICE):
        return database.write(
            lambda tx: uploads.take_small(tx, repository, session, principal=who, most=most, at_rest=AT_REST)
        )

    assert take(4) is None
    with pytest.raises(UploadNotFound):
        take(5, BOB)
    assert take(5) == (b"12345", 5)
    with pytest.raises(UploadNotFound):
        take(5)


def test_a_small_upload_that_somebody_writes_to_is_not_taken(database, repository, session):
    _claim(database, repository, session, "one")

    with pytest.raises(UploadBusy):
        _take_small(database, repository, session)


def test_an_upload_whose_bytes_are_in_the_store_is_not_small(database, repository, session):
    claimed = _claim(database, repository, session, "one")
    database.write(lambda tx: uploads.record(tx, claimed, by="one", size=1, sha256=None, content=None))

    assert _take_small(database, repository, session) is None


# ── half-done digests ───────────────────────────────────────────────────────────────────────────────


def _session(size):
    repository = Repository(1, REGISTRY, "app", 0.0, Mutability(), scan_on_push=False)
    return Session("id", repository, size, None, None, 0, short_part=0, writer=None, writer_until=0.0)


def test_a_digest_goes_on_where_it_ended():
    running = RunningDigests()
    running.keep("id", 3, hashlib.sha256(b"abc"))

    hasher = running.take(_session(3))

    assert hasher is not None
    hasher.update(b"def")
    assert hasher.hexdigest() == hashlib.sha256(b"abcdef").hexdigest()
    assert running.take(_session(3)) is None


def test_a_digest_of_another_length_is_of_no_use():
    """Another process has written in between."""
    running = RunningDigests()
    running.keep("id", 3, hashlib.sha256(b"abc"))

    assert running.take(_session(4)) is None


def test_so_many_digests_are_kept_and_the_oldest_goes_first():
    running = RunningDigests(most=3)
    for number in range(5):
        running.keep(str(number), 0, hashlib.sha256())

    kept = [str(number) for number in range(5) if str(number) in running._kept]
    assert kept == ["2", "3", "4"]
