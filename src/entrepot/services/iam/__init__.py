"""AWS IAM: every operation that is written so far."""

from entrepot.aws.service import Service
from entrepot.services.iam import (
    access_keys,
    account,
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
    resources=arns.of,
    conditions=conditions.of,
)
