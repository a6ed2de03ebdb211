"""Re-encryption: what is as it shall be afterwards, and what becomes of what is in the way."""

import dataclasses
from functools import partial

import pytest

from entrepot import clock
from entrepot.errors import NoSpace
from entrepot.keys import keys, policies
from entrepot.keys.data_keys import DataKeys
from entrepot.registry import garbage, reencryption, uploads
from entrepot.registry.garbage import REPLACED_KEPT
from entrepot.registry.reencryption import Course
from entrepot.registry.verification import verify
from entrepot.rootkey import RootKey
from entrepot.runtime import Runtime
from entrepot.sealing.customers import Customer
from entrepot.settings import Settings
from entrepot.storage.drivers import open_store
from tests.support.database import database_in
from tests.support.registry import REGISTRY, create, image_of, put, sha256

KEYS = {1: bytes(range(32)), 2: bytes(range(32, 64))}
MARKER = b"a sentence that nobody shall find at rest, "
SMALL, LARGE = MARKER, MARKER * 50_000


def nothing(*progress):
    """Nobody looks."""


@pytest.fixture
def runtime(tmp_path):
    """One whose root key has two versions, the first of which seals, and whose blobs are sealed."""
    with database_in(tmp_path) as database:
        root_key = RootKey(KEYS)
        root_key.seals = 1
        yield Runtime(
            Settings(data=tmp_path, default_at_rest="service", least_free=0),
            database,
            open_store(f"file://{tmp_path}/blobs"),
            root_key,
        )


@pytest.fixture
def app(runtime):
    return create(runtime)


def push(runtime, repository, content, *, seal):
    """The digest of *content*, which an image names."""
    digest, at_rest, key, kept = sha256(content), runtime.at_rest, None, None
    if len(content) > 1000:
        upload = clock.new_uuid()
        with at_rest.append(upload, 0, 0 if seal else None) as appending:
            appending.write(content)
            appending.commit()
        size = appending.sealed_size if seal else None
        key = at_rest.finish(upload, repository.account, digest, sealed_size=size)
    else:
        kept = at_rest.into_row(content, digest, sealed=seal)
    runtime.database.write(
        lambda tx: uploads.finish(
            tx, repository, None, digest=digest, size=len(content), key=key, content=kept, sealed=seal
        )
    )
    put(runtime, repository, image_of([content]))
    return digest


def rows(runtime):
    with runtime.database.reading() as tx:
        return tx._connection.execute("SELECT digest, key, content, sealing FROM blobs ORDER BY id").fetchall()


def at_rest(runtime):
    """All bytes of blobs that lie anywhere."""
    objects = [b"".join(runtime.store.read(entry.name)) for entry in runtime.store.objects()]
    return b"".join([*objects, *(row["content"] or b"" for row in rows(runtime))])


def test_plain_blobs_are_sealed_and_sealed_ones_made_plain(runtime, app):
    for content in (SMALL, LARGE):
        push(runtime, app, content + b"1", seal=False)
        push(runtime, app, content + b"2", seal=True)

    for seal, changed in ((True, 2), (False, 4), (False, 0), (True, 4)):
        report = reencryption.reencrypt(runtime, nothing, seal=seal)
        assert (report.blobs, report.damage) == (changed, ())
        assert report.size == changed // 2 * (len(SMALL) + len(LARGE) + 2)
        assert {row["sealing"] for row in rows(runtime)} == {"service" if seal else None}
        garbage.collect(runtime, grace=0)
        assert (MARKER in at_rest(runtime)) is not seal
        assert verify(runtime, nothing).damage == ()


def test_after_a_rotation_what_is_sealed_is_sealed_under_the_new_version_and_nothing_else_is_touched(runtime, app):
    for content in (SMALL, LARGE):
        push(runtime, app, content + b"1", seal=False)
        push(runtime, app, content + b"2", seal=True)
    plain = [row for row in rows(runtime) if row["sealing"] is None]
    assert reencryption.versions(runtime, nothing) == {1: 2}
    runtime.root_key.seals = 2

    report = reencryption.reencrypt(runtime, nothing, seal=None)

    assert report.blobs == 2
    assert reencryption.versions(runtime, nothing) == {2: 2}
    assert [row for row in rows(runtime) if row["sealing"] is None] == plain
    garbage.collect(runtime, grace=0)
    alone = Runtime(runtime.settings, runtime.database, runtime.store, RootKey({2: KEYS[2]}))
    assert verify(alone, nothing).damage == ()


def test_uploads_that_have_begun_need_their_version_until_they_end(runtime, app):
    sessions = [runtime.database.write(partial(_begun, runtime=runtime, app=app, where=w)) for w in ("row", "store")]
    runtime.root_key.seals = 2

    assert reencryption.reencrypt(runtime, nothing, seal=None).blobs == 0

    assert len(sessions) == 2
    assert reencryption.versions(runtime, nothing) == {1: 2}


