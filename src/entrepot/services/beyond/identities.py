"""What IAM and STS have no operation for, in the caller's own account."""

from entrepot.call import Call
from entrepot.identity import providers, revocation
from entrepot.identity.faults import InputInvalid


def revoke_sessions(call: Call, *, user_name: str | None = None, role_name: str | None = None) -> None:
    """
    End every session of a user or a role that was issued until now, and the logins made with them.

    At AWS one denies by a policy what is older than a moment. Raises: InputInvalid, EntityNotFound.
    """
    if (user_name is None) == (role_name is None):
        raise InputInvalid(reason="Give either UserName or RoleName")
    if user_name is not None:
        revocation.revoke_of_user(call.tx, call.registry.account, name=user_name)
    if role_name is not None:
        revocation.revoke_of_role(call.tx, call.registry.account, name=role_name)


def set_provider_keys(call: Call, *, open_id_connect_provider_arn: str, key_set: str | None = None) -> None:
    """
    Give the keys (a JWK set) of a provider; without any they are fetched from it again.

    Raises: ProviderNotFound, KeySetRefused.
    """
    found = providers.get(call.tx, call.registry.account, open_id_connect_provider_arn)
    providers.set_jwks(call.tx, found, key_set)
