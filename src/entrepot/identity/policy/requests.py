"""What is asked: who wants to do what with which resource, and everything else that conditions may look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

CallerKind = Literal["root", "user", "role", "role session", "federated user", "service", "web identity"]
Value = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Who asks, and every form by which a ``Principal`` element may name it. One is made for each principal and kept.

    *arn* is what a refusal calls the caller; of a service its name (``ecr.amazonaws.com``), of a web identity its
    provider. *id* is the unique id (``AIDA…``, ``AROA…:session``; none for the root user). *source_arn* and
    *source_id* are the role of a session or the user of a federated session. *management*: the account is the
    organization's management account; *service_linked*: a session of a service-linked role. Neither is limited by
    service control policies. "role" is a role itself, as it is named to the simulator.
    """

    arn: str
    account: str
    kind: CallerKind
    id: str = ""
    source_arn: str = ""
    source_id: str = ""
    management: bool = False
    service_linked: bool = False
    direct: frozenset[str] = field(init=False, repr=False, compare=False)
    via: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        own = {self.arn, self.id} - {""}
        source = {self.source_arn, self.source_id} - {""}
        # A grant to a role is limited by the role's boundary, so a role is named by itself as its sessions are.
        direct, via = (set(), own) if self.kind == "role" else (own, source)
        if self.kind == "root":
            direct = set()
        object.__setattr__(self, "direct", frozenset(direct))
        object.__setattr__(self, "via", frozenset(via))


@dataclass(frozen=True, slots=True)
class Request:
    """
    One action on one resource.

    *resource* is an ARN, or ``*`` for actions that have none. *resource_account* is whose it is; for ``*`` the
    caller's. *caller* is None for the anonymous. *context* holds condition keys in lower case; only
    its ``get`` is called, and only for keys that a policy asks for, so it may be lazy.
    """

    action: str
    resource: str
    resource_account: str
    caller: Caller | None
    context: Mapping[str, Value]
