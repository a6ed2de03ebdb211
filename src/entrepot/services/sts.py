"""AWS STS: who a caller is."""

import sys
from collections.abc import Mapping
from typing import Any

from entrepot.aws.service import Service
from entrepot.call import Call
from entrepot.names import Registry


def get_caller_identity(call: Call) -> dict[str, str]:
    """
    The caller's unique id, account and ARN. Nobody needs a right for this.

    Source: AWS STS API reference, GetCallerIdentity.
    """
    principal = call.principal
    return {"UserId": principal.id, "Account": principal.account, "Arn": principal.arn}


def _nothing(operation: str, params: Mapping[str, Any], registry: Registry) -> list[tuple[str, str]]:
    return []


service = Service("sts", sys.modules[__name__], resources=_nothing)
