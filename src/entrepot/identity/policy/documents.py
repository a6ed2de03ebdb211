"""Policy documents: parsed and judged when they are saved, read again when they are compiled."""

from collections.abc import Mapping
from typing import Any

from entrepot.identity.policy import grammar, linting
from entrepot.identity.policy.kinds import Kind, Malformed, TooLarge
from entrepot.identity.policy.reading import INVALID_JSON, check_size, read_json
from entrepot.identity.policy.statements import Document, Statement

__all__ = ["Document", "Kind", "Malformed", "Statement", "TooLarge", "parse", "read", "size"]


def parse(text: str, kind: Kind, *, limit: int | None = None) -> Document:
    """
    The document, known to be one that may be saved as *kind*. *text* is taken as it came (JSON).

    *limit*: characters, where it is another than the kind's: IDENTITY is measured as a managed policy, and inline
    policies have a limit in total.
    Raises: Malformed, with IAM's own sentence; TooLarge.
    Source: security-design 1.1; IAM user guide, "Grammar of the IAM JSON policy language".
    """
    most = kind.rules.limit if limit is None else limit
    if size(text, kind) > most:
        raise TooLarge(reason=f"Cannot exceed quota for {kind.rules.quota}: {most}", limit=most)
    raw = read_json(text)
    check_size(raw)
    grammar.check(raw, kind)
    document = _document(raw)
    return Document(document.version, document.statements, linting.warnings(document.statements, kind))


def size(text: str, kind: Kind) -> int:
    """Characters that count: IAM leaves out white space, the others do not. Source: IAM and AWS STS quotas."""
    return len("".join(text.split())) if kind.rules.bare else len(text)


def read(text: str) -> Document:
    """
    A document that was judged when it was saved.

    Raises: Malformed, where it has not even the shape of one.
    """
    raw = read_json(text)
    if not isinstance(raw, dict):
        raise Malformed(reason=INVALID_JSON)
    try:
        return _document(raw)
    except (KeyError, TypeError, AttributeError):
        raise Malformed(reason="Syntax errors in policy.") from None


def _document(raw: Mapping[str, Any]) -> Document:
    statements = raw["Statement"]
    listed = [statements] if isinstance(statements, dict) else statements
    return Document(str(raw.get("Version", "2008-10-17")), tuple(map(_statement, listed)))


def _statement(raw: Mapping[str, Any]) -> Statement:
    return Statement(
        sid=raw.get("Sid", ""),
        effect=raw["Effect"],
        actions=_texts(raw.get("Action")),
        not_actions=_texts(raw.get("NotAction")),
        resources=_texts(raw.get("Resource")),
        not_resources=_texts(raw.get("NotResource")),
        principal=raw.get("Principal"),
        not_principal=raw.get("NotPrincipal"),
        condition={
            name: {key: _texts(wanted) or [] for key, wanted in block.items()}
            for name, block in raw.get("Condition", {}).items()
        },
    )


def _texts(value: Any) -> list[str] | None:
    """A list of texts; booleans are written as conditions compare them, a null is not there."""
    if value is None:
        return None
    items = value if isinstance(value, list) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items if item is not None]
