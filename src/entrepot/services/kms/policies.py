"""Key policies: who may do what with a key."""

from entrepot.call import Call
from entrepot.keys import keys, policies
from entrepot.keys.faults import KeyPolicyNotFound
from entrepot.services.kms import shapes
from entrepot.services.kms.shapes import Output

# Source: KMS API reference, PutKeyPolicy: "The only valid value".
_NAME = "default"


def get_key_policy(call: Call, *, key_id: str, policy_name: str = _NAME) -> Output:
    """
    The policy of a key. Raises: KeyNotFound, KeyPolicyNotFound.

    Source: KMS API reference, GetKeyPolicy.
    """
    _check(policy_name)
    return {"Policy": policies.shown(call.tx, shapes.key(call, key_id)), "PolicyName": _NAME}


def put_key_policy(
    call: Call,
    *,
    key_id: str,
    policy: str,
    policy_name: str = _NAME,
    bypass_policy_lockout_safety_check: bool = False,
) -> Output:
    """
    Set the policy of a key.

    Raises: KeyNotFound, KeyPolicyNotFound, KeyPolicyMalformed, KeyPolicyLocksOut (unless it is to be bypassed).
    Source: KMS API reference, PutKeyPolicy.
    """
    _check(policy_name)
    key = shapes.key(call, key_id)
    policies.put(call.tx, key, policies.checked(call.tx, policy, account=key.registry.account))
    if not bypass_policy_lockout_safety_check:
        shapes.check_not_locked_out(call, keys.by_id(call.tx, key.id))
    return {}


def list_key_policies(call: Call, *, key_id: str, limit: int | None = None, marker: str | None = None) -> Output:
    """
    The names of the policies of a key: there is one.

    Raises: KeyNotFound. Source: KMS API reference, ListKeyPolicies.
    """
    shapes.key(call, key_id)
    return {"PolicyNames": [_NAME], "Truncated": False}


def _check(name: str) -> None:
    if name != _NAME:
        raise KeyPolicyNotFound
