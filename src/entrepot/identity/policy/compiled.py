"""Policies made ready to be asked: matchers instead of texts, statements found by their action."""

from dataclasses import dataclass

from entrepot.identity.policy.documents import Kind


@dataclass(frozen=True, slots=True)
class Policy:
    """
    A compiled policy. *name* is what a decision says of it (an ARN, or the name of an inline policy).

    *keys* are the condition keys that it looks at, in lower case, those of variables too: what a decision may be
    remembered by. Where one of them is a time (``TIME_KEYS``), it may not be remembered at all.
    """

    name: str
    kind: Kind
    keys: frozenset[str]


def compile_policy(text: str, kind: Kind, *, name: str = "") -> Policy:
    """
    The compiled policy; made once for each text of a kind, and remembered.

    *text* was found good by ``documents.parse`` when it was saved.
    Raises: Malformed, where it is no policy at all.
    """
    raise NotImplementedError(text, kind, name)