def _begun(tx, runtime, app, where):
    session = uploads.begin(tx, app, principal="me", settings=runtime.settings)
    content, size = runtime.at_rest.into_row(b"abc", session, sealed=True), 0
    if where == "store":
        content = None
        with runtime.at_rest.append(session, 0, 0) as appending:
            appending.write(b"abc")
            appending.commit()
        size = appending.sealed_size
    tx._connection.execute(
        "UPDATE uploads SET content = ?, sealed_size = ?, size = 3 WHERE id = ?", (content, size, session)
    )
    return session


def test_an_object_that_was_replaced_stays_for_who_is_reading_it(runtime, app):
    digest = push(runtime, app, LARGE, seal=True)
    ((_, old, _, _),) = rows(runtime)
    reading = runtime.at_rest.read(old, sealed=True)
    begun = next(reading)

    reencryption.reencrypt(runtime, nothing, seal=False)
    garbage.collect(runtime, grace=86_400)

    assert sha256(begun + b"".join(reading)) == digest
    assert b"".join(runtime.at_rest.read(old, sealed=True)) == LARGE
    collected = garbage.collect(runtime, grace=86_400, now=clock.now() + REPLACED_KEPT + 1)
    assert (collected.replaced, collected.objects) == (1, 0)
    assert runtime.store.size(old) is None
    assert garbage.collect(runtime, grace=86_400, now=clock.now() + 10 * REPLACED_KEPT).replaced == 0
    assert verify(runtime, nothing).damage == ()


def test_a_blob_that_is_damaged_is_left_as_it_is_and_told(runtime, app, tmp_path):
    digests = [push(runtime, app, LARGE + end, seal=False) for end in (b"1", b"2", b"3")]
    (_, (_, key, _, _), _) = rows(runtime)
    (tmp_path / "blobs" / key).write_bytes(LARGE + b"x")

    report = reencryption.reencrypt(runtime, nothing, seal=True)

    assert report.blobs == 2
    (sentence,) = report.damage
    assert sentence.startswith(f"blob {digests[1]} of 123456789012 is left as it is: its bytes have the digest sha256:")
    assert [row["sealing"] for row in rows(runtime)] == ["service", None, "service"]
    assert rows(runtime)[1]["key"] == key
    assert list(runtime.store.uploads()) == []


def test_a_row_that_is_damaged_holds_up_no_other(runtime, app):
    digests = [push(runtime, app, SMALL + end, seal=True) for end in (b"1", b"2", b"3")]
    damage = b"\0" * 60
    runtime.database.write(
        lambda tx: tx._connection.execute("UPDATE blobs SET content = ? WHERE digest = ?", (damage, digests[1]))
    )
    runtime.root_key.seals = 2

    report = reencryption.reencrypt(runtime, nothing, seal=None)

    assert report.blobs == 2
    assert digests[1] in report.damage[0]
    assert reencryption.versions(runtime, nothing) == {1: 1, 2: 2}


def test_a_run_that_was_cut_short_is_gone_on_with_by_the_next(runtime, app):
    for number in range(5):
        push(runtime, app, LARGE + bytes([number]), seal=False)

    class Cut(Exception):
        pass

    def cut(course):
        if course.seen > 2 * len(LARGE):
            raise Cut

    with pytest.raises(Cut):
        reencryption.reencrypt(runtime, cut, seal=True)

    assert reencryption.reencrypt(runtime, nothing, seal=True).blobs == 3
    assert reencryption.reencrypt(runtime, nothing, seal=True).blobs == 0
    garbage.collect(runtime, grace=0)
    assert len(list(runtime.store.objects())) == 5
    assert verify(runtime, nothing).damage == ()


def test_a_run_goes_on_behind_the_blob_that_the_last_one_came_to(runtime, app):
    for number in range(4):
        push(runtime, app, LARGE + bytes([number]), seal=False)
    left = Course(after=2, seen=2 * len(LARGE) + 2, blobs=2, size=2 * len(LARGE) + 2)

    course = reencryption.reencrypt(runtime, nothing, seal=True, course=left)

    assert [row["sealing"] for row in rows(runtime)] == [None, None, "service", "service"]
    all_ = 4 * len(LARGE) + 4
    assert course == Course(after=4, seen=all_, total=all_, blobs=4, size=all_)


def test_a_run_is_ended_in_the_middle_of_a_blob_and_leaves_nothing_of_it(runtime, app):
    push(runtime, app, LARGE, seal=False)

    class Cut(Exception):
        pass

    def cut(course):
        assert course.seen == 0
        raise Cut

    with pytest.raises(Cut):
        reencryption.reencrypt(runtime, cut, seal=True)

    assert rows(runtime)[0]["sealing"] is None
    assert len(list(runtime.store.objects())) == 1
    assert list((runtime.settings.data / "blobs/uploads").iterdir()) == []


