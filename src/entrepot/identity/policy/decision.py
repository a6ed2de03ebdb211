"""The decision: every policy that concerns a request, asked in AWS's order. Source: security-design 1.3."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from entrepot.identity.policy.compiled import Policy
from entrepot.identity.policy.requests import Request

Outcome = Literal["Allowed", "ImplicitlyDenied", "ExplicitlyDenied"]
Layer = Literal["identity", "boundary", "session", "resource", "scp", "rcp", "endpoint"]


@dataclass(frozen=True, slots=True)
class Sides:
    """
    All policies that concern a request.

    *identity*: inline, attached and of groups (nothing is needed for the root user). *boundary*, *session*: None
    where there is none; a session may have several, of which one must allow. *resource*: the repository's, the
    key's or the role's trust policy; *registry*: the registry policy, beside it. *scps*, *rcps*: for each level from
    the root down the policies attached there; empty where there is no organization, and *rcps* also where the
    resource is the management account's. *endpoint*: the VPC endpoint's, None where the request came through none.
    """

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Sequence[Policy] | None = None
    resource: Policy | None = None
    registry: Policy | None = None
    scps: Sequence[Sequence[Policy]] = ()
    rcps: Sequence[Sequence[Policy]] = ()
    endpoint: Policy | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """
    What came out, and why.

    *layer* is the kind of policy that decided: that denied, that allowed, or that did not allow. *policy* (its name)
    and *statement* (its index) are those that matched; None where nothing did. *action* is the one asked for.
    """

    outcome: Outcome
    layer: Layer
    action: str
    policy: str | None = None
    statement: int | None = None

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.outcome == "Allowed"

    @property
    def reason(self) -> str:
        """The end of the refusal, from ``because`` or ``with an explicit deny`` on. Source: ecr-api C.4."""
        raise NotImplementedError


def decide(request: Request, sides: Sides) -> Decision:
    """
    What the policies of *sides* say to *request*.

    Source: security-design 1.3; IAM user guide, "Policy evaluation logic".
    """
    raise NotImplementedError(request, sides)
