"""Account settings. Source: Amazon ECR API reference, PutAccountSetting."""

import pytest

from entrepot.errors import Validation
from entrepot.names import Registry
from entrepot.registry import registries
from tests.support.pushing import REGISTRY


@pytest.mark.parametrize(
    ("name", "value"),
    [("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE"), ("REGISTRY_POLICY_SCOPE", "V2"), ("BLOB_MOUNTING", "ENABLED")],
)
def test_a_setting_has_its_default_until_it_is_put(database, name, value):
    with database.reading() as tx:
        assert registries.setting(tx, REGISTRY, name) == value


def test_a_setting_holds_for_one_account_in_one_region(database):
    database.write(lambda tx: registries.put_setting(tx, REGISTRY, "BLOB_MOUNTING", value="DISABLED"))

    with database.reading() as tx:
        assert registries.setting(tx, REGISTRY, "BLOB_MOUNTING") == "DISABLED"
        assert registries.setting(tx, Registry(REGISTRY.account, "eu-west-1"), "BLOB_MOUNTING") == "ENABLED"
        assert registries.setting(tx, Registry("210987654321", REGISTRY.region), "BLOB_MOUNTING") == "ENABLED"


def test_a_setting_can_be_put_again(database):
    for value in ("DISABLED", "DISABLED", "ENABLED"):
        database.write(lambda tx, value=value: registries.put_setting(tx, REGISTRY, "BLOB_MOUNTING", value=value))

    with database.reading() as tx:
        assert registries.setting(tx, REGISTRY, "BLOB_MOUNTING") == "ENABLED"


@pytest.mark.parametrize(("name", "value"), [("BLOB_MOUNTING", "MAYBE"), ("NO_SUCH_SETTING", "ENABLED")])
def test_an_unknown_setting_or_value_is_refused(database, name, value):
    with pytest.raises(Validation):
        database.write(lambda tx: registries.put_setting(tx, REGISTRY, name, value=value))


def test_an_unknown_setting_cannot_be_read(database):
    with database.reading() as tx, pytest.raises(Validation):
        registries.setting(tx, REGISTRY, "NO_SUCH_SETTING")
