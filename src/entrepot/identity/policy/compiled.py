"""Policies made ready to be asked: matchers instead of texts, statements found by their action."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from entrepot.identity.policy.arns import ArnMatcher, resource_matcher, split
from entrepot.identity.policy.conditions import Test, compile_condition
from entrepot.identity.policy.documents import Kind, Statement, read
from entrepot.identity.policy.principals import DIRECT, NOT, Names, compile_principal
from entrepot.identity.policy.requests import Request, Value
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

    __slots__ = ("allows", "complement", "conditions", "index", "means", "names")

    def __init__(
        self,
        index: int,
        allows: bool,
        *,
        means: ArnMatcher | None,
        names: Names | None,
        complement: bool,
        conditions: Sequence[Test],
    ) -> None:
        """*means*: the resources, None where any. *names*: the principals, None where any; *complement*: all others."""
        self.index = index
        self.allows = allows
        self.means = means
        self.names = names
        self.complement = complement
        self.conditions = conditions

    def applies(self, question: Question) -> int:
        """How the statement applies (``principals``); NOT where it does not."""
        how, names = DIRECT, self.names
        if names is not None:
            how = names(question.caller)
            if self.complement:
                # With a boundary those who are listed are denied as well. Source: IAM user guide, "NotPrincipal".
                how = NOT if how and (self.allows or not question.bounded) else DIRECT
            if not how:
                return NOT
        means = self.means
        if means is not None and not means(question.resource, question.parts, question.context):
            return NOT
        told, context = True, question.context
        for test in self.conditions:
            holds = test(context)
            if not holds:
                if holds is False:
                    return NOT
                told = False
        # What cannot be told is held against the request: it denies, and does not allow.
        return how if told or not self.allows else NOT


# What denies, and what allows, one action.
Rules = tuple[Sequence[Rule], Sequence[Rule]]


class _Index(dict[str, Rules]):
    """The statements about an action, found out when it is asked for first. What one text compiles to."""

    __slots__ = ("_actions", "looks_at")

    def __init__(self, actions: Sequence[tuple[Matcher, Rule]], keys: frozenset[str]) -> None:
        """*actions*: each statement with what tells whether it is about an action. *keys*: of its conditions."""
        super().__init__()
        self._actions = actions
        self.looks_at = keys

    def __missing__(self, action: str) -> Rules:
        rules = [rule for matches, rule in self._actions if matches(action)]
        found = [rule for rule in rules if not rule.allows], [rule for rule in rules if rule.allows]
        if len(self) < _MOST_ACTIONS:
            self[action] = found
        return found


@dataclass(frozen=True, slots=True)
class Policy:
    """
    A compiled policy. *name* is what a decision says of it (an ARN, or the name of an inline policy).

    *keys* are the condition keys that it looks at, in lower case, those of variables too: what a decision may be
    remembered by. Where one of them is a time (``TIME_KEYS``), it may not be remembered at all. *rules* gives the
    statements that are about an action, which is in lower case.
    """

    name: str
    kind: Kind
    keys: frozenset[str]
    rules: Callable[[str], Rules]


def compile_policy(text: str, kind: Kind, *, name: str = "") -> Policy:
    """
    The compiled policy; made once for each text of a kind, and remembered.

    *text* was found good by ``documents.parse`` when it was saved.
    Raises: Malformed, where it is no policy at all.
    """
    index = _index(text, kind)
    return Policy(name, kind, index.looks_at, index.__getitem__)


@lru_cache(maxsize=_MOST_COMPILED)
def _index(text: str, kind: Kind) -> _Index:
    document = read(text)
    variables = document.version == "2012-10-17"
    actions: list[tuple[Matcher, Rule]] = []
    keys: frozenset[str] = frozenset()
    for index, statement in enumerate(document.statements):
        rule, more = _rule(index, statement, kind=kind, variables=variables)
        actions.append((_actions(statement), rule))
        keys |= more
    return _Index(actions, keys)


def _rule(index: int, statement: Statement, *, kind: Kind, variables: bool) -> tuple[Rule, frozenset[str]]:
    allows = statement.effect == "Allow"
    conditions, keys = compile_condition(statement.condition, variables=variables)
    means, more = _resources(statement, kind, variables=variables)
    complement = kind.rules.principal and statement.principal is None and statement.not_principal is not None
    names = _names(statement, kind, complement=complement) if kind.rules.principal else None
    rule = Rule(index, allows, means=means, names=names, complement=complement, conditions=conditions)
    return rule, keys | more


def _resources(statement: Statement, kind: Kind, *, variables: bool) -> tuple[ArnMatcher | None, frozenset[str]]:
    """What tells whether a statement is about a resource, None where it is about any; and the keys of its variables."""
    complement = statement.resources is None and statement.not_resources is not None
    patterns = statement.not_resources if complement else statement.resources
    if patterns is None:
        # A grant that should say of what, and does not, grants nothing.
        return (_none_of([_anything]) if kind.rules.resource and statement.effect == "Allow" else None), frozenset()
    if not complement and "*" in patterns:
        return None, frozenset()
    made = [resource_matcher(pattern, variables=variables) for pattern in patterns]
    keys = frozenset[str]().union(*(more for _, more in made))
    matchers = [match for match, _ in made]
    if complement:
        return _none_of(matchers), keys
    return matchers[0] if len(matchers) == 1 else _any_of(matchers), keys


def _anything(_arn: str, _parts: Sequence[str], _context: Mapping[str, Value]) -> bool:
    return True


def _any_of(matchers: Sequence[ArnMatcher]) -> ArnMatcher:
    def match(arn: str, parts: Sequence[str], context: Mapping[str, Value]) -> bool:
        for matches in matchers:  # noqa: SIM110  # a generator costs more than the loop itself
            if matches(arn, parts, context):
                return True
        return False

    return match


def _none_of(matchers: Sequence[ArnMatcher]) -> ArnMatcher:
    matches = _any_of(matchers)
    return lambda arn, parts, context: not matches(arn, parts, context)


def _names(statement: Statement, kind: Kind, *, complement: bool) -> Names | None:
    """None where a statement denies everybody: who asks need not be looked at then."""
    allows = statement.effect == "Allow"
    if statement.principal == "*" and not allows:
        return None
    # An endpoint's policy lets through; it gives nobody anything.
    granting = allows and not complement and kind is not Kind.ENDPOINT
    return compile_principal(statement.not_principal if complement else statement.principal, granting=granting)


def _actions(statement: Statement) -> Matcher:
    """Whether an action, in lower case, is one that the statement is about."""
    if statement.actions is not None:
        return _any(statement.actions)
    excluded = _any(statement.not_actions or ())
    return lambda action: not excluded(action)


def _any(patterns: Iterable[str]) -> Matcher:
    exact, prefixes, wild = set[str](), list[str](), list[Matcher]()
    for pattern in patterns:
        text = pattern.lower()
        body = text.rstrip("*")
        if "*" in body or "?" in body:
            wild.append(matcher(tokens(text)))
        elif body == text:
            exact.add(text)
        else:
            prefixes.append(body)
    begins = tuple(prefixes)
    if not wild:
        return lambda action: action in exact or action.startswith(begins)
    return lambda action: action in exact or action.startswith(begins) or any(matches(action) for matches in wild)
