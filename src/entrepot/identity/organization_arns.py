"""What a request about an organization is about, as policies name it: requests have ids, policies have ARNs."""

from entrepot.database import Transaction
from entrepot.identity import entity_tags, organization, organization_policies, organization_tree
from entrepot.identity.facts import Guard, by_tag
from entrepot.identity.organization_faults import PolicyMissing, TargetNotFound

#: Before the id of a policy, root, unit or account, where an ARN is to stand.
PREFIX = "organizations:"
ARN = "arn:aws:organizations:"


def located(tx: Transaction, resource: str, *, account: str) -> str:
    """
    The ARN of what *resource*, ``organizations:<id>``, means to somebody of *account*.

    ``*`` where there is none: only to the account that manages an organization its parts mean anything.
    """
    this, of = resource.removeprefix(PREFIX), organization.find(tx)
    if of is None or of.management_account != account:
        return "*"
    try:
        if this.startswith("p-"):
            return organization_policies.get(tx, this).arn(of)
        return organization_tree.describe(tx, of, this)[1]
    except (PolicyMissing, TargetNotFound):
        return "*"


def guard_of(tx: Transaction, arn: str) -> Guard | None:
    """What conditions may ask about a part of the organization: its tags. None for AWS's own policies."""
    account, this = arn.split(":", 5)[4], arn.rpartition("/")[2]
    if account == "aws":
        return None
    return Guard(account, context=by_tag("aws:resourcetag", entity_tags.tags_of(tx, this)))
