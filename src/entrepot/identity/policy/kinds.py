"""The kinds of policy, what tells them apart, and what a refused document is."""

from dataclasses import dataclass
from enum import Enum

from entrepot.errors import Fault


class Malformed(Fault, aws="MalformedPolicyDocument", oci="UNSUPPORTED"):
    """A policy document breaks a rule. Members: reason (IAM's own sentence)."""

    message = "{reason}"


class TooLarge(Malformed, aws="LimitExceeded", oci="UNSUPPORTED"):
    """A policy document is longer than its kind may be. Members: reason, limit (characters)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """
    What a kind asks of its documents.

    *limit*: characters; *bare*: white space is not counted. *quota*: what IAM calls the limit. *modern*: the version
    must be said and be 2012-10-17. *principal*, *resource*: whether there must be one; else there may be none.
    *plain_sids*: letters and digits only. *arns*: resources must be ARNs as IAM checks them.
    """

    limit: int
    principal: bool
    resource: bool
    modern: bool = False
    bare: bool = False
    quota: str = "PolicySize"
    plain_sids: bool = False
    arns: bool = False


class Kind(Enum):
    """What a document is used as. IDENTITY: managed, inline and boundary; SESSION: of a role session alone."""

    IDENTITY = "identity"
    SESSION = "session"
    SCP = "scp"
    RCP = "rcp"
    TRUST = "trust"
    REPOSITORY = "repository"
    REGISTRY = "registry"
    KEY = "key"
    ENDPOINT = "endpoint"

    @property
    def rules(self) -> Rules:
        """What it asks of its documents."""
        return _RULES[self]


# Source: security-design 1.1; IAM user guide, "IAM and AWS STS quotas"; VPC user guide for endpoints.
_RULES = {
    Kind.IDENTITY: Rules(6_144, principal=False, resource=True, modern=True, bare=True, plain_sids=True, arns=True),
    Kind.SESSION: Rules(2_048, principal=False, resource=True, modern=True, plain_sids=True, arns=True),
    Kind.SCP: Rules(5_120, principal=False, resource=True, modern=True),
    Kind.RCP: Rules(5_120, principal=True, resource=True, modern=True),
    Kind.TRUST: Rules(2_048, principal=True, resource=False, bare=True, quota="ACLSizePerRole", plain_sids=True),
    Kind.REPOSITORY: Rules(10_240, principal=True, resource=False),
    Kind.REGISTRY: Rules(10_240, principal=True, resource=True),
    Kind.KEY: Rules(32_768, principal=True, resource=True),
    Kind.ENDPOINT: Rules(20_480, principal=True, resource=True),
}
