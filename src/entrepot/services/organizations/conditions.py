"""What policies may ask about a call beside who asks: the condition keys that its arguments fill."""

from collections.abc import Mapping
from typing import Any

from entrepot.database import Database
from entrepot.identity import organization_policies
from entrepot.identity.facts import Lazy, request_tags
from entrepot.identity.organization_faults import PolicyMissing
from entrepot.identity.policy.requests import Value
from entrepot.names import Registry

Conditions = Mapping[str, Value | Lazy]

# Where these say which kind of policy they are about; others name a policy, which is of some kind.
_TYPE = {
    "CreatePolicy": "type",
    "DisablePolicyType": "policy_type",
    "EnablePolicyType": "policy_type",
    "ListPolicies": "filter",
    "ListPoliciesForTarget": "filter",
}


def of(operation: str, arguments: Mapping[str, Any], registry: Registry, database: Database) -> Conditions:
    """
    The keys of one call, in lower case.

    Source: Service Authorization Reference, "Condition keys for AWS Organizations".
    """
    keys: dict[str, Value | Lazy] = {**request_tags([(tag["Key"], tag["Value"]) for tag in arguments.get("tags", ())])}
    if arguments.get("tag_keys"):
        keys["aws:tagkeys"] = list(arguments["tag_keys"])
    if operation in _TYPE:
        keys["organizations:policytype"] = arguments[_TYPE[operation]]
    elif "policy_id" in arguments:
        keys["organizations:policytype"] = lambda: _type_of(database, arguments["policy_id"])
    return keys


def _type_of(database: Database, policy_id: str) -> str | None:
    try:
        with database.reading() as tx:
            return organization_policies.get(tx, policy_id).kind
    except PolicyMissing:
        return None
