"""Material and ciphertexts: what opens, and that nothing else does."""

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select, update

from entrepot import clock
from entrepot.database import Statement
from entrepot.keys import material
from entrepot.keys.faults import CiphertextInvalid
from entrepot.keys.tables import kms_materials
from entrepot.rootkey import RootKey, VersionMissing
from tests.support.database import database_in
from tests.support.rootkey import root_key

ROOT_KEY = root_key()
CONTEXT = {"aws:ecr:arn": "arn", "b": "c"}


@pytest.fixture
def database(tmp_path):
    with database_in(tmp_path) as database:
        yield database


@pytest.fixture
def keys(database):
    """The ids of two keys with material."""
    ids = [clock.new_uuid(), clock.new_uuid()]
    for each in ids:
        database.write(lambda tx, each=each: material.add(tx, each, ROOT_KEY))
    return ids


def seal(database, key, plain=b"data key", context=CONTEXT):
    with database.reading() as tx:
        return material.seal(tx, key, plain, context=context, root_key=ROOT_KEY)[0]


def opened(database, blob, context=CONTEXT, root_key=ROOT_KEY):
    sealed = material.parse(blob)
    if sealed is None:
        raise CiphertextInvalid
    with database.reading() as tx:
        return material.open_(tx, sealed, context=context, root_key=root_key).plain


def test_abuse_61_no_byte_of_a_ciphertext_can_be_another(database, keys):
    blob = seal(database, keys[0])
    assert opened(database, blob) == b"data key"

    for place in range(len(blob)):
        for flip in (0x01, 0x80):
            changed = bytearray(blob)
            changed[place] ^= flip
            with pytest.raises(CiphertextInvalid):
                opened(database, bytes(changed))


def test_abuse_61_a_ciphertext_has_no_other_length(database, keys):
    blob = seal(database, keys[0])
    for end in range(len(blob)):
        with pytest.raises(CiphertextInvalid):
            opened(database, blob[:end])
    with pytest.raises(CiphertextInvalid):
        opened(database, blob + b"\0")


def test_abuse_61_a_ciphertext_is_of_one_key_and_one_rotation(database, keys):
    """The head of one on the body of another names a key, or a lot of material, that did not seal it."""
    mine, theirs = (seal(database, key) for key in keys)
    head = 21
    database.write(lambda tx: material.add(tx, keys[0], ROOT_KEY, rotation="ON_DEMAND"))
    newer = seal(database, keys[0])

    for blob in (mine[:head] + theirs[head:], theirs[:head] + mine[head:], newer[:head] + mine[head:]):
        with pytest.raises(CiphertextInvalid):
            opened(database, blob)
    assert [opened(database, blob) for blob in (mine, theirs, newer)] == [b"data key"] * 3


@pytest.mark.parametrize(
    ("sealed", "other"),
    [
        ({"a": "bc"}, {"ab": "c"}),
        ({"a": "b", "c": "d"}, {"a": "bcd"}),
        ({"a": ""}, {}),
        ({"a": "", "b": ""}, {"a": "b"}),
        ({"a": "b"}, {"A": "b"}),
        ({"a": "é"}, {"a": "e\u0301"}),
    ],
)
def test_abuse_61_no_two_contexts_are_one(database, keys, sealed, other):
    blob = seal(database, keys[0], context=sealed)

    assert opened(database, blob, context=sealed) == b"data key"
    with pytest.raises(CiphertextInvalid):
        opened(database, blob, context=other)


def test_the_order_of_a_context_does_not_count(database, keys):
    blob = seal(database, keys[0], context={"b": "1", "a": "2"})
    assert opened(database, blob, context={"a": "2", "b": "1"}) == b"data key"


def test_the_same_data_is_never_sealed_alike(database, keys):
    blobs = {seal(database, keys[0]) for _ in range(100)}
    assert len(blobs) == 100
    assert len({blob[21:33] for blob in blobs}) == 100


def test_material_opens_under_its_root_key_alone(database, keys):
    blob = seal(database, keys[0])
    with pytest.raises(InvalidTag):
        opened(database, blob, root_key=root_key(bytes(32)))


def test_abuse_61_rows_of_material_cannot_be_swapped(database, keys):
    """Whoever can write rows, but has no root key, cannot have one key open what another sealed."""
    find = Statement(select(kms_materials.c.sealed).where(kms_materials.c.key_id == keys[1]))
    with database.reading() as tx:
        theirs = tx.one(find)["sealed"]
    swap = Statement(update(kms_materials).where(kms_materials.c.key_id == keys[0]).values(sealed=theirs))
    blob = seal(database, keys[1])

    database.write(lambda tx: tx.run(swap))

    with pytest.raises(InvalidTag):
        seal(database, keys[0])
    assert opened(database, blob) == b"data key"


def test_destroyed_material_opens_nothing(database, keys):
    blob = seal(database, keys[0])
    database.write(lambda tx: material.remove(tx, keys[0]))
    with pytest.raises(CiphertextInvalid):
        opened(database, blob)
    with pytest.raises(RuntimeError):
        seal(database, keys[0])


def test_the_id_of_a_lot_is_its_own_and_stays(database, keys):
    ids = [material.public_id(key, version) for key in keys for version in (1, 2)]
    assert len(set(ids)) == 4
    assert material.public_id(keys[0], 1) == ids[0]
    assert all(len(each) == 64 and bytes.fromhex(each) for each in ids)


def test_material_of_an_older_version_of_the_root_key_is_sealed_anew_and_opens_what_it_sealed(database, keys):
    blobs = [seal(database, key) for key in keys]
    both = root_key(v2=bytes(32))
    both.seals = 2
    with database.reading() as tx:
        assert material.root_versions(tx) == {1: 2}

    assert database.write(lambda tx: material.rewrap(tx, both)) == 2
    assert database.write(lambda tx: material.rewrap(tx, both)) == 0

    with database.reading() as tx:
        assert material.root_versions(tx) == {2: 2}
    alone = RootKey({2: bytes(32)})
    assert [opened(database, blob, root_key=alone) for blob in blobs] == [b"data key"] * 2
    with pytest.raises(VersionMissing):
        opened(database, blobs[0])
