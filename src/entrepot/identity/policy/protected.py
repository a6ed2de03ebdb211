"""What a service refuses by itself, whatever the policies say: changes to things that are AWS's own."""

import re

_OWN_POLICY = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/.*", re.DOTALL)
_OWN_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/aws-(?P<path>service-role|reserved)/.*", re.DOTALL)
_OWN_ALIAS = re.compile(r"arn:aws[a-z-]*:kms:[^:]*:[^:]*:alias/aws/.*", re.DOTALL)

_READS = ("iam:get", "iam:list", "iam:generate", "iam:simulate")
# A role linked to a service is made, described, passed on and taken away through calls of its own.
_LINKED = ("iam:createservicelinkedrole", "iam:deleteservicelinkedrole", "iam:passrole", "iam:updateroledescription")
_ALIASES = ("kms:createalias", "kms:updatealias", "kms:deletealias")


def is_protected(action: str, resource: str) -> bool:
    """
    Whether *action* would change a managed policy or role of AWS's, or an alias of its keys.

    Source: security-design 1.3; IAM user guide, "AWS managed policies" and "Service-linked roles".
    """
    lower = action.lower()
    if lower.startswith("kms:"):
        return lower in _ALIASES and _OWN_ALIAS.fullmatch(resource) is not None
    if not lower.startswith("iam:") or lower.startswith(_READS):
        return False
    role = _OWN_ROLE.fullmatch(resource)
    if role is not None:
        return role["path"] == "reserved" or lower not in _LINKED
    return _OWN_POLICY.fullmatch(resource) is not None
