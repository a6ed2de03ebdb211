"""
The key of KMS for secrets that name none: ``alias/aws/secretsmanager``, which nobody else may call a key.

Its policy lets people use it through Secrets Manager alone, and manage nothing. It is made when it is first needed.

Source: KMS developer guide, "AWS managed keys"; Secrets Manager user guide, "Key policy of the AWS managed key".
"""

import json

from entrepot.database import Transaction
from entrepot.keys import aliases, keys, names, rotation
from entrepot.keys.keys import Key
from entrepot.names import Registry
from entrepot.rootkey import RootKey

SERVICE = "secretsmanager"
ALIAS = f"{names.RESERVED}{SERVICE}"
_DESCRIPTION = "Default key that protects my Secrets Manager data when no other key is defined"


def ensured(tx: Transaction, registry: Registry, root_key: RootKey) -> Key:
    """The key in *registry*, made now if it is not there."""
    alias = aliases.find(tx, registry, ALIAS)
    if alias is not None:
        return keys.by_id(tx, alias.key_id)
    key = keys.create(tx, registry, description=_DESCRIPTION, policy=_policy(registry), root_key=root_key)
    aliases.put(tx, key, ALIAS)
    rotation.enable(tx, key, days=rotation.USUAL_DAYS)
    return key


def through(registry: Registry) -> str:
    """What ``kms:ViaService`` says where Secrets Manager asks KMS for somebody."""
    return f"{SERVICE}.{registry.region}.amazonaws.com"


def _policy(registry: Registry) -> str:
    """Used by whoever may use the service, through that; looked at by the account."""
    use = {
        "Sid": "Allow access through AWS Secrets Manager for all principals in the account that may use it",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": through(registry), "kms:CallerAccount": registry.account}},
    }
    look = {
        "Sid": "Allow direct access to key metadata to the account",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{registry.account}:root"},
        "Action": ["kms:Describe*", "kms:Get*", "kms:List*"],
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "auto-secretsmanager-2", "Statement": [use, look]}, indent=2)
