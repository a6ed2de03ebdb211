"""AWS KMS: every operation that is written so far."""

from entrepot.aws.service import Service
from entrepot.identity.policy import Kind
from entrepot.services.kms import aliases, arns, ciphers, conditions, grants, keys, policies, rotation, tagging

service = Service(
    "kms",
    keys,
    aliases,
    policies,
    grants,
    rotation,
    ciphers,
    tagging,
    resources=arns.of,
    conditions=conditions.of,
    documents={"CreateKey": ("policy", Kind.KEY), "PutKeyPolicy": ("policy", Kind.KEY)},
)
