"""The registry itself: logging in to it, and what it is."""

from collections.abc import Sequence

from entrepot.call import Call
from entrepot.identity.logins import Kind
from entrepot.registry import addresses
from entrepot.services import passwords
from entrepot.services.ecr.shapes import Output


def get_authorization_token(call: Call, *, registry_ids: Sequence[str] = ()) -> Output:
    """
    A password for ``docker login``, good for 12 hours and every private registry that the caller may use.

    Source: Amazon ECR API reference, GetAuthorizationToken.
    """
    password = passwords.issued(call, Kind.PRIVATE)
    return {
        "authorizationData": [
            {**password, "proxyEndpoint": addresses.proxy_endpoint(call.addressed(account), call.runtime.settings)}
            for account in dict.fromkeys(registry_ids or [call.registry.account])
        ]
    }


def describe_registry(call: Call) -> Output:
    """
    The caller's registry and its replication, of which there is none yet.

    Source: Amazon ECR API reference, DescribeRegistry.
    """
    return {"registryId": call.registry.account, "replicationConfiguration": {"rules": []}}
