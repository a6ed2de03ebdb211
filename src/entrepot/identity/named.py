"""
Principals that documents name: by ARN for people, by unique id in rows.

A namesake that is made later must get nothing of what was granted to the first, so what is stored names users and
roles by their ids, and what is shown names them by their ARNs of now; somebody who is gone is shown as the bare id.
Source: security-design 1.2; IAM user guide, "AWS JSON policy elements: Principal".
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from entrepot.database import Transaction
from entrepot.identity import providers, roles, users
from entrepot.identity.faults import PrincipalUnknown

_ACCOUNT = re.compile(r"\d{12}|arn:aws:iam::\d{12}:root", re.ASCII)
_ENTITY = re.compile(r"arn:aws:iam::(\d{12}):(user|role)(/(?:[\x21-\x7e]+/)?)([\w+=,.@-]+)", re.ASCII)
_SESSION = re.compile(r"arn:aws:sts::(\d{12}):assumed-role/([\w+=,.@-]+)/[\w+=,.@-]{2,64}", re.ASCII)
_FEDERATED_USER = re.compile(r"arn:aws:sts::\d{12}:federated-user/[\w+=,.@-]{2,32}", re.ASCII)
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com", re.ASCII)
_PROVIDER = re.compile(r"arn:aws:iam::(\d{12}):oidc-provider/.+", re.ASCII)
# Providers that need no entry of their own. Source: IAM user guide, "Web identity providers".
_WELL_KNOWN = frozenset(
    {"accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"}
)
_KINDS = {"AIDA": "user", "AROA": "role"}


def stored(tx: Transaction, text: str, *, account: str) -> str:
    """
    The document *text* of *account* as its row keeps it: users and roles by their ids.

    Only of its own account does it tell whether somebody exists: names of others are kept as they stand where
    there is nobody of that name, so that nobody learns who works elsewhere.

    Raises: PrincipalUnknown.
    """
    return _rewritten(text, lambda kind, name: _checked(tx, kind, name, account=account))


def shown(tx: Transaction, text: str) -> str:
    """A stored document as people see it: users and roles by the ARNs that they have now."""
    return _rewritten(text, lambda kind, name: shown_principal(tx, name))


def stored_principal(tx: Transaction, name: str, *, account: str) -> str:
    """
    One principal as rows of *account* keep it: an AWS principal as ``stored`` does, a service by its name.

    Raises: PrincipalUnknown.
    """
    return name if _SERVICE.fullmatch(name) else _checked(tx, "AWS", name, account=account)


def shown_principal(tx: Transaction, name: str) -> str:
    """A stored principal as people see it."""
    return _arn_of(tx, name) or name


def _rewritten(text: str, rename: Callable[[str, str], str]) -> str:
    """*text* with other principals; the very same text where no name changes."""
    document = json.loads(text)
    changed = False
    for element in _elements(document):
        for kind, given in element.items():
            names = [given] if isinstance(given, str) else given
            renamed = [rename(kind, name) for name in names]
            if renamed != names:
                element[kind] = renamed[0] if isinstance(given, str) else renamed
                changed = True
    return json.dumps(document, separators=(",", ":")) if changed else text


def _elements(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        for name in ("Principal", "NotPrincipal"):
            if isinstance(statement.get(name), dict):
                yield statement[name]


def _checked(tx: Transaction, kind: str, name: str, *, account: str) -> str:
    if kind == "AWS":
        found = _id_of(tx, name, account=account)
    elif kind == "Service":
        found = name if _SERVICE.fullmatch(name) else None
    elif kind == "Federated":
        found = name if _is_provider(tx, name, account=account) else None
    else:
        found = None
    if found is None:
        raise PrincipalUnknown(kind=kind.upper(), name=name)
    return found


def _id_of(tx: Transaction, name: str, *, account: str) -> str | None:
    """How a row names an AWS principal; None for one that cannot be named."""
    if name == "*" or _ACCOUNT.fullmatch(name) or _FEDERATED_USER.fullmatch(name):
        return name
    if _arn_of(tx, name):
        return name
    session = _SESSION.fullmatch(name)
    if session is not None:
        return name if session[1] != account or roles.find(tx, account, name=session[2]) else None
    entity = _ENTITY.fullmatch(name)
    if entity is None:
        return None
    find = users.find if entity[2] == "user" else roles.find
    found = find(tx, entity[1], name=entity[4])
    if found is not None and found.arn == name:
        return found.id
    return None if entity[1] == account else name


def _arn_of(tx: Transaction, unique_id: str) -> str | None:
    """The ARN of the user or role of that unique id; None where it is no id, or of nobody any more."""
    kind = _KINDS.get(unique_id[:4])
    if kind is None:
        return None
    found = users.find_by_id(tx, unique_id) if kind == "user" else roles.find_by_id(tx, unique_id)
    return None if found is None else found.arn


def _is_provider(tx: Transaction, name: str, *, account: str) -> bool:
    match = _PROVIDER.fullmatch(name)
    if match is None:
        return name in _WELL_KNOWN
    return match[1] == account and providers.find(tx, name) is not None
