"""How much of everything an account has, and how much it may have."""

from sqlalchemy import bindparam, func, select

from entrepot.database import Statement, Transaction
from entrepot.identity import attachments as attachment_rules
from entrepot.identity import credentials, inline_policies
from entrepot.identity import groups as group_rules
from entrepot.identity import instance_profiles as profile_rules
from entrepot.identity import policies as policy_rules
from entrepot.identity import roles as role_rules
from entrepot.identity import users as user_rules
from entrepot.identity.inventory import counted, counting
from entrepot.identity.policy import Kind
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
    "RolesQuota": role_rules.QUOTA,
    "PoliciesQuota": policy_rules.QUOTA,
    "InstanceProfilesQuota": profile_rules.QUOTA,
    "ServerCertificatesQuota": 20,
    "AccessKeysPerUserQuota": credentials.QUOTA,
    "SigningCertificatesPerUserQuota": 2,
    **{f"AttachedPoliciesPer{kind}Quota": attachment_rules.QUOTA for kind in ("User", "Group", "Role")},
    "VersionsPerPolicyQuota": policy_rules.VERSIONS,
    "PolicyVersionsInUseQuota": 10000,
    "PolicySizeQuota": Kind.IDENTITY.rules.limit,
    **{f"{kind.title()}PolicySizeQuota": limit for kind, limit in inline_policies.QUOTA.items()},
    "AssumeRolePolicySizeQuota": Kind.TRUST.rules.limit,
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
