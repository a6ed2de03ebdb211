"""How much of everything an account has, and how much it may have."""

from sqlalchemy import bindparam, func, select

from entrepot.database import Statement, Transaction
from entrepot.identity import groups as group_rules
from entrepot.identity import users as user_rules
from entrepot.identity.inventory import counted, counting
from entrepot.identity.tables import (
    access_keys,
    attachments,
    groups,
    instance_profiles,
    oidc_providers,
    policies,
    policy_versions,
    roles,
    users,
)

_COUNTS = {
    "Users": counting(users),
    "Groups": counting(groups),
    "Roles": counting(roles),
    "Policies": counting(policies),
    "InstanceProfiles": counting(instance_profiles),
    "Providers": counting(oidc_providers),
    "PolicyVersionsInUse": Statement(
        select(func.count().label("n"))
        .select_from(policy_versions)
        .join(policies, policies.c.id == policy_versions.c.policy_id)
        .where(policies.c.account == bindparam("account"), policies.c.arn.in_(select(attachments.c.policy_arn)))
    ),
    "AccountAccessKeysPresent": Statement(
        select((func.count() > 0).label("n"))
        .select_from(access_keys)
        .where(access_keys.c.account == bindparam("account"), access_keys.c.user_id.is_(None))
    ),
}
# Source: IAM and STS quotas.
_QUOTAS = {
    "UsersQuota": user_rules.QUOTA,
    "GroupsQuota": group_rules.QUOTA,
    "GroupsPerUserQuota": group_rules.QUOTA_OF_A_USER,
    "RolesQuota": 1000,
    "PoliciesQuota": 1500,
    "InstanceProfilesQuota": 1000,
    "ServerCertificatesQuota": 20,
    "AccessKeysPerUserQuota": 2,
    "SigningCertificatesPerUserQuota": 2,
    "AttachedPoliciesPerUserQuota": 10,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 10,
    "VersionsPerPolicyQuota": 5,
    "PolicyVersionsInUseQuota": 10000,
    "PolicySizeQuota": 6144,
    "UserPolicySizeQuota": 2048,
    "GroupPolicySizeQuota": 5120,
    "RolePolicySizeQuota": 10240,
    "AssumeRolePolicySizeQuota": 2048,
}
# What nobody has here.
_NOTHING = (
    "ServerCertificates",
    "MFADevices",
    "MFADevicesInUse",
    "AccountMFAEnabled",
    "AccountPasswordPresent",
    "AccountSigningCertificatesPresent",
)


def of_account(tx: Transaction, account: str) -> dict[str, int]:
    """
    The summary of an account, by AWS's names.

    Source: IAM API reference, GetAccountSummary.
    """
    counts = {name: counted(tx, statement, account) for name, statement in _COUNTS.items()}
    return counts | _QUOTAS | dict.fromkeys(_NOTHING, 0) | {"GlobalEndpointTokenVersion": 1}
