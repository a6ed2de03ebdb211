"""What a policy document says, once it was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


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
