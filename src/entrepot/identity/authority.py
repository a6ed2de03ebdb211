"""
May this principal do this? Gathers every policy that concerns a request, has the engine decide, and remembers.

    standing   of a principal: its policies, boundary, session policies, what its organization allows, its keys
    pair       of a principal and a resource: all sides of the decision, and the decisions so far

An authority speaks for one generation: every change of identities, policies, resource tags or repositories
makes a new one. So a decision is remembered by the action and by those values of the request that some policy
of the pair looks at; where one looks at the time, it is not remembered. Source: security-design 1.3 to 1.5.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from entrepot import clock
from entrepot.database import Transaction
from entrepot.errors import AccessDenied
from entrepot.identity import entity_tags, organization, policies
from entrepot.identity.facts import Facts, Guard, by_tag, iso
from entrepot.identity.managed import SERVICE_PATH
from entrepot.identity.policy import TIME_KEYS, Caller, Decision, Kind, Policy, Request, Sides, compile_policy, decide
from entrepot.identity.policy.arns import account_of
from entrepot.identity.policy.requests import Value
from entrepot.identity.principals import Principal
from entrepot.identity.sessions import Session, confines

# What guards the resource of an ARN against a principal, in a transaction; None for one that nothing guards.
Guards = Callable[[Transaction, str, Principal], Guard | None]
Key = tuple[str, Any]

_MOST_STANDINGS = 10_000
_MOST_PAIRS = 20_000
_MOST_GRANTED = 50_000
_MOST_DECISIONS = 64  # of one pair
_TYPES = {"root": "Account", "user": "User", "role session": "AssumedRole", "federated user": "FederatedUser"}
# Nobody limits a role that belongs to a service, nor the account that manages the organization.
_SERVICE_ROLES = f":role{SERVICE_PATH}"


@dataclass(frozen=True, slots=True)
class _Standing:
    """Of one principal: how policies name it, what it has, and what conditions may ask about it."""

    caller: Caller
    identity: Sequence[Policy]
    boundary: Policy | None
    session: Sequence[Policy] | None
    scps: Sequence[Sequence[Policy]]
    context: Mapping[str, Value]


@dataclass(slots=True)
class _Pair:
    """*volatile* are the condition keys whose values tell decisions apart; None: the time is among them."""

    sides: Sides
    account: str
    context: Mapping[str, Value]
    volatile: tuple[str, ...] | None
    decisions: dict[tuple[object, ...], Decision] = field(default_factory=dict)


class Authority:
    """Decides, for one generation; of all threads."""

    def __init__(
        self, read: Callable[[Callable[[Transaction], Any]], Any], guards: Guards, endpoint: Policy | None
    ) -> None:
        """
        *read* runs a function in a reading transaction, as *guards* needs one. *endpoint* is the policy of the
        interface endpoint that requests come through.
        """
        self._read = read
        self._guards = guards
        self._endpoint = endpoint
        self._granted: set[tuple[str, Session | None, str, str]] = set()
        self._pairs: dict[tuple[Key, str], _Pair] = {}
        self._standings = lru_cache(maxsize=_MOST_STANDINGS)(self._load)
        self._limits = lru_cache(maxsize=_MOST_STANDINGS)(self._load_limits)

    def authorize(
        self, principal: Principal, action: str, resource: str, *, facts: Facts, guard: Guard | None = None
    ) -> bool:
        """
        Return if *principal* may; the answer says whether that holds for equal requests, until the next generation.

        *guard* takes the place of what is known to guard the resource. Raises: AccessDenied, as ecr-api C.4 words it.
        """
        # What no policy makes depend on the request needs no facts: a question, and its answer.
        question = principal.id, principal.session, action, resource
        if question in self._granted and guard is None:
            return True
        pair = self._pair(principal, resource, guard=guard)
        decision = self._decide(pair, principal, action, resource, facts=facts)
        if not decision.allowed:
            raise AccessDenied(
                principal=principal.arn, action=action, resource=resource, reason=decision.reason, decision=decision
            )
        if pair.volatile is None:
            return False
        if guard is None and not pair.volatile:
            if len(self._granted) >= _MOST_GRANTED:
                self._granted.clear()
            self._granted.add(question)
        return True

    def decide(
        self, principal: Principal, action: str, resource: str, *, facts: Facts, guard: Guard | None = None
    ) -> Decision:
        """What ``authorize`` would go by."""
        pair = self._pair(principal, resource, guard=guard)
        return self._decide(pair, principal, action, resource, facts=facts)

    def _decide(self, pair: _Pair, principal: Principal, action: str, resource: str, *, facts: Facts) -> Decision:
        """The decision, remembered if it can be."""
        if confines(principal.session, action):
            return Decision("ImplicitlyDenied", "session", action)
        if pair.volatile is None:
            return self._decide_anew(pair, principal, action, resource, facts=facts)
        values = (action, *(_hashable(facts.get(name)) for name in pair.volatile))
        decision = pair.decisions.get(values)
        if decision is None:
            decision = self._decide_anew(pair, principal, action, resource, facts=facts)
            if len(pair.decisions) >= _MOST_DECISIONS:
                pair.decisions.clear()
            pair.decisions[values] = decision
        return decision

    def _decide_anew(self, pair: _Pair, principal: Principal, action: str, resource: str, *, facts: Facts) -> Decision:
        context = _Context(facts, pair.context, principal)
        caller = None if principal.kind == "anonymous" else self._standings(principal).caller
        return decide(Request(action, resource, pair.account, caller, context), pair.sides)

    def _pair(self, principal: Principal, resource: str, *, guard: Guard | None) -> _Pair:
        """The pair, remembered unless a *guard* is given."""
        if guard is not None:
            return self._make_pair(principal, resource, guard=guard)
        key = ((principal.id, principal.session), resource)
        known = self._pairs.get(key)
        if known is None:
            known = self._make_pair(
                principal, resource, guard=self._read(lambda tx: self._guards(tx, resource, principal))
            )
            if len(self._pairs) >= _MOST_PAIRS:
                self._pairs.clear()
            self._pairs[key] = known
        return known

    def _make_pair(self, principal: Principal, resource: str, *, guard: Guard | None) -> _Pair:
        standing = self._standings(principal)
        account = guard.account if guard else account_of(resource) or principal.account
        limits = self._limits(account)
        sides = Sides(
            identity=standing.identity,
            boundary=standing.boundary,
            session=standing.session,
            resource=guard.policy if guard else None,
            registry=guard.registry if guard else None,
            scps=standing.scps,
            rcps=limits.rcps,
            endpoint=self._endpoint,
        )
        context = {**standing.context, **(guard.context if guard else {}), "aws:resourceaccount": account}
        if limits.organization:
            context |= {"aws:resourceorgid": limits.organization, "aws:resourceorgpaths": [limits.path]}
        keys = frozenset().union(*(policy.keys for policy in _every(sides)))
        volatile = None if keys & TIME_KEYS else tuple(sorted(keys - context.keys()))
        return _Pair(sides, account, context, volatile)

    def _load(self, principal: Principal) -> _Standing:
        """Read, past the cache."""
        source, session = principal.source, principal.session

        def work(tx: Transaction) -> tuple[policies.Documents, list[entity_tags.Tag], list[str]]:
            own = policies.documents_of(tx, source.id)
            given = [policies.find(tx, arn) for arn in session.policy_arns] if session else []
            texts = [policies.version(tx, one, f"v{one.default_version}").document for one in given if one is not None]
            return own, entity_tags.tags_of(tx, source.id), texts

        documents, tags, given = self._read(work)
        limits = self._limits(principal.account)
        service_linked = _SERVICE_ROLES in source.arn
        caller = Caller(
            principal.arn,
            principal.account,
            "user" if principal.kind == "anonymous" else principal.kind,
            id="" if principal.kind == "root" else principal.id,
            source_arn=source.arn if principal.base else "",
            source_id=source.id if principal.base else "",
            management=limits.management,
            service_linked=service_linked,
        )
        texts = ([session.policy] if session.policy is not None else []) + given if session else []
        return _Standing(
            caller,
            identity=[
                compile_policy(grant.text, Kind.IDENTITY, name=grant.arn or grant.name) for grant in documents[0]
            ],
            boundary=_boundary(documents.boundary),
            session=[compile_policy(text, Kind.SESSION) for text in texts]
            if session and session.has_policies
            else None,
            scps=limits.scps,
            context=_context_of(principal, {tag.key: tag.value for tag in tags}, limits),
        )

    def _load_limits(self, account: str) -> "_Limits":
        """Read, past the cache."""
        found = self._read(lambda tx: organization.limits_of(tx, account))
        return _Limits(
            found.organization,
            found.path,
            found.management,
            scps=[[compile_policy(text, Kind.SCP) for text in level] for level in found.scps],
            rcps=[[compile_policy(text, Kind.RCP) for text in level] for level in found.rcps],
        )


@dataclass(frozen=True, slots=True)
class _Limits:
    """What an account's organization says of it; without one there is no *organization* and nothing is limited."""

    organization: str | None
    path: str
    management: bool
    scps: Sequence[Sequence[Policy]]
    rcps: Sequence[Sequence[Policy]]


