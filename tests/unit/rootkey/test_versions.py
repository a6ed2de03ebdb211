"""The root key in memory: what derives from which version, and that it shows to nobody."""

import pickle

import pytest

from entrepot.rootkey import RootKey, RootKeyRefused, VersionMissing
from entrepot.runtime import Runtime
from entrepot.settings import Settings
from entrepot.storage.drivers import open_store
from tests.support.database import database_in

ONE, TWO = bytes(range(32)), bytes(range(32, 64))


def test_each_version_and_each_label_has_a_key_of_its_own():
    root_key = RootKey({1: ONE, 2: TWO})

    derived = {root_key.derive(label, version) for label in (b"a", b"b") for version in (1, 2)}

    assert len(derived) == 4
    assert all(len(key) == 32 for key in derived)
    assert RootKey({1: ONE}).derive(b"a", 1) == root_key.derive(b"a", 1)


def test_what_version_1_derives_is_what_there_was_before_versions():
    """Everything that was ever sealed depends on it. Computed with RFC 5869 by hand: HMAC and no other code."""
    import hashlib
    import hmac

    extracted = hmac.digest(bytes(32), ONE, hashlib.sha256)
    expected = hmac.digest(extracted, b"deployment-check\x01", hashlib.sha256)

    assert RootKey({1: ONE}).derive(b"deployment-check", 1) == expected


def test_a_version_that_has_come_is_found_when_it_is_asked_for():
    kept = {1: ONE}
    root_key = RootKey(kept, lambda: kept)
    kept[2] = TWO

    assert root_key.derive(b"a", 2) == RootKey({2: TWO}).derive(b"a", 2)
    assert root_key.newest == 2
    assert root_key.seals == 1


def test_who_asks_for_versions_that_there_are_not_has_no_files_read_for_each():
    looked = []

    def again():
        looked.append(1)
        return {1: ONE}

    root_key = RootKey({1: ONE}, again)

    for version in range(2, 100):
        with pytest.raises(VersionMissing):
            root_key.derive(b"a", version)

    assert len(looked) < 10


def test_abuse_65_a_version_that_came_with_an_open_file_is_not_taken():
    def again():
        raise RootKeyRefused("open to others")

    with pytest.raises(RootKeyRefused):
        RootKey({1: ONE}, again).look_again()


def test_abuse_44_a_root_key_shows_in_no_text_and_is_handed_to_nobody(tmp_path):
    key = b"not to be seen in any traceback."
    with database_in(tmp_path) as database:
        runtime = Runtime(Settings(), database, open_store("memory://"), RootKey({1: key}))

        assert "not to be seen" not in repr(runtime)
    assert repr(runtime.root_key) == "RootKey(***)"
    with pytest.raises(TypeError, match="handed to nobody"):
        pickle.dumps(runtime.root_key)
