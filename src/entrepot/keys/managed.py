"""
Keys that a service keeps for an account: made when they are first needed, under a policy that nobody can change.

Source: security-design 5.2; KMS developer guide, "AWS managed keys"; Amazon ECR user guide, "Encryption at rest".
"""

import json

from entrepot.database import Transaction
from entrepot.keys import aliases, keys, names, rotation
from entrepot.names import Registry
from entrepot.rootkey import RootKey

_ALIAS = f"{names.RESERVED}ecr"
_DESCRIPTION = "Default key that protects my ECR data when no other key is defined"


def of_ecr(tx: Transaction, registry: Registry, root_key: RootKey) -> str:
    """The alias of the key that ECR uses in *registry* where none is named; there is one from now on."""
    if aliases.find(tx, registry, _ALIAS) is None:
        key = keys.create(tx, registry, description=_DESCRIPTION, policy=_policy(registry), root_key=root_key)
        aliases.put(tx, key, _ALIAS)
        rotation.enable(tx, key, days=rotation.USUAL_DAYS)
    return _ALIAS


def _policy(registry: Registry) -> str:
    """To be used through ECR by whoever may use ECR; to be looked at by the account, and nothing else."""
    via = {"kms:ViaService": f"ecr.{registry.region}.amazonaws.com", "kms:CallerAccount": registry.account}
    use = {
        "Sid": "Allow access through ECR for all principals in the account that are authorized to use ECR",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["kms:CreateGrant", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"StringEquals": via},
    }
    look = {
        "Sid": "Allow direct access to key metadata to the account",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{registry.account}:root"},
        "Action": ["kms:Describe*", "kms:Get*", "kms:List*"],
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "auto-ecr-1", "Statement": [use, look]}, indent=2)
