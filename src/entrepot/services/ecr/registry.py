"""The registry itself: logging in to it, and what it is."""

import base64
from collections.abc import Sequence

from entrepot.call import Call
from entrepot.registry import addresses
from entrepot.services.ecr.shapes import Output


def get_authorization_token(call: Call, *, registry_ids: Sequence[str] = ()) -> Output:
    """
    A password for ``docker login``, good for 12 hours and every registry that the caller may use.

    It ends when its session is revoked; when the session ends by itself only with ``cap_login_to_session``.

    Source: Amazon ECR API reference, GetAuthorizationToken.
    """
    if call.access_key_id is None:
        raise RuntimeError("a call that nobody signed has come to a handler")
    capped = call.runtime.settings.cap_login_to_session
    login = call.directory.logins.issue(call.principal, call.access_key_id, call.registry.region, capped=capped)
    token = base64.b64encode(f"AWS:{login.password}".encode()).decode()
    return {
        "authorizationData": [
            {
                "authorizationToken": token,
                "expiresAt": login.expires_at,
                "proxyEndpoint": addresses.proxy_endpoint(call.addressed(account), call.runtime.settings),
            }
            for account in dict.fromkeys(registry_ids or [call.registry.account])
        ]
    }


def describe_registry(call: Call) -> Output:
    """
    The caller's registry and its replication, of which there is none yet.

    Source: Amazon ECR API reference, DescribeRegistry.
    """
    return {"registryId": call.registry.account, "replicationConfiguration": {"rules": []}}