class _Context(Mapping[str, Value]):
    """Condition keys of one request, looked up one by one. Only ``get`` is ever asked."""

    __slots__ = ("_facts", "_known", "_principal")

    def __init__(self, facts: Facts, known: Mapping[str, Value], principal: Principal) -> None:
        self._facts, self._known, self._principal = facts, known, principal

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a condition key; *default* where it is absent."""
        value = self._known.get(key)
        if value is None:
            value = _age(self._principal) if key == "aws:multifactorauthage" else self._facts.get(key)
        return default if value is None else value

    def __getitem__(self, key: str) -> Value:
        raise NotImplementedError

    def __iter__(self) -> Any:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError


def _context_of(principal: Principal, tags: Mapping[str, str], limits: _Limits) -> dict[str, Value]:
    """The keys that hold for a principal whatever it does. Source: ecr-api C.1."""
    session = principal.session
    if principal.kind == "anonymous":
        return {"aws:principaltype": "Anonymous"}
    if principal.kind == "service":
        return {"aws:principalisawsservice": "true", "aws:principalservicename": principal.name}
    context: dict[str, Value] = {
        "aws:principalarn": principal.source.arn if principal.kind == "role session" else principal.arn,
        "aws:principalaccount": principal.account,
        "aws:principaltype": _TYPES.get(principal.kind, "User"),
        "aws:userid": principal.id,
        "aws:principalisawsservice": "false",
    }
    if principal.kind == "user":
        context["aws:username"] = principal.name
    if limits.organization:
        context |= {"aws:principalorgid": limits.organization, "aws:principalorgpaths": [limits.path]}
    given = dict(tags) | (dict(session.tags) if session else {})
    context |= by_tag("aws:principaltag", given.items())
    if session is not None:
        context["aws:tokenissuetime"] = iso(session.issued_at)
        context["aws:multifactorauthpresent"] = str(session.mfa_at is not None).lower()
        if session.source_identity is not None:
            context["aws:sourceidentity"] = context["sts:sourceidentity"] = session.source_identity
        if session.provider is not None:
            context["aws:federatedprovider"] = session.provider
        if session.kind == "role":
            context["sts:rolesessionname"] = session.name
    return context


def _age(principal: Principal) -> str | None:
    session = principal.session
    return None if session is None or session.mfa_at is None else str(int(clock.now() - session.mfa_at))


def _boundary(grant: policies.Grant | None) -> Policy | None:
    return None if grant is None else compile_policy(grant.text, Kind.IDENTITY, name=grant.arn)


def _every(sides: Sides) -> list[Policy]:
    levels = [policy for level in (*sides.scps, *sides.rcps) for policy in level]
    single = (sides.boundary, sides.resource, sides.registry, sides.endpoint)
    return [*sides.identity, *(sides.session or ()), *levels, *(policy for policy in single if policy is not None)]


def _hashable(value: Value | None) -> object:
    return value if value is None or isinstance(value, str) else tuple(value)