def test_a_blob_that_goes_while_it_is_written_anew_leaves_nothing(runtime, app):
    push(runtime, app, LARGE, seal=False)
    ((_, gone, _, _),) = rows(runtime)

    class Going:
        """The same store; just when it publishes, the blob is collected and pushed anew."""

        def __getattr__(self, name):
            return getattr(runtime.store, name)

        def finish(self, upload, domain, digest):
            key = runtime.store.finish(upload, domain, digest)
            runtime.database.write(lambda tx: tx._connection.execute("DELETE FROM blobs"))
            push(runtime, app, LARGE, seal=False)
            return key

    other = Runtime(runtime.settings, runtime.database, Going(), runtime.root_key)

    report = reencryption.reencrypt(other, nothing, seal=True)

    assert (report.blobs, report.damage) == (0, ())
    ((_, key, _, sealing),) = rows(runtime)
    assert sealing is None
    assert b"".join(runtime.store.read(key)) == LARGE
    assert {entry.name for entry in runtime.store.objects()} == {gone, key}


def test_where_the_disk_is_nearly_full_nothing_is_begun(runtime, app):
    push(runtime, app, LARGE, seal=False)
    full = Runtime(
        Settings(data=runtime.settings.data, least_free=1 << 60), runtime.database, runtime.store, runtime.root_key
    )

    with pytest.raises(NoSpace):
        reencryption.reencrypt(full, nothing, seal=True)

    assert rows(runtime)[0]["sealing"] is None


@pytest.mark.parametrize("twice", [False, True], ids=["KMS", "KMS_DSSE"])
def test_what_a_customers_key_seals_changes_as_far_as_we_seal_it_too(runtime, app, twice):
    """A small blob, a large one and a manifest: under the customer's key for good, around that under our newest."""
    data_keys = DataKeys(runtime.database, runtime.root_key)
    runtime = dataclasses.replace(runtime, data_keys=data_keys)
    policy = policies.default(REGISTRY.account)
    made = partial(keys.create, registry=REGISTRY, description="", policy=policy, root_key=runtime.root_key)
    customer = Customer(runtime.database.write(made).arn, REGISTRY.repository_arn("app"), twice=twice)
    digests = [push_for(runtime, app, content, customer=customer) for content in (SMALL, LARGE)]
    text = put(runtime, app, image_of([SMALL, LARGE]))
    seal_text(runtime, text, customer)

    assert reencryption.versions(runtime, nothing) == ({1: 3} if twice else {})
    runtime.root_key.seals = 2
    report = reencryption.reencrypt(runtime, nothing, seal=False)

    assert (report.blobs, report.damage) == (2 if twice else 0, ())
    assert reencryption.versions(runtime, nothing) == ({2: 3} if twice else {})
    assert {row["sealing"] for row in rows(runtime)} == {customer.key}
    for row, content in zip(rows(runtime), (SMALL, LARGE), strict=True):
        assert row["digest"] in digests
        if row["key"]:
            assert b"".join(runtime.at_rest.read(row["key"], sealed=True)) == content
        else:
            assert runtime.at_rest.from_row(row["content"], row["digest"], sealed=True) == content
    assert runtime.at_rest.from_row(kept_text(runtime, text), text, sealed=True) == b"the text"


def push_for(runtime, repository, content, *, customer):
    digest, at_rest, key, kept = sha256(content), runtime.at_rest, None, None
    if len(content) > 1000:
        upload = clock.new_uuid()
        with at_rest.append(upload, 0, 0, customer=customer) as appending:
            appending.write(content)
            appending.commit()
        size = appending.sealed_size
        key = at_rest.finish(upload, repository.account, digest, sealed_size=size, customer=customer)
    else:
        kept = at_rest.into_row(content, digest, sealed=True, customer=customer)
    runtime.database.write(
        lambda tx: uploads.finish(
            tx, repository, None, digest=digest, size=len(content), key=key, content=kept, sealed=True
        )
    )
    runtime.database.write(lambda tx: tx._connection.execute("UPDATE blobs SET sealing = ?", (customer.key,)))
    return digest


def seal_text(runtime, digest, customer):
    kept = runtime.at_rest.into_row(b"the text", digest, sealed=True, customer=customer)
    runtime.database.write(
        lambda tx: tx._connection.execute("UPDATE manifests SET content = ?, sealed_of = 8", (kept,))
    )


def kept_text(runtime, digest):
    with runtime.database.reading() as tx:
        return tx._connection.execute("SELECT content FROM manifests WHERE digest = ?", (digest,)).fetchone()[0]
