"""AWS IAM: every operation that is written so far."""

from entrepot.aws.service import Service
from entrepot.identity.policy import Kind
from entrepot.services.iam import (
    access_keys,
    account,
    account_details,
    arns,
    attachments,
    conditions,
    groups,
    inline_policies,
    instance_profiles,
    passwords,
    policies,
    providers,
    roles,
    simulation,
    users,
)

service = Service(
    "iam",
    users,
    access_keys,
    groups,
    passwords,
    account,
    providers,
    roles,
    instance_profiles,
    policies,
    attachments,
    inline_policies,
    account_details,
    simulation,
    resources=arns.of,
    conditions=conditions.of,
    documents={
        "CreatePolicy": ("policy_document", Kind.IDENTITY),
        "CreatePolicyVersion": ("policy_document", Kind.IDENTITY),
        "PutUserPolicy": ("policy_document", Kind.IDENTITY),
        "PutGroupPolicy": ("policy_document", Kind.IDENTITY),
        "PutRolePolicy": ("policy_document", Kind.IDENTITY),
        "CreateRole": ("assume_role_policy_document", Kind.TRUST),
        "UpdateAssumeRolePolicy": ("policy_document", Kind.TRUST),
    },
)
