"""A registry, which is one account in one region, and its settings."""

from sqlalchemy import bindparam, delete, insert, select

from entrepot.database import Statement, Transaction
from entrepot.errors import Validation
from entrepot.names import Registry
from entrepot.registry.tables import account_settings

# The first value of each is its default. Mounting is on: ECR makes it a choice, and here it costs nothing.
_VALUES = {
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE",),
    "REGISTRY_POLICY_SCOPE": ("V2",),
    "BLOB_MOUNTING": ("ENABLED", "DISABLED"),
}

_THIS = (
    account_settings.c.account == bindparam("account"),
    account_settings.c.region == bindparam("region"),
    account_settings.c.name == bindparam("setting"),
)
_FIND = Statement(select(account_settings.c.value).where(*_THIS))
_REMOVE = Statement(delete(account_settings).where(*_THIS))
_PUT = Statement(
    insert(account_settings).values(
        account=bindparam("account"),
        region=bindparam("region"),
        name=bindparam("setting"),
        value=bindparam("new_value"),
    )
)


def setting(tx: Transaction, registry: Registry, name: str) -> str:
    """The value of an account setting, its default where none was put. Raises: Validation."""
    values = _values(name)
    row = tx.one(_FIND, account=registry.account, region=registry.region, setting=name)
    return row["value"] if row else values[0]


def put_setting(tx: Transaction, registry: Registry, name: str, *, value: str) -> None:
    """
    Change an account setting. Raises: Validation.

    Source: Amazon ECR API reference, PutAccountSetting.
    """
    values = _values(name)
    if value not in values:
        raise Validation(reason=f"The value '{value}' is not valid for '{name}': it can be {' or '.join(values)}")
    tx.run(_REMOVE, account=registry.account, region=registry.region, setting=name)
    tx.run(_PUT, account=registry.account, region=registry.region, setting=name, new_value=value)


def _values(name: str) -> tuple[str, ...]:
    if name not in _VALUES:
        raise Validation(reason=f"There is no account setting '{name}': it can be {', '.join(_VALUES)}")
    return _VALUES[name]
