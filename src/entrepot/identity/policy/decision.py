"""The decision: every policy that concerns a request, asked in AWS's order. Source: security-design 1.3."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from entrepot.identity.policy.compiled import Policy, Question, Rule
from entrepot.identity.policy.principals import ACCOUNT, DIRECT, NOT, VIA
from entrepot.identity.policy.requests import Caller, Request

Outcome = Literal["Allowed", "ImplicitlyDenied", "ExplicitlyDenied"]
Layer = Literal["identity", "boundary", "session", "resource", "scp", "rcp", "endpoint"]


@dataclass(frozen=True, slots=True)
class Sides:
    """
    All policies that concern a request.

    *identity*: inline, attached and of groups (nothing is needed for the root user). *boundary*, *session*: None
    where there is none; a session may have several, of which one must allow. *resource*: the repository's, the
    key's or the role's trust policy; *registry*: the registry policy, or the grants on a key, beside it. *scps*,
    *rcps*: for each level from the root down the policies attached there; empty where there is no organization, and
    *rcps* also where the resource is the management account's. *endpoint*: the VPC endpoint's, None where the request
    came through none.
    *denying*: all of them, in the order in which a deny is named. Made once, and asked many times.
    """

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Sequence[Policy] | None = None
    resource: Policy | None = None
    registry: Policy | None = None
    scps: Sequence[Sequence[Policy]] = ()
    rcps: Sequence[Sequence[Policy]] = ()
    endpoint: Policy | None = None
    denying: Sequence[tuple[Layer, Sequence[Policy]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        layers: list[tuple[Layer, Sequence[Policy | None]]] = [
            ("scp", [policy for level in self.scps for policy in level]),
            ("rcp", [policy for level in self.rcps for policy in level]),
            ("resource", [self.resource, self.registry]),
            ("identity", self.identity),
            ("boundary", [self.boundary]),
            ("session", self.session or ()),
            ("endpoint", [self.endpoint]),
        ]
        there = [(layer, [policy for policy in policies if policy is not None]) for layer, policies in layers]
        object.__setattr__(self, "denying", [(layer, policies) for layer, policies in there if policies])


class Decision(NamedTuple):
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
        words = _WORDS[self.layer]
        if self.outcome == "ExplicitlyDenied":
            return f"with an explicit deny in {'an' if words[0] in 'aeiou' else 'a'} {words}"
        return f"because no {words} allows the {self.action} action"


_WORDS: dict[Layer, str] = {
    "identity": "identity-based policy",
    "boundary": "permissions boundary",
    "session": "session policy",
    "resource": "resource-based policy",
    "scp": "service control policy",
    "rcp": "resource control policy",
    "endpoint": "VPC endpoint policy",
}
# Actions of STS on a role are decided by its trust policy, and the account's own policies only where that says so.
_TRUST_SERVICE = "sts:"
_KEY_SERVICE = "kms:"

_Match = tuple[Policy, Rule, int]


def decide(request: Request, sides: Sides) -> Decision:
    """
    What the policies of *sides* say to *request*.

    Source: security-design 1.3; IAM user guide, "Policy evaluation logic".
    """
    caller, action = request.caller, request.action
    if caller is not None and action.lower() == "sts:getcalleridentity":
        return Decision("Allowed", "identity", action)
    question = Question(request, bounded=sides.boundary is not None)
    denied = _explicitly_denied(caller, sides, question)
    if denied is not None:
        return _decision("ExplicitlyDenied", denied[0], action, denied[1])
    if sides.endpoint is not None and _allowed((sides.endpoint,), question) is None:
        return Decision("ImplicitlyDenied", "endpoint", action)
    granted = _granted(sides, question)
    if caller is None or caller.kind in ("service", "web identity"):
        if granted is not None and granted[2] == DIRECT:
            return _decision("Allowed", "resource", action, granted)
        return Decision("ImplicitlyDenied", "resource", action)
    if _is_limited(caller) and any(_allowed(level, question) is None for level in sides.scps):
        return Decision("ImplicitlyDenied", "scp", action)
    if request.resource_account == caller.account:
        return _same_account(caller, sides, question, granted=granted, action=action)
    return _cross_account(caller, sides, question, granted=granted, action=action)


def _same_account(caller: Caller, sides: Sides, question: Question, *, granted: _Match | None, action: str) -> Decision:
    """Either side is enough; and a grant to the caller itself is not limited by what others do not allow."""
    how = NOT if granted is None else granted[2]
    if how == DIRECT and granted is not None:
        return _decision("Allowed", "resource", action, granted)
    missing = _limit(sides, question)
    if how == VIA and missing is None and granted is not None:
        return _decision("Allowed", "resource", action, granted)
    if how < ACCOUNT and not _is_delegated(question):
        return Decision("ImplicitlyDenied", "resource", action)
    return _by_identity(caller, sides, question, missing=missing, action=action)


def _cross_account(
    caller: Caller, sides: Sides, question: Question, *, granted: _Match | None, action: str
) -> Decision:
    """Both sides must allow. The resource's is named first, also where the other is missing as well."""
    if granted is None:
        return Decision("ImplicitlyDenied", "resource", action)
    return _by_identity(caller, sides, question, missing=_limit(sides, question), action=action)


