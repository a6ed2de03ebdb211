"""The public registry itself: logging in to it."""

from typing import Any

from entrepot.call import Call
from entrepot.errors import Fault
from entrepot.identity.logins import Kind
from entrepot.services import passwords

_REGION = "us-east-1"


class UnsupportedCommand(Fault, aws="UnsupportedCommandException", oci="UNSUPPORTED"):
    """There is one public registry, which belongs to a region. Members: operation, region."""

    message = "{operation} command is only supported in {region}."


def get_authorization_token(call: Call) -> dict[str, Any]:
    """
    A password for ``docker login`` at the public registry, good for 12 hours; private registries refuse it.

    Raises: UnsupportedCommand. Source: Amazon ECR Public API reference, GetAuthorizationToken.
    """
    if call.registry.region != _REGION:
        raise UnsupportedCommand(operation="GetAuthorizationToken", region=_REGION)
    return {"authorizationData": passwords.issued(call, Kind.PUBLIC)}
