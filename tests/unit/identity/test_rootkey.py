"""The root key's file: who may read it, and that it belongs to the data."""

import os

import pytest

from entrepot.identity import deployment, rootkey
from entrepot.identity.rootkey import RootKeyRefused
from entrepot.runtime import Runtime
from entrepot.settings import Settings
from entrepot.storage.drivers import open_store


@pytest.fixture
def keys(tmp_path):
    folder = tmp_path / "data.keys"
    rootkey.create(folder)
    return folder


def test_a_root_key_is_32_random_bytes_that_only_its_owner_reads(tmp_path):
    folder = tmp_path / "data.keys"

    key = rootkey.create(folder)

    assert len(key) == 32
    assert len(set(key)) > 1
    assert rootkey.find(folder) == key
    assert os.listdir(folder) == ["root.key"]
    assert (folder / "root.key").stat().st_mode & 0o7777 == 0o600
    assert folder.stat().st_mode & 0o7777 == 0o700


def test_there_is_none_before_the_first_start(tmp_path):
    assert rootkey.find(tmp_path / "data.keys") is None
    (tmp_path / "data.keys").mkdir(mode=0o700)
    assert rootkey.find(tmp_path / "data.keys") is None


def test_a_root_key_is_never_replaced(keys):
    before = rootkey.find(keys)

    with pytest.raises(FileExistsError):
        rootkey.create(keys)

    assert rootkey.find(keys) == before
    assert os.listdir(keys) == ["root.key"]


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o660, 0o666, 0o777])
def test_abuse_65_a_root_key_open_to_others_is_refused(keys, mode):
    (keys / "root.key").chmod(mode)

    with pytest.raises(RootKeyRefused, match="chmod 600"):
        rootkey.find(keys)


@pytest.mark.parametrize("mode", [0o750, 0o770, 0o710, 0o705, 0o701, 0o755, 0o777])
def test_abuse_65_a_folder_of_keys_open_to_others_is_refused(keys, mode):
    keys.chmod(mode)

    with pytest.raises(RootKeyRefused, match="chmod 700"):
        rootkey.find(keys)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_abuse_65_a_root_key_of_its_owner_alone_is_taken(keys, mode):
    (keys / "root.key").chmod(mode)

    assert rootkey.find(keys) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("whose", ["root.key", "."])
def test_abuse_65_a_root_key_of_another_user_is_refused(keys, whose):
    os.chown(keys / whose, 12345, -1)

    with pytest.raises(RootKeyRefused, match="another user"):
        rootkey.find(keys)


@pytest.mark.parametrize("content", [b"", b"short", bytes(range(31)), bytes(range(33)), bytes(1 << 20)])
def test_abuse_65_a_root_key_of_another_size_is_refused(keys, content):
    (keys / "root.key").write_bytes(content)

    with pytest.raises(RootKeyRefused, match="must have 32 bytes"):
        rootkey.find(keys)


@pytest.mark.parametrize("byte", [b"\0", b"\xff", b"a"])
def test_abuse_65_a_root_key_of_one_byte_repeated_is_refused(keys, byte):
    (keys / "root.key").write_bytes(byte * 32)

    with pytest.raises(RootKeyRefused, match="one byte repeated"):
        rootkey.find(keys)


def _symlink(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _fifo(path):
    path.unlink()
    os.mkfifo(path, 0o600)


def _folder(path):
    path.unlink()
    path.mkdir(mode=0o700)


@pytest.mark.parametrize("plant", [_symlink, _fifo, _folder])
def test_abuse_74_a_root_key_that_is_no_plain_file_is_refused(keys, plant):
    plant(keys / "root.key")

    with pytest.raises(RootKeyRefused):
        rootkey.find(keys)


def test_abuse_74_a_folder_of_keys_that_is_a_link_is_refused(keys):
    link = keys.with_name("link.keys")
    link.symlink_to(keys)

    with pytest.raises(RootKeyRefused):
        rootkey.find(link)


def test_data_opens_with_its_own_root_key_only(database):
    """Abuse 65: data without its root key is useless."""
    first = deployment.establish(database, bytes(range(32)))

    assert deployment.establish(database, bytes(range(32))) == first == deployment.find_id(database)
    with pytest.raises(RootKeyRefused, match="not the one that this data was made with"):
        deployment.establish(database, bytes(range(1, 33)))


def test_data_has_no_id_before_the_first_start(database):
    assert deployment.find_id(database) is None


def test_abuse_44_a_root_key_does_not_show_when_what_holds_it_is_printed(database):
    key = b"not to be seen in any traceback."

    shown = repr(Runtime(Settings(), database, open_store("memory://"), key))

    assert "not to be seen" not in shown
