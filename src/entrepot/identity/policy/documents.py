"""Policy documents: what may be saved, in which kind of policy, and the sentences by which IAM refuses the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from entrepot.errors import Fault


class Malformed(Fault, aws="MalformedPolicyDocument", oci="UNSUPPORTED"):
    """A policy document breaks a rule. Members: reason (IAM's own sentence)."""

    message = "{reason}"


class Kind(Enum):
    """What a document is used as; the rules differ. SESSION is also a boundary's and an inline policy's grammar."""

    IDENTITY = "identity"
    SESSION = "session"
    SCP = "scp"
    RCP = "rcp"
    TRUST = "trust"
    REPOSITORY = "repository"
    REGISTRY = "registry"
    KEY = "key"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; lists where the document may have one string. None: the element is not there."""

    sid: str
    effect: str
    actions: Sequence[str] | None
    not_actions: Sequence[str] | None
    resources: Sequence[str] | None
    not_resources: Sequence[str] | None
    principal: Any
    not_principal: Any
    condition: Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was parsed. *version* is ``2008-10-17`` where it does not say. *warnings* refuse nothing."""

    version: str
    statements: tuple[Statement, ...]
    warnings: tuple[str, ...] = ()


def parse(text: str, kind: Kind) -> Document:
    """
    The document, known to be one that may be saved as *kind*. *text* is taken as it came (JSON).

    Raises: Malformed.
    Source: security-design 1.1; IAM user guide, "Grammar of the IAM JSON policy language".
    """
    raise NotImplementedError(text, kind)
