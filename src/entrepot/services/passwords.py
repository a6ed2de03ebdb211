"""Passwords for ``docker login``, as the operations of ECR and ECR Public give them."""

import base64
from typing import Any

from entrepot.call import Call
from entrepot.identity.logins import Kind


def issued(call: Call, kind: Kind) -> dict[str, Any]:
    """
    The members of an AuthorizationData that are about a new password of the caller's.

    It ends when its session is revoked; when the session ends by itself only with ``cap_login_to_session``.
    """
    if call.access_key_id is None:
        raise RuntimeError("a call that nobody signed has come to a handler")
    capped = call.runtime.settings.cap_login_to_session
    logins = call.directory.logins
    login = logins.issue(call.principal, call.access_key_id, call.registry.region, capped=capped, kind=kind)
    token = base64.b64encode(f"AWS:{login.password}".encode()).decode()
    return {"authorizationToken": token, "expiresAt": login.expires_at}
