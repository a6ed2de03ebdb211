"""
AWS Organizations: one organization of several accounts, and the policies that limit them.

What is here is what control policies and condition keys of organizations need; there are no invitations.
"""

from entrepot.aws.service import Service
from entrepot.services.organizations import accounts, arns, conditions, organization, policies, tagging, units

service = Service(
    "organizations",
    organization,
    accounts,
    units,
    policies,
    tagging,
    resources=arns.of,
    conditions=conditions.of,
)
