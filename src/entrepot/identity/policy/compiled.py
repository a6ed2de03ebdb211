"""Policies made ready to be asked: matchers instead of texts, statements found by their action."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from entrepot.identity.policy.arns import ArnMatcher, resource_matcher, split
from entrepot.identity.policy.conditions import Test, compile_condition, hold
from entrepot.identity.policy.documents import Kind, Statement, read
from entrepot.identity.policy.principals import DIRECT, NOT, Names, compile_principal
from entrepot.identity.policy.requests import Request
from entrepot.patterns import Matcher, matcher, tokens

# Keys whose value passes by itself: a decision that looked at one may not be remembered.
TIME_KEYS = frozenset({"aws:currenttime", "aws:epochtime", "aws:multifactorauthage"})

_MOST_COMPILED = 5_000
# Actions come from our own services, but whoever simulates may name any: so the index has an end.
_MOST_ACTIONS = 1_000


class Question:
    """A request, in the form in which statements are asked."""

    __slots__ = ("action", "bounded", "caller", "context", "parts", "resource")

    def __init__(self, request: Request, *, bounded: bool) -> None:
        """*bounded*: the caller has a permissions boundary."""
        self.action = request.action.lower()
        self.resource = request.resource
        self.parts = split(request.resource)
        self.caller = request.caller
        self.context = request.context
        self.bounded = bounded


class Rule:
    """One compiled statement. Its action was looked at before it is asked."""

    __slots__ = ("allows", "conditions", "index", "not_resources", "principal", "resources")

    def __init__(
        self,
        index: int,
        allows: bool,
        *,
        resources: Sequence[ArnMatcher] | None,
        not_resources: bool,
        principal: "_Principal | None",
        conditions: Sequence[Test],
    ) -> None:
        """*resources*: None where the statement means any. *principal*: None where policies of this kind have none."""
        self.index = index
        self.allows = allows
        self.resources = resources
        self.not_resources = not_resources
        self.principal = principal
        self.conditions = conditions

    def applies(self, question: Question) -> int:
        """How the statement applies (``principals``); NOT where it does not."""
        how = DIRECT
        if self.principal is not None:
            how = self.principal.how(question)
            if not how:
                return NOT
        if self.resources is not None:
            resource, parts, context = question.resource, question.parts, question.context
            for matches in self.resources:
                if matches(resource, parts, context):
                    if self.not_resources:
                        return NOT
                    break
            else:
                if not self.not_resources:
                    return NOT
        if self.conditions and not hold(self.conditions, question.context, unclear=not self.allows):
            return NOT
        return how


class _Principal:
    """The ``Principal`` or ``NotPrincipal`` of a statement."""

    __slots__ = ("allows", "complement", "names")

    def __init__(self, names: Names, *, complement: bool, allows: bool) -> None:
        self.names = names
        self.complement = complement
        self.allows = allows

    def how(self, question: Question) -> int:
        named = self.names(question.caller)
        if not self.complement:
            return named
        # Who has a boundary is denied by a NotPrincipal that lists it too. Source: IAM user guide, "NotPrincipal".
        if not self.allows and question.bounded:
            return DIRECT
        return NOT if named else DIRECT


# What denies, and what allows, one action.
Rules = tuple[Sequence[Rule], Sequence[Rule]]


class _Compiled:
    """What one text compiles to, whatever it is called."""

    __slots__ = ("_actions", "_known", "keys")

    def __init__(self, actions: Sequence[tuple[Matcher, Rule]], keys: frozenset[str]) -> None:
        self._actions = actions
        self._known: dict[str, Rules] = {}
        self.keys = keys

    def rules(self, action: str) -> Rules:
        known = self._known.get(action)
        if known is None:
            rules = [rule for matches, rule in self._actions if matches(action)]
            known = ([rule for rule in rules if not rule.allows], [rule for rule in rules if rule.allows])
            if len(self._known) < _MOST_ACTIONS:
                self._known[action] = known
        return known


@dataclass(frozen=True, slots=True)
class Policy:
    """
    A compiled policy. *name* is what a decision says of it (an ARN, or the name of an inline policy).

    *keys* are the condition keys that it looks at, in lower case, those of variables too: what a decision may be
    remembered by. Where one of them is a time (``TIME_KEYS``), it may not be remembered at all.
    """

    name: str
    kind: Kind
    compiled: _Compiled

    @property
    def keys(self) -> frozenset[str]:
        """The condition keys that a decision by this policy may depend on."""
        return self.compiled.keys


def compile_policy(text: str, kind: Kind, *, name: str = "") -> Policy:
    """
    The compiled policy; made once for each text of a kind, and remembered.

    *text* was found good by ``documents.parse`` when it was saved.
    Raises: Malformed, where it is no policy at all.
    """
    return Policy(name, kind, _compiled(text, kind))


@lru_cache(maxsize=_MOST_COMPILED)
def _compiled(text: str, kind: Kind) -> _Compiled:
    document = read(text)
    variables = document.version == "2012-10-17"
    actions: list[tuple[Matcher, Rule]] = []
    keys: frozenset[str] = frozenset()
    for index, statement in enumerate(document.statements):
        rule, more = _rule(index, statement, kind=kind, variables=variables)
        actions.append((_actions(statement), rule))
        keys |= more
    return _Compiled(actions, keys)


def _rule(index: int, statement: Statement, *, kind: Kind, variables: bool) -> tuple[Rule, frozenset[str]]:
    allows = statement.effect == "Allow"
    conditions, keys = compile_condition(statement.condition, variables=variables)
    complement = statement.resources is None and statement.not_resources is not None
    patterns = statement.not_resources if complement else statement.resources
    resources: list[ArnMatcher] | None = None
    if patterns is None and kind.rules.resource and allows:
        resources = []  # A grant that should say of what, and does not, grants nothing.
    elif patterns is not None and (complement or "*" not in patterns):
        made = [resource_matcher(pattern, variables=variables) for pattern in patterns]
        resources = [match for match, _ in made]
        keys = keys.union(*(more for _, more in made))
    principal = _principal(statement, allows=allows) if kind.rules.principal else None
    rule = Rule(
        index,
        allows,
        resources=resources,
        not_resources=complement,
        principal=principal,
        conditions=conditions,
    )
    return rule, keys


def _principal(statement: Statement, *, allows: bool) -> _Principal:
    complement = statement.principal is None and statement.not_principal is not None
    named = statement.not_principal if complement else statement.principal
    return _Principal(
        compile_principal(named, granting=allows and not complement), complement=complement, allows=allows
    )


def _actions(statement: Statement) -> Matcher:
    """Whether an action, in lower case, is one that the statement is about."""
    if statement.actions is not None:
        return _any(statement.actions)
    excluded = _any(statement.not_actions or ())
    return lambda action: not excluded(action)


def _any(patterns: Iterable[str]) -> Matcher:
    lower = [pattern.lower() for pattern in patterns]
    exact = frozenset(pattern for pattern in lower if "*" not in pattern and "?" not in pattern)
    wild = [matcher(tokens(pattern)) for pattern in lower if pattern not in exact]
    return lambda action: action in exact or any(matches(action) for matches in wild)
