"""Where the root key comes from."""

import base64
import os

import pytest

from entrepot.rootkey import RootKeyRefused
from entrepot.rootkey.providers import found_by, provider_of
from entrepot.settings import SettingRefused, Settings, load

KEY = base64.b64encode(bytes(range(32))).decode()


def test_the_folder_of_keys_is_the_usual_place_and_new_versions_are_made_there(tmp_path):
    provider = provider_of(Settings(data=tmp_path / "data"), {})

    assert provider.load() == {}
    provider.add(1)
    provider.add(2)

    assert provider.load().keys() == {1, 2}
    assert provider.where(2) == f"{tmp_path}/data.keys/root.key.2"
    assert provider.remove(1)
    assert os.listdir(tmp_path / "data.keys") == ["root.key.2"]


def test_a_mounted_secret_is_for_others_to_make_and_to_remove(tmp_path):
    path = tmp_path / "secret"
    provider = provider_of(Settings(root_key_file=path), {})

    with pytest.raises(RootKeyRefused, match=rf"no root key in {path}\. Make it \(openssl rand -out FILE 32\)"):
        provider.add(1)
    path.write_bytes(os.urandom(32))
    path.chmod(0o400)
    assert provider.load() == {1: path.read_bytes()}
    with pytest.raises(RootKeyRefused, match=rf"no root key in {path}\.2"):
        provider.add(2)
    assert provider.remove(1) is False
    assert path.exists()


def test_a_credential_of_systemd_is_a_file_in_its_folder(tmp_path, monkeypatch):
    """`LoadCredential=root.key` with `Environment=ENTREPOT_ROOT_KEY_FILE=%d/root.key`: %d is $CREDENTIALS_DIRECTORY."""
    credential = tmp_path / "root.key"
    credential.write_bytes(bytes(range(32)))
    credential.chmod(0o440)  # as an access list for the user of the service shows

    settings = load({}, {"ENTREPOT_ROOT_KEY_FILE": str(credential)})

    assert provider_of(settings, {}).load() == {1: bytes(range(32))}


def test_abuse_65_variables_are_taken_only_where_that_is_allowed():
    variables = {"ENTREPOT_ROOT_KEY": KEY}

    with pytest.raises(RootKeyRefused, match="ENTREPOT_ROOT_KEY is set"):
        provider_of(Settings(), variables)
    provider = provider_of(Settings(allow_env_root_key=True), variables)

    assert provider.load() == {1: bytes(range(32))}
    assert provider.where(2) == "ENTREPOT_ROOT_KEY_2"
    with pytest.raises(RootKeyRefused, match="ENTREPOT_ROOT_KEY_2"):
        provider.add(2)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ENTREPOT_ROOT_KEY", "not base64!"),
        ("ENTREPOT_ROOT_KEY", KEY[:-4]),
        ("ENTREPOT_ROOT_KEY", base64.b64encode(b"a" * 32).decode()),
        ("ENTREPOT_ROOT_KEY_1", KEY),
        ("ENTREPOT_ROOT_KEY_02", KEY),
        ("ENTREPOT_ROOT_KEY_256", KEY),
        ("ENTREPOT_ROOT_KEY_2", "ü"),
    ],
)
def test_abuse_65_a_variable_that_can_be_no_key_is_refused_and_not_repeated(name, text):
    with pytest.raises(RootKeyRefused) as refused:
        provider_of(Settings(allow_env_root_key=True), {name: text}).load()

    assert name in str(refused.value)
    assert text not in str(refused.value)


def test_a_key_in_a_variable_is_no_setting():
    assert load({}, {"ENTREPOT_ROOT_KEY": KEY, "ENTREPOT_ROOT_KEY_2": KEY}).root_key_file is None
    with pytest.raises(SettingRefused):
        load({"root_key": KEY}, {})


def test_abuse_65_a_mounted_secret_inside_the_data_folder_is_refused(tmp_path):
    with pytest.raises(SettingRefused, match="inside the data folder"):
        load({"data": str(tmp_path), "root_key_file": str(tmp_path / "x" / "root.key")}, {})


def test_without_any_version_there_is_no_root_key(tmp_path):
    provider = provider_of(Settings(data=tmp_path / "data"), {})

    assert found_by(provider) is None
    provider.add(1)
    found = found_by(provider)
    assert found is not None
    assert 1 in found
