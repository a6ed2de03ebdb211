"""
Tokens of grants: which grant is meant. They open nothing, so there is nothing in them to seal.

A grant counts at once, so a token in any other call than RetireGrant has nothing to add and is not looked at.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from entrepot.errors import Validation
from entrepot.keys import names
from entrepot.keys.faults import GrantTokenInvalid
from entrepot.names import Registry


def token_of(arn: str, grant_id: str) -> str:
    """The token of a grant on the key of *arn*."""
    return base64.urlsafe_b64encode(f"{arn} {grant_id}".encode()).decode()


def of_retirement(arguments: Mapping[str, Any], registry: Registry) -> tuple[str, str]:
    """
    The key and the id of the grant that RetireGrant means, by its token or by both of them.

    Raises: GrantTokenInvalid, Validation, and what ``names.reference`` raises.
    """
    token, key_id, grant_id = (arguments.get(name) for name in ("grant_token", "key_id", "grant_id"))
    if token is not None and (key_id is not None or grant_id is not None):
        raise Validation(reason="Either a GrantToken or a KeyId and a GrantId identify a grant, not both")
    if token is not None:
        return _read(token, registry)
    if key_id is None or grant_id is None:
        raise Validation(reason="A GrantToken, or a KeyId and a GrantId, must be given")
    return names.reference(key_id, registry), grant_id


def _read(token: str, registry: Registry) -> tuple[str, str]:
    try:
        arn, _, grant_id = base64.urlsafe_b64decode(token).decode("ascii").partition(" ")
    except (binascii.Error, ValueError):
        raise GrantTokenInvalid from None
    if not arn.startswith(names.PREFIX):
        raise GrantTokenInvalid
    return names.reference(arn, registry), grant_id
