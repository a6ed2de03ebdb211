"""What a call is about: the actions that it needs, and the resource of each. Pure."""

from collections.abc import Mapping
from typing import Any

from entrepot.identity.accounts import PREFIX
from entrepot.names import Registry

# By these their caller could become more than it is, so they need beside the right by which AWS guards the like: who
# has been given everything but IAM and Organizations has not been given them.
_BESIDE = {
    "CreateAccount": "organizations:CreateAccount",
    "SetProviderKeys": "iam:UpdateOpenIDConnectProviderThumbprint",
}


def of(operation: str, arguments: Mapping[str, Any], registry: Registry) -> list[tuple[str, str]]:
    """
    Every (action, resource) that the caller must be allowed. *registry* is the caller's own.

    Accounts are the default account's: whoever is of another asks for what is not its own, whatever it may there.
    """
    actions = [f"entrepot:{operation}"]
    if operation in _BESIDE:
        actions.append(_BESIDE[operation])
    if arguments.get("join_organization"):
        actions.append("organizations:InviteAccountToOrganization")
    return [(action, resource) for resource in _resources(operation, arguments, registry) for action in actions]


def _resources(operation: str, arguments: Mapping[str, Any], registry: Registry) -> list[str]:
    if operation in {"CreateAccount", "ListAccounts"}:
        return [f"{PREFIX}account/{arguments.get('account_id') or '*'}"]
    if operation == "SetProviderKeys":
        return [arguments["open_id_connect_provider_arn"]]
    named = [(kind, arguments[f"{kind}_name"]) for kind in ("user", "role") if f"{kind}_name" in arguments]
    return [f"arn:aws:iam::{registry.account}:{kind}/{name}" for kind, name in named] or ["*"]
