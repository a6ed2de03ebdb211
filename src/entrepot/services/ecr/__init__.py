"""Amazon ECR: every operation that is written so far."""

from entrepot.aws.service import Service
from entrepot.identity.policy import Kind
from entrepot.services.ecr import (
    arns,
    conditions,
    images,
    layers,
    policies,
    registry,
    repositories,
    settings,
    tagging,
)

service = Service(
    "ecr",
    registry,
    repositories,
    images,
    layers,
    policies,
    settings,
    tagging,
    resources=arns.of,
    conditions=conditions.of,
    documents={
        "SetRepositoryPolicy": ("policy_text", Kind.REPOSITORY),
        "PutRegistryPolicy": ("policy_text", Kind.REGISTRY),
    },
)
