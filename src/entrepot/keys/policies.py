"""
Key policies, and what guards a key when rights are decided: its policy and the grants to whoever asks.

Without a word of the key's policy not even the account's own policies count. What is stored names users and roles by
their unique ids (``identity.named``). Source: security-design 5.2; KMS developer guide, "Key policies in AWS KMS".
"""

import json

from sqlalchemy import bindparam, update

from entrepot.database import Statement, Transaction
from entrepot.identity import entity_tags, named
from entrepot.identity.facts import Guard, by_tag
from entrepot.identity.faults import PrincipalUnknown
from entrepot.identity.policy import Kind, Malformed, Policy, compile_policy, parse
from entrepot.identity.principals import Principal
from entrepot.identity.rows import raise_generation
from entrepot.keys import aliases, grants, names
from entrepot.keys.faults import KeyPolicyMalformed
from entrepot.keys.keys import Key, find
from entrepot.keys.tables import kms_keys
from entrepot.names import Arn

_PUT = Statement(update(kms_keys).where(kms_keys.c.id == bindparam("key")).values(policy=bindparam("document")))


def default(account: str) -> str:
    """The policy of a key that was made without one: its account's own policies decide."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}, indent=2)


def checked(tx: Transaction, text: str, *, account: str) -> str:
    """A key policy of *account* as its row keeps it. Raises: KeyPolicyMalformed."""
    try:
        parse(text, Kind.KEY)
        return named.stored(tx, text, account=account)
    except Malformed as fault:
        raise KeyPolicyMalformed(reason=str(fault)) from fault
    except PrincipalUnknown as fault:
        reason = "Policy contains a statement with one or more invalid principals."
        raise KeyPolicyMalformed(reason=reason) from fault


def shown(tx: Transaction, key: Key) -> str:
    """The policy of a key, as people see it."""
    return named.shown(tx, key.policy)


def put(tx: Transaction, key: Key, stored: str) -> None:
    """Set the policy of a key, as ``checked`` gives it."""
    tx.run(_PUT, key=key.id, document=stored)
    raise_generation(tx)


def guard_of(tx: Transaction, arn: str, caller: Principal) -> Guard | None:
    """
    What guards the key of *arn* against *caller*; None for an ARN of anything else, and of no account.

    A key that is not there is guarded as a new one is: that there is none is told to those who might use it.
    """
    parts = Arn.find(arn)
    if parts is None or parts.service != "kms" or not parts.account or not parts.resource.startswith(names.KEY):
        return None
    key = find(tx, parts.resource.removeprefix(names.KEY))
    if key is None or key.arn != arn:
        return Guard(parts.account, compile_policy(default(parts.account), Kind.KEY))
    return guard_with(tx, key, grants.policy_of(grants.of_caller(tx, key.id, caller)))


def guard_with(tx: Transaction, key: Key, granted: Policy | None) -> Guard:
    """What guards a key, with *granted* for the grants on it."""
    context = by_tag("aws:resourcetag", entity_tags.tags_of(tx, key.id)) | {
        "kms:keyspec": "SYMMETRIC_DEFAULT",
        "kms:keyusage": "ENCRYPT_DECRYPT",
        "kms:keyorigin": "AWS_KMS",
        "kms:multiregion": "false",
        "kms:resourcealiases": [alias.name for alias in aliases.of_key(tx, key.id)],
    }
    return Guard(key.registry.account, compile_policy(key.policy, Kind.KEY), granted, context)
