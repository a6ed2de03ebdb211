"""
The ``Principal`` element: which forms may be saved, and how a caller is meant by them.

*How* decides what the grant is worth (security-design 1.3): DIRECT names the caller itself (or everybody), VIA the
role of its session or the user of its federated session, ACCOUNT its account, which delegates to that account.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from entrepot.identity.policy.requests import Caller

NOT: Final = 0
ACCOUNT: Final = 1
VIA: Final = 2
DIRECT: Final = 3

# How a caller is meant; the anonymous is None.
Names = Callable[[Caller | None], int]

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_AWS = re.compile(
    r"[0-9]{12}"
    r"|(?:AIDA|AROA)[A-Z0-9]{12,124}"
    r"|arn:aws[a-z-]*:iam::[0-9]{12}:(?:root|user/[^*?\s]+|role/[^*?\s]+)"
    r"|arn:aws[a-z-]*:sts::[0-9]{12}:(?:assumed-role/[^*?\s/]+/[^*?\s/]+|federated-user/[^*?\s/]+)"
)
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?")
_PROVIDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|arn:aws[a-z-]*:iam::[0-9]{12}:(?:oidc|saml)-provider/[^*?\s]+")
_ACTING = ("service", "web identity")
_FORMS = {"AWS": _AWS, "Service": _SERVICE, "Federated": _PROVIDER}


def refused(principal: Any) -> str | None:
    """
    The first value of a ``Principal`` that may not be saved, as IAM quotes it; None where all may.

    Refused: partial wildcards, groups, canonical users, whatever is no principal.
    """
    if principal == "*":
        return None
    if not isinstance(principal, dict):
        return f'"AWS":"{principal}"'
    for family, value in values_of(principal):
        form = _FORMS.get(family)
        if form is None or not ((family == "AWS" and value == "*") or form.fullmatch(value)):
            return f'"{family}":"{value}"'
    return None


def values_of(principal: Any) -> Iterator[tuple[str, str]]:
    """Every value of a ``Principal`` with its family (``AWS``, ``Service``, ``Federated``)."""
    if not isinstance(principal, Mapping):
        return
    for family, value in principal.items():
        for item in [value] if isinstance(value, str) else value:
            yield family, item


def compile_principal(principal: Any, *, granting: bool) -> Names:
    """
    How a caller is meant by a ``Principal``: the strongest of its forms.

    *granting*: the statement allows. Then ``*`` does not mean services and web identities, which act for others
    and must be named.
    """
    everybody = _every_signed_or_none if granting else _everybody
    if principal == "*":
        return everybody
    forms: dict[str, set[str]] = {"AWS": set(), "Service": set(), "Federated": set()}
    for family, value in values_of(principal):
        forms.get(family, set()).add(value)
    if "*" in forms["AWS"]:
        return everybody
    return _named(forms["AWS"], forms["Service"] | forms["Federated"])


def _everybody(_caller: Caller | None) -> int:
    return DIRECT


def _every_signed_or_none(caller: Caller | None) -> int:
    return NOT if caller is not None and caller.kind in _ACTING else DIRECT


def _named(aws: set[str], others: set[str]) -> Names:
    accounts = {text.split(":")[4] if text.endswith(":root") else text for text in aws}

    def names(caller: Caller | None) -> int:
        if caller is None:
            return NOT
        if caller.kind in _ACTING:
            return NOT if others.isdisjoint(caller.direct) else DIRECT
        if not aws.isdisjoint(caller.direct):
            return DIRECT
        if not aws.isdisjoint(caller.via):
            return VIA
        return ACCOUNT if caller.account in accounts else NOT

    return names
