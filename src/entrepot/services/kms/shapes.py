"""Shapes of answers, and what several operations do alike."""

from collections.abc import Iterable, Mapping
from typing import Any

from entrepot.call import Call
from entrepot.database import Transaction
from entrepot.identity.entity_tags import Tag
from entrepot.keys import grants, keys, material, names, policies
from entrepot.keys.faults import DryRun, KeyPolicyLocksOut
from entrepot.keys.grants import Grant
from entrepot.keys.keys import Key

Output = dict[str, Any]

SYMMETRIC = "SYMMETRIC_DEFAULT"


def key(call: Call, key_id: str) -> Key:
    """The key that a call names. Raises: KeyNotFound, AliasNotFound, and what ``names.reference`` raises."""
    return keys.get(call.tx, names.reference(key_id, call.registry))


def tags_in(tags: Iterable[Mapping[str, str]]) -> list[Tag]:
    """Tags as KMS has them, as everybody has them."""
    return [Tag(tag["TagKey"], tag["TagValue"]) for tag in tags]


def check_not_locked_out(call: Call, key: Key) -> None:
    """Return if who asks could change the policy of *key* again, grants aside. Raises: KeyPolicyLocksOut."""
    guard = policies.guard_with(call.tx, key, None)
    decision = call.directory.decide(call.principal, "kms:PutKeyPolicy", key.arn, facts=call.facts, guard=guard)
    if not decision.allowed:
        raise KeyPolicyLocksOut


def metadata(tx: Transaction, shown: Key) -> Output:
    """A key, as DescribeKey shows it."""
    return {
        "AWSAccountId": shown.registry.account,
        "KeyId": shown.id,
        "Arn": shown.arn,
        "CreationDate": shown.created_at,
        "Enabled": shown.state == "Enabled",
        "Description": shown.description,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": shown.state,
        "DeletionDate": shown.deletion_at,
        "Origin": "AWS_KMS",
        "KeyManager": "AWS" if keys.is_managed(tx, shown) else "CUSTOMER",
        "CustomerMasterKeySpec": SYMMETRIC,
        "KeySpec": SYMMETRIC,
        "EncryptionAlgorithms": [SYMMETRIC],
        "MultiRegion": False,
        "CurrentKeyMaterialId": material.public_id(shown.id, material.latest(tx, shown.id)),
    }


def grant(tx: Transaction, found: Grant, arn: str) -> Output:
    """A grant, as lists show it; *arn* is its key's."""
    terms = grants.shown(tx, found.terms)
    return {
        "KeyId": arn,
        "GrantId": found.id,
        "Name": terms.name,
        "CreationDate": found.created_at,
        **_principal("Grantee", terms.grantee),
        **(_principal("Retiring", terms.retiree) if terms.retiree else {}),
        "IssuingAccount": found.issuer,
        "Operations": list(terms.operations),
        "Constraints": dict(terms.constraints) or None,
    }


def _principal(role: str, name: str) -> Output:
    return {f"{role}{'Service' if name.endswith('.amazonaws.com') else ''}Principal": name}


def end_dry_run(wanted: bool) -> None:
    """Return unless only whether the call would succeed was asked. Raises: DryRun."""
    if wanted:
        raise DryRun
