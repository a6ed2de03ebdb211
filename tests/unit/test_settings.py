"""Settings: where they come from, and how wrong ones are refused."""

import dataclasses
from pathlib import Path

import pytest

from entrepot.settings import KINDS, SettingRefused, Settings, load
from tests.support.data import ROOT
from tools.settings_page import page


def _config(tmp_path, text):
    file = tmp_path / "entrepot.toml"
    file.write_text(text)
    return file


def test_a_flag_counts_before_the_environment_before_the_file_before_the_default(tmp_path):
    config = _config(tmp_path, "workers = 2\ngc_grace = 2\ngc_interval = 2\n")
    environ = {"ENTREPOT_WORKERS": "3", "ENTREPOT_GC_GRACE": "3"}

    settings = load({"workers": "4"}, environ, config=config)

    assert (settings.workers, settings.gc_grace, settings.gc_interval) == (4, 3, 2)
    assert settings.upload_lifetime == 86400


def test_the_environment_can_name_the_file(tmp_path):
    config = _config(tmp_path, 'region = "eu-west-1"\n')

    assert load({}, {"ENTREPOT_CONFIG": str(config)}).region == "eu-west-1"


def test_a_flag_that_was_not_given_counts_nothing():
    assert load({"workers": None}, {"ENTREPOT_WORKERS": "3"}).workers == 3


def test_every_kind_can_be_said_in_every_place(tmp_path):
    config = _config(
        tmp_path,
        'data = "/d"\nlisten = "[::1]:1"\nworkers = 2\ninsecure_http = true\nregions = ["eu-west-1", "us-west-2"]\n',
    )
    text = {
        "data": "/d",
        "listen": "[::1]:1",
        "workers": "2",
        "insecure_http": "true",
        "regions": "eu-west-1, us-west-2",
    }

    expected = Settings(
        data=Path("/d"), listen="[::1]:1", workers=2, insecure_http=True, regions=("eu-west-1", "us-west-2")
    )
    assert load({}, {}, config=config) == expected
    assert load({}, {f"ENTREPOT_{name.upper()}": value for name, value in text.items()}) == expected
    assert load(text, {}) == expected


def test_paths_begin_at_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    settings = load({"keys": "../k"}, {})

    assert settings.data == tmp_path / "data"
    assert settings.keys == tmp_path.parent / "k"
    assert settings.storage_url == f"file://{tmp_path}/data/blobs"


@pytest.mark.parametrize(
    ("flags", "environ", "toml", "words"),
    [
        ({}, {"ENTREPOT_WORKER": "1"}, "", "ENTREPOT_WORKER is no setting; did you mean workers?"),
        ({}, {}, "worker = 1", "worker in FILE is no setting; did you mean workers?"),
        ({}, {}, "[serve]\nworkers = 1", "serve in FILE is no setting"),
        ({"workers": "two"}, {}, "", "--workers must be a whole number, not 'two'"),
        ({}, {"ENTREPOT_WORKERS": "1.5"}, "", "ENTREPOT_WORKERS must be a whole number, not '1.5'"),
        ({}, {"ENTREPOT_WORKERS": ""}, "", "ENTREPOT_WORKERS must be a whole number, not ''"),
        ({}, {}, 'workers = "2"', "workers in FILE must be a whole number, not '2'"),
        ({}, {}, "workers = true", "workers in FILE must be a whole number, not True"),
        ({}, {}, "insecure_http = 1", "insecure_http in FILE must be true or false, not 1"),
        ({}, {"ENTREPOT_INSECURE_HTTP": "maybe"}, "", "ENTREPOT_INSECURE_HTTP must be true or false, not 'maybe'"),
        ({}, {}, 'regions = "us-east-1"', "regions in FILE must be a list of texts, not 'us-east-1'"),
        ({}, {}, "regions = [1]", "regions in FILE must be a list of texts, not [1]"),
        ({}, {}, "data = 1", "data in FILE must be a path, not 1"),
        ({"data": ""}, {}, "", "--data is empty"),
        ({"workers": "0"}, {}, "", "--workers must be between 1 and 256, not 0"),
        ({"gc_grace": "-1"}, {}, "", "--gc-grace must be between 0 and"),
        ({"listen": "5000"}, {}, "", "--listen: '5000' must be ADDRESS:PORT"),
        ({"listen": "::1:5000"}, {}, "", "--listen: '::1:5000' must be ADDRESS:PORT"),
        ({"listen": "127.0.0.1:65536"}, {}, "", "--listen: '127.0.0.1:65536' must be ADDRESS:PORT"),
        ({"trusted_proxies": "10.0.0.0/8,10.0.0.1/8"}, {}, "", "--trusted-proxies: '10.0.0.1/8' is no network"),
        ({"account": "1234"}, {}, "", "--account: '1234' must be twelve digits"),
        ({"region": "mars"}, {}, "", "--region: 'mars' is no region"),
        ({"regions": "us-east-1,x"}, {}, "", "--regions: 'x' is no region"),
        ({"hostname": "https://x"}, {}, "", "--hostname: 'https://x' must be a host name"),
        ({"hostname": "{user}.x"}, {}, "", "--hostname: '{user}.x' must be a host name"),
        ({"tls_cert": __file__}, {}, "", "tls_cert and tls_key go together: tls_key is missing"),
        ({"tls_key": __file__}, {}, "", "tls_cert and tls_key go together: tls_cert is missing"),
        ({"tls_cert": "/nowhere", "tls_key": __file__}, {}, "", "tls_cert: there is no file /nowhere"),
        ({"data": "/d", "keys": "/d/keys"}, {}, "", "keys: /d/keys lies inside the data folder"),
        ({}, {}, "workers", "The settings in FILE are no TOML"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path, flags, environ, toml, words):
    config = _config(tmp_path, toml)

    with pytest.raises(SettingRefused) as refused:
        load(flags, environ, config=config)

    assert str(refused.value).startswith(words.replace("FILE", str(config)))


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(SettingRefused, match="The settings in /nowhere cannot be read"):
        load({}, {"ENTREPOT_CONFIG": "/nowhere"})


def test_variables_of_others_are_none_of_ours():
    load({}, {"ENTREPOT": "1", "PATH": "/bin", "ENTREPOT_TEST_DATA": "/x"})


def test_every_setting_says_what_it_means_and_takes_its_own_default():
    for field in dataclasses.fields(Settings):
        assert field.metadata["meaning"].endswith((".", ")"))
        default = field.default
        if isinstance(default, bool | int | str):
            text = str(default).lower() if isinstance(default, bool) else str(default)
            assert getattr(load({field.name: text}, {}), field.name) == default


def test_the_page_of_settings_is_up_to_date():
    """If this fails: python -m tools.settings_page > docs/settings.md."""
    assert (ROOT / "docs" / "settings.md").read_text() == page()
    assert all(f"`{name}`" in page() for name in KINDS)
