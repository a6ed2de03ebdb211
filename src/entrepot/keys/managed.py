"""
Keys that a service keeps for an account: made when they are first needed, under a policy that nobody can change.

People use such a key through its service alone, and manage nothing of it.

Source: security-design 5.2; KMS developer guide, "AWS managed keys"; Amazon ECR user guide, "Encryption at rest";
Secrets Manager user guide, "Key policy of the AWS managed key".
"""

import json
from typing import NamedTuple

from entrepot.database import Transaction
from entrepot.keys import aliases, keys, names, rotation
from entrepot.keys.keys import Key
from entrepot.names import Registry
from entrepot.rootkey import RootKey


class Service(NamedTuple):
    """A service, as addresses and as people call it; *actions*: what its users do with its key through it."""

    name: str
    title: str
    policy: str  # the Id of the key's policy
    actions: tuple[str, ...]

    @property
    def alias(self) -> str:
        """What its key is called."""
        return f"{names.RESERVED}{self.name}"

    def through(self, registry: Registry) -> str:
        """What ``kms:ViaService`` says where it asks KMS for somebody."""
        return f"{self.name}.{registry.region}.amazonaws.com"


ECR = Service("ecr", "ECR", "auto-ecr-1", ("kms:CreateGrant", "kms:DescribeKey"))
SECRETS_MANAGER = Service(
    "secretsmanager",
    "Secrets Manager",
    "auto-secretsmanager-2",
    ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"),
)


def ensured(tx: Transaction, registry: Registry, service: Service, *, root_key: RootKey) -> Key:
    """The key of *service* in *registry*, made now if it is not there."""
    alias = aliases.find(tx, registry, service.alias)
    if alias is not None:
        return keys.by_id(tx, alias.key_id)
    description = f"Default key that protects my {service.title} data when no other key is defined"
    key = keys.create(tx, registry, description=description, policy=_policy(service, registry), root_key=root_key)
    aliases.put(tx, key, service.alias)
    rotation.enable(tx, key, days=rotation.USUAL_DAYS)
    return key


def _policy(service: Service, registry: Registry) -> str:
    """To be used through the service by whoever may use that; to be looked at by the account, and nothing else."""
    via = {"kms:ViaService": service.through(registry), "kms:CallerAccount": registry.account}
    users = f"all principals in the account that are authorized to use {service.title}"
    use = {
        "Sid": f"Allow access through {service.title} for {users}",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": service.actions,
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
    return json.dumps({"Version": "2012-10-17", "Id": service.policy, "Statement": [use, look]}, indent=2)
