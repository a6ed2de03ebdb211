"""Settings of an account in a region."""

from entrepot.call import Call
from entrepot.registry import registries
from entrepot.services.ecr.shapes import Output


def get_account_setting(call: Call, *, name: str) -> Output:
    """
    The value of a setting. Raises: Validation.

    Source: Amazon ECR API reference, GetAccountSetting.
    """
    return {"name": name, "value": registries.setting(call.tx, call.registry, name)}


def put_account_setting(call: Call, *, name: str, value: str) -> Output:
    """
    Change a setting. Raises: Validation.

    Source: Amazon ECR API reference, PutAccountSetting.
    """
    registries.put_setting(call.tx, call.registry, name, value=value)
    return {"name": name, "value": value}
