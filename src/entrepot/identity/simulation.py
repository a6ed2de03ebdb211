"""
What would be decided, and why: policies that may not even be saved, asked about actions that nobody performs.

The engine decides; here it is only told apart which statements, which policies and which missing values made the
decision what it is. Source: IAM API reference, SimulateCustomPolicy; IAM user guide, "Testing IAM policies with
the IAM policy simulator".
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from entrepot.identity.policy import Caller, Document, Kind, Policy, Request, Sides, compile_policy, decide
from entrepot.identity.policy.arns import account_of
from entrepot.identity.policy.compiled import Question, Rule
from entrepot.identity.policy.documents import read
from entrepot.identity.policy.requests import Value

Verdict = Literal["allowed", "explicitDeny", "implicitDeny"]

IDENTITY, RESOURCE, BOUNDARY = "IAM Policy", "Resource Policy", "Permissions Boundary"

_VERDICTS: dict[str, Verdict] = {
    "Allowed": "allowed",
    "ExplicitlyDenied": "explicitDeny",
    "ImplicitlyDenied": "implicitDeny",
}
_VARIABLE = re.compile(r"\$\{([^{},*?$][^{},]*)")


class Source(NamedTuple):
    """A policy that takes part. *id* is what answers call it by."""

    id: str
    text: str


class Position(NamedTuple):
    """A place in a text; lines and columns count from one."""

    line: int
    column: int


class Matched(NamedTuple):
    """A statement that made the decision. *end* is the place behind its last character."""

    source: str
    kind: str
    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Setting:
    """
    Everything in which actions are simulated, but for the action and the resource.

    *owner*: whose the resources are that do not say so. *scps*: by level, from the root down; None where there is no
    organization. *context*: condition keys in lower case.
    """

    caller: Caller
    owner: str
    identity: Sequence[Source]
    boundary: Source | None = None
    resource: Source | None = None
    scps: Sequence[Sequence[str]] | None = None
    context: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """
    What came out for one action on one resource.

    *details* are the verdicts of the kinds of policy across accounts; None where one of an organization decided.
    *bounded* and *organized*: whether the boundary and the organization allow; None where there is none.
    """

    resource: str
    verdict: Verdict
    matched: Sequence[Matched]
    missing: Sequence[str]
    details: Mapping[str, Verdict] | None
    bounded: bool | None
    organized: bool | None


class Simulation:
    """The policies of a setting, made ready to be asked."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._identity = [_compiled(source, Kind.IDENTITY) for source in setting.identity]
        self._boundary = _compiled(setting.boundary, Kind.IDENTITY) if setting.boundary else None
        self._resource = _compiled(setting.resource, kind_of(setting.resource.text)) if setting.resource else None
        self._sides = Sides(
            identity=[each.policy for each in self._identity],
            boundary=self._boundary.policy if self._boundary else None,
            resource=self._resource.policy if self._resource else None,
            scps=[[compile_policy(text, Kind.SCP) for text in level] for level in setting.scps or ()],
        )

    def ask(self, action: str, resource: str) -> Result:
        """What would be decided of one action on one resource (an ARN, or ``*``)."""
        caller, context = self._setting.caller, self._setting.context
        account = account_of(resource) or self._setting.owner
        request = Request(action, resource, account, caller, context)
        decision = decide(request, self._sides)
        question = Question(request, bounded=self._boundary is not None)
        organized = None if self._setting.scps is None else decision.layer != "scp"
        foreign = account != caller.account
        return Result(
            resource,
            _VERDICTS[decision.outcome],
            list(self._matched(question, _VERDICTS[decision.outcome])),
            self._missing(question),
            details=None if organized is False else self._details(question) if foreign else {},
            bounded=None if self._boundary is None else self._boundary.verdict(question) == "allowed",
            organized=organized,
        )

    def _asked(self) -> Iterator[tuple[str, "_Compiled"]]:
        for each in self._identity:
            yield IDENTITY, each
        if self._resource is not None:
            yield RESOURCE, self._resource

    def _matched(self, question: Question, verdict: Verdict) -> Iterator[Matched]:
        """The statements that denied, or those that allowed; none where nothing did either."""
        if verdict == "implicitDeny":
            return
        for kind, each in self._asked():
            denying, allowing = each.applying(question)
            for rule in denying if verdict == "explicitDeny" else allowing:
                start, end = each.spans[rule.index]
                yield Matched(each.source.id, kind, start, end)

    def _details(self, question: Question) -> dict[str, Verdict]:
        details = {IDENTITY: _verdict_of(self._identity, question)}
        if self._resource is not None:
            details[RESOURCE] = self._resource.verdict(question)
        if self._boundary is not None:
            details[BOUNDARY] = self._boundary.verdict(question)
        return details

    def _missing(self, question: Question) -> list[str]:
        """Condition keys that statements on this action look at, and that the context does not have."""
        found: dict[str, str] = {}
        for _, each in self._asked():
            for rules in each.policy.rules(question.action):
                for rule in rules:
                    found |= {key.lower(): key for key in each.keys[rule.index]}
        return sorted(key for lower, key in found.items() if lower not in self._setting.context)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A policy, where its statements stand, and the condition keys of each of them as they are written."""

    source: Source
    policy: Policy
    spans: Sequence[tuple[Position, Position]]
    keys: Sequence[Sequence[str]]

    def applying(self, question: Question) -> tuple[list[Rule], list[Rule]]:
        """The statements that deny, and those that allow."""
        denying, allowing = self.policy.rules(question.action)
        return [rule for rule in denying if rule.applies(question)], [
            rule for rule in allowing if rule.applies(question)
        ]

    def verdict(self, question: Question) -> Verdict:
        """What this policy alone says."""
        return _verdict_of((self,), question)


def kind_of(text: str) -> Kind:
    """What kind of policy a resource's is: one that names resources, as a bucket's, or one that does not."""
    statements = read(text).statements
    names = any(each.resources is not None or each.not_resources is not None for each in statements)
    return Kind.REGISTRY if names else Kind.REPOSITORY


def context_keys(texts: Iterable[str]) -> list[str]:
    """Every condition key that documents look at, as they write it, each once."""
    found: dict[str, str] = {}
    for text in texts:
        for keys in _keys(read(text)):
            for key in keys:
                found.setdefault(key.lower(), key)
    return sorted(found.values(), key=str.lower)


def _compiled(source: Source, kind: Kind) -> _Compiled:
    return _Compiled(source, compile_policy(source.text, kind), _spans(source.text), _keys(read(source.text)))


def _verdict_of(policies: Iterable[_Compiled], question: Question) -> Verdict:
    asked = [each.applying(question) for each in policies]
    if any(denying for denying, _ in asked):
        return "explicitDeny"
    return "allowed" if any(allowing for _, allowing in asked) else "implicitDeny"


def _keys(document: Document) -> list[list[str]]:
    """Of each statement the condition keys that it names, and those of its variables."""
    found = []
    for statement in document.statements:
        keys = [key for block in statement.condition.values() for key in block]
        texts = [*(statement.resources or ()), *(statement.not_resources or ())]
        texts += [text for block in statement.condition.values() for values in block.values() for text in values]
        if document.version == "2012-10-17":
            keys += [match.strip() for text in texts for match in _VARIABLE.findall(text)]
        found.append(keys)
    return found


def _spans(text: str) -> list[tuple[Position, Position]]:
    """Where each statement of a document begins, and where it has ended."""
    return [(_position(text, start), _position(text, end)) for start, end in _statements(text)]


def _statements(text: str) -> Iterator[tuple[int, int]]:
    decoder = json.JSONDecoder()
    place = _behind(text, 0, "{")
    while text[place] != "}":
        key, place = decoder.raw_decode(text, place)
        place = _behind(text, place, ":")
        if key == "Statement" and text[place] == "[":
            yield from _elements(text, _behind(text, place, "["), decoder)
        start = place
        _, place = decoder.raw_decode(text, place)
        if key == "Statement" and text[start] == "{":
            yield start, place
        place = _behind(text, place, ",")


def _elements(text: str, place: int, decoder: json.JSONDecoder) -> Iterator[tuple[int, int]]:
    while text[place] != "]":
        start = place
        _, place = decoder.raw_decode(text, place)
        yield start, place
        place = _behind(text, place, ",")


def _behind(text: str, place: int, mark: str) -> int:
    """The next place that is no white space, behind *mark* where that comes first."""
    while text[place].isspace():
        place += 1
    if text[place] == mark:
        place += 1
        while text[place].isspace():
            place += 1
    return place


def _position(text: str, place: int) -> Position:
    return Position(text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place))
