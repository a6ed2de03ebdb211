"""
What a decision may look at beside who asks for what: the facts of a request, and what guards a resource.

Both are plain values that a face or a domain fills in; condition keys are in lower case, as the engine asks
for them. Source: ecr-api C.1; IAM user guide, "AWS global condition context keys".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from entrepot import clock
from entrepot.identity.policy import Policy
from entrepot.identity.policy.requests import Value

# A value that is looked up only if a policy asks for it; None: the key is absent.
Lazy = Callable[[], Value | None]


@dataclass(frozen=True, slots=True)
class Facts:
    """
    One request, as conditions see it.

    *address* is the client's, *endpoint* the id of the interface endpoint that it came through, if any. *more* has
    the keys of the service that is asked.
    """

    address: str = ""
    secure: bool = False
    region: str = ""
    agent: str = ""
    referer: str = ""
    endpoint: str | None = None
    more: Mapping[str, Value | Lazy] = field(default_factory=dict)

    def get(self, key: str) -> Value | None:
        """The value of a condition key; None where it is absent."""
        if key in self.more:
            value = self.more[key]
            return value() if callable(value) else value
        read = _READ.get(key)
        return (read(self) or None) if read else None


NO_FACTS = Facts()


def iso(seconds: float) -> str:
    """A time since the epoch as condition keys have it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def by_tag(prefix: str, tags: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """The condition keys that tags fill: ``aws:resourcetag/…`` for the *prefix* ``aws:resourcetag``."""
    return {f"{prefix}/{key.lower()}": value for key, value in tags}


def request_tags(tags: Sequence[tuple[str, str]]) -> dict[str, Value]:
    """The condition keys of a request that gives *tags* to something; none where it gives none."""
    return {**by_tag("aws:requesttag", tags), "aws:tagkeys": [key for key, _ in tags]} if tags else {}


_READ: Mapping[str, Callable[[Facts], str | None]] = {
    # Through an endpoint it is an address of the private network, which has a key of its own.
    "aws:sourceip": lambda facts: None if facts.endpoint else facts.address,
    "aws:vpcsourceip": lambda facts: facts.address if facts.endpoint else None,
    "aws:sourcevpce": lambda facts: facts.endpoint,
    "aws:securetransport": lambda facts: str(facts.secure).lower(),
    "aws:useragent": lambda facts: facts.agent,
    "aws:referer": lambda facts: facts.referer,
    "aws:requestedregion": lambda facts: facts.region,
    "aws:viaawsservice": lambda facts: "false",
    "aws:currenttime": lambda facts: iso(clock.now()),
    "aws:epochtime": lambda facts: str(int(clock.now())),
}


@dataclass(frozen=True, slots=True)
class Guard:
    """
    The resource's side: whose it is, the policies on it, and what conditions may ask about it.

    *policy* is the resource's own, *registry* that of the whole registry; of a key, what is granted.
    """

    account: str
    policy: Policy | None = None
    registry: Policy | None = None
    context: Mapping[str, Value] = field(default_factory=dict)