def _by_identity(caller: Caller, sides: Sides, question: Question, *, missing: Layer | None, action: str) -> Decision:
    """Allowed where the caller's own policies allow it, and nothing that limits them does not."""
    if caller.kind == "root":
        match: _Match | None = None
    else:
        match = _allowed(sides.identity, question)
        if match is None:
            return Decision("ImplicitlyDenied", "identity", action)
    if missing is not None:
        return Decision("ImplicitlyDenied", missing, action)
    return Decision("Allowed", "identity", action) if match is None else _decision("Allowed", "identity", action, match)


def _explicitly_denied(caller: Caller | None, sides: Sides, question: Question) -> tuple[Layer, _Match] | None:
    """The first statement of any layer that denies."""
    for layer, policies in sides.denying:
        for policy in policies:
            for rule in policy.rules(question.action)[0]:
                how = rule.applies(question)
                if how and _concerns(layer, caller):
                    return layer, (policy, rule, how)
    return None


def _concerns(layer: Layer, caller: Caller | None) -> bool:
    """Whether policies of a layer are meant for the caller at all."""
    if layer == "scp":
        return caller is not None and _is_limited(caller)
    return layer != "rcp" or caller is None or not caller.service_linked


def _is_limited(caller: Caller) -> bool:
    """Whether service control policies concern the caller."""
    return not (caller.management or caller.service_linked or caller.kind in ("service", "web identity"))


def _allowed(policies: Iterable[Policy], question: Question) -> _Match | None:
    for policy in policies:
        for rule in policy.rules(question.action)[1]:
            if how := rule.applies(question):
                return policy, rule, how
    return None


def _granted(sides: Sides, question: Question) -> _Match | None:
    """The strongest grant of the resource's side."""
    best: _Match | None = None
    for policy in (sides.resource, sides.registry):
        for rule in () if policy is None else policy.rules(question.action)[1]:
            how = rule.applies(question)
            if how and policy is not None and (best is None or how > best[2]):
                best = policy, rule, how
    return best


def _limit(sides: Sides, question: Question) -> Layer | None:
    """What limits the caller's own policies and does not allow: a boundary, a session policy."""
    if sides.boundary is not None and _allowed((sides.boundary,), question) is None:
        return "boundary"
    if sides.session is not None and _allowed(sides.session, question) is None:
        return "session"
    return None


def _is_delegated(question: Question) -> bool:
    """Whether an account's own policies decide without a word of the resource's: not on keys, and not who assumes."""
    if question.action.startswith(_KEY_SERVICE):
        return not question.parts[-1].startswith("key/")
    return not (question.action.startswith(_TRUST_SERVICE) and question.parts[-1].startswith("role/"))


def _decision(outcome: Outcome, layer: Layer, action: str, match: _Match) -> Decision:
    return Decision(outcome, layer, action, match[0].name, match[1].index)
