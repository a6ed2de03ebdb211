"""Root keys in files: which files are taken, who may read them, and which versions they are."""

import os

import pytest

from entrepot.rootkey import RootKeyRefused
from entrepot.rootkey.files import create, in_folder, mounted


@pytest.fixture
def keys(tmp_path):
    folder = tmp_path / "data.keys"
    create(folder, 1)
    return folder


def test_a_root_key_is_32_random_bytes_that_only_its_owner_reads(tmp_path):
    folder = tmp_path / "data.keys"

    key = create(folder, 1)

    assert len(key) == 32
    assert len(set(key)) > 1
    assert in_folder(folder) == {1: key}
    assert os.listdir(folder) == ["root.key"]
    assert (folder / "root.key").stat().st_mode & 0o7777 == 0o600
    assert folder.stat().st_mode & 0o7777 == 0o700


def test_there_is_none_before_the_first_start(tmp_path):
    assert in_folder(tmp_path / "data.keys") == {}
    (tmp_path / "data.keys").mkdir(mode=0o700)
    assert in_folder(tmp_path / "data.keys") == {}


def test_a_root_key_is_never_replaced(keys):
    before = in_folder(keys)

    with pytest.raises(FileExistsError):
        create(keys, 1)

    assert in_folder(keys) == before
    assert os.listdir(keys) == ["root.key"]


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o660, 0o666, 0o777])
def test_abuse_65_a_root_key_open_to_others_is_refused(keys, mode):
    (keys / "root.key").chmod(mode)

    with pytest.raises(RootKeyRefused, match="chmod 600"):
        in_folder(keys)


@pytest.mark.parametrize("mode", [0o750, 0o770, 0o710, 0o705, 0o701, 0o755, 0o777])
def test_abuse_65_a_folder_of_keys_open_to_others_is_refused(keys, mode):
    keys.chmod(mode)

    with pytest.raises(RootKeyRefused, match="chmod 700"):
        in_folder(keys)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_abuse_65_a_root_key_of_its_owner_alone_is_taken(keys, mode):
    (keys / "root.key").chmod(mode)

    assert in_folder(keys).keys() == {1}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("whose", ["root.key", "."])
def test_abuse_65_a_root_key_of_another_user_is_refused(keys, whose):
    os.chown(keys / whose, 12345, -1)

    with pytest.raises(RootKeyRefused, match="another user"):
        in_folder(keys)


@pytest.mark.parametrize("content", [b"", b"short", bytes(range(31)), bytes(range(33)), bytes(1 << 20)])
def test_abuse_65_a_root_key_of_another_size_is_refused(keys, content):
    (keys / "root.key").write_bytes(content)

    with pytest.raises(RootKeyRefused, match="must have 32 bytes"):
        in_folder(keys)


@pytest.mark.parametrize("byte", [b"\0", b"\xff", b"a"])
def test_abuse_65_a_root_key_of_one_byte_repeated_is_refused(keys, byte):
    (keys / "root.key").write_bytes(byte * 32)

    with pytest.raises(RootKeyRefused, match="one byte repeated"):
        in_folder(keys)


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
        in_folder(keys)


def test_abuse_74_a_folder_of_keys_that_is_a_link_is_refused(keys):
    link = keys.with_name("link.keys")
    link.symlink_to(keys)

    with pytest.raises(RootKeyRefused):
        in_folder(link)


def test_a_version_lies_in_a_file_of_its_own(keys):
    second, twelfth = create(keys, 2), create(keys, 12)

    assert sorted(os.listdir(keys)) == ["root.key", "root.key.12", "root.key.2"]
    assert in_folder(keys) == {1: in_folder(keys)[1], 2: second, 12: twelfth}
    (keys / "root.key").unlink()
    assert in_folder(keys) == {2: second, 12: twelfth}


@pytest.mark.parametrize(
    "name", ["root.key.1", "root.key.02", "root.key.256", "root.key.-1", "root.key.", "root.key.2.old", "xroot.key"]
)
def test_a_file_of_another_name_is_no_version(keys, name):
    (keys / name).write_bytes(os.urandom(32))

    assert in_folder(keys).keys() == {1}


def test_abuse_65_each_version_is_looked_at_like_the_first(keys):
    create(keys, 2)
    (keys / "root.key.2").chmod(0o640)

    with pytest.raises(RootKeyRefused, match=r"chmod 600 .*root\.key\.2"):
        in_folder(keys)


@pytest.fixture
def secret(tmp_path):
    """A secret as Kubernetes mounts it: links, to a folder that it exchanges as a whole."""
    inner = tmp_path / "..2026_11_22"
    inner.mkdir()
    for name in ("entrepot", "entrepot.2"):
        (inner / name).write_bytes(os.urandom(32))
        (inner / name).chmod(0o440)
        (tmp_path / name).symlink_to(f"..data/{name}")
    (tmp_path / "..data").symlink_to(inner.name)
    return tmp_path / "entrepot"


def test_a_mounted_secret_has_its_versions_beside_it(secret):
    assert mounted(secret) == {1: secret.read_bytes(), 2: secret.with_name("entrepot.2").read_bytes()}


def test_a_secret_that_is_not_mounted_is_none(tmp_path):
    assert mounted(tmp_path / "entrepot") == {}
    assert mounted(tmp_path / "nowhere" / "entrepot") == {}


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600, 0o640])
def test_abuse_65_a_mounted_secret_may_be_read_by_its_group(secret, mode):
    secret.chmod(mode)

    assert mounted(secret).keys() == {1, 2}


@pytest.mark.parametrize("mode", [0o444, 0o644, 0o404, 0o460, 0o620, 0o602, 0o601, 0o610, 0o777])
def test_abuse_65_a_mounted_secret_that_others_read_or_its_group_writes_is_refused(secret, mode):
    secret.chmod(mode)

    with pytest.raises(RootKeyRefused, match="mount it with mode 0400, or 0440"):
        mounted(secret)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_abuse_65_a_mounted_secret_of_another_user_is_refused(secret):
    os.chown(secret, 12345, -1)

    with pytest.raises(RootKeyRefused, match="another user"):
        mounted(secret)


@pytest.mark.parametrize("content", [b"", bytes(range(31)), b"\0" * 32])
def test_abuse_65_a_mounted_secret_that_can_be_no_key_is_refused(secret, content):
    secret.chmod(0o600)
    secret.write_bytes(content)

    with pytest.raises(RootKeyRefused, match=r"must have 32 bytes|one byte repeated"):
        mounted(secret)


def test_abuse_74_a_mounted_secret_that_is_a_fifo_is_refused(secret):
    secret.unlink()
    os.mkfifo(secret, 0o600)

    with pytest.raises(RootKeyRefused, match="not a regular file"):
        mounted(secret)
