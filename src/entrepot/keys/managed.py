"""
Keys that a service has made for an account, the first time that it needs one: called ``alias/aws/…``, which nobody
else may call a key, with a policy that lets people use them through that service alone, and manage nothing.

Source: KMS developer guide, "AWS managed keys"; Secrets Manager user guide, "Key policy of the AWS managed key".
"""

import json

from entrepot.database import Transaction
from entrepot.keys import aliases, keys, names, rotation
from entrepot.keys.keys import Key
from entrepot.names import Registry

_ALIAS = f"{names.ALIAS}aws/"


def is_managed(tx: Transaction, key: Key) -> bool:
    """Whether a service has made the key."""
    return any(alias.name.startswith(_ALIAS) for alias in aliases.of_key(tx, key.id))


def ensured(tx: Transaction, registry: Registry, service: str, *, description: str, root_key: bytes) -> Key:
    """The key of *service* in *registry*, made now if it is not there."""
    name = f"{_ALIAS}{service}"
    alias = aliases.find(tx, registry, name)
    if alias is not None:
        return keys.by_id(tx, alias.key_id)
    key = keys.create(tx, registry, description=description, policy=policy_of(registry, service), root_key=root_key)
    aliases.add(tx, key, name)
    rotation.enable(tx, key, days=rotation.USUAL_DAYS)
    return keys.by_id(tx, key.id)


def policy_of(registry: Registry, service: str) -> str:
    """Who may do what with the key of a service: whoever may use the service, through that; look at it, the account."""
    through = f"Allow access through {service} for all principals in the account that are authorized to use it"
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"]
    look = ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"]
    condition = {
        "kms:CallerAccount": registry.account,
        "kms:ViaService": f"{service}.{registry.region}.amazonaws.com",
    }
    statements = [
        {
            "Sid": through,
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": use,
            "Resource": "*",
            "Condition": {"StringEquals": condition},
        },
        {
            "Sid": "Allow direct access to key metadata to the account",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{registry.account}:root"},
            "Action": look,
            "Resource": "*",
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Id": f"auto-{service}-2", "Statement": statements})
