"""
The rules that a document must keep to be saved, in the order in which IAM finds fault.

One fault gives IAM's own sentence; of several, the first in this order.
Source: security-design 1.1; IAM user guide, "Grammar of the IAM JSON policy language".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from entrepot.identity.policy import values
from entrepot.identity.policy.conditions import operator_of
from entrepot.identity.policy.kinds import Kind, Malformed
from entrepot.identity.policy.principals import refused
from entrepot.identity.policy.reading import Number
from entrepot.patterns import matcher, tokens

_MOST_STATEMENTS = 500
_VERSIONS = ("2008-10-17", "2012-10-17")
_SYNTAX = "Syntax errors in policy."
_LEGACY = "The policy failed legacy parsing"

_PARTITION = re.compile(r"aws(?:-[a-z-]+)?")
_WILD_PARTITION = re.compile(r"[a-z-]*+[*?][a-z*?-]*")
# IAM's own sentence knows no underscore, and IAM takes it.
_SID = re.compile(r"[0-9A-Za-z_]*")
_VENDOR = re.compile(r"[a-zA-Z0-9.*?-]+")
_IAM_PATHS = (
    *("user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/"),
    *("policy/", "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/"),
)
_TRUST_ACTIONS = (
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
    "sts:setcontext",
)

Json = Mapping[str, Any]


def check(document: Any, kind: Kind) -> None:
    """Return if *document* (as ``reading`` gives it) may be saved as *kind*. Raises: Malformed."""
    _syntax(document)
    statements = _statements(document)
    if kind.rules.modern and document.get("Version") != "2012-10-17":
        _refuse("Policy document must be version 2012-10-17 or greater.")
    for judge in (_legacy, *_RESOURCES, _actions, _sids, _elements, _principals, _OWN.get(kind, _nothing)):
        judge(statements, kind)


def _refuse(reason: str) -> NoReturn:
    raise Malformed(reason=reason)


def _statements(document: Json) -> list[Json]:
    statements = document["Statement"]
    return [statements] if isinstance(statements, dict) else statements


def _syntax(document: Any) -> None:
    """Every element is one, and of the type that it must be."""
    if not isinstance(document, dict) or not set(document) <= {"Version", "Id", "Statement"}:
        _refuse(_SYNTAX)
    told = document.get("Version", "2008-10-17") in _VERSIONS and _is_text(document.get("Id", ""))
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not told or not isinstance(statements, list) or not 1 <= len(statements) <= _MOST_STATEMENTS:
        _refuse(_SYNTAX)
    if not all(_is_statement(statement) for statement in statements):
        _refuse(_SYNTAX)


def _is_statement(statement: Any) -> bool:
    if not isinstance(statement, dict) or str(statement.get("Effect")).lower() not in ("allow", "deny"):
        return False
    if any({name, f"Not{name}"} <= set(statement) for name in ("Action", "Resource", "Principal")):
        return False
    return all(name in _ELEMENTS and _ELEMENTS[name](value) for name, value in statement.items())


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def _is_texts(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, list) and all(map(_is_text, value)))


def _is_resources(value: Any) -> bool:
    # IAM takes a null among resources, and does as if it was not there.
    return _is_text(value) or (isinstance(value, list) and all(item is None or _is_text(item) for item in value))


def _is_principal(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, dict) and bool(value) and all(map(_is_texts, value.values())))


def _is_condition(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    for name, block in value.items():
        if not isinstance(block, dict) or (block and operator_of(name) is None):
            return False
        if not all(_is_scalar(item) for wanted in block.values() for item in _listed(wanted)):
            return False
    return True


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_ELEMENTS: Mapping[str, Callable[[Any], bool]] = {
    "Sid": _is_text,
    "Effect": _is_text,
    "Action": _is_texts,
    "NotAction": _is_texts,
    "Resource": _is_resources,
    "NotResource": _is_resources,
    "Principal": _is_principal,
    "NotPrincipal": _is_principal,
    "Condition": _is_condition,
}


def _legacy(statements: Iterable[Json], _kind: Kind) -> None:
    """What an older parser of IAM's, with less to say, refuses: effects in another case, and dates that are none."""
    for statement in statements:
        dates = (
            item
            for name, block in statement.get("Condition", {}).items()
            if (how := operator_of(name)) is not None and how.base.startswith("date")
            for wanted in block.values()
            for item in _listed(wanted)
        )
        if statement["Effect"] not in ("Allow", "Deny") or any(
            not isinstance(item, str) or values.date(item) is None for item in dates
        ):
            _refuse(_LEGACY)


def _resources_of(statements: Iterable[Json]) -> Iterator[str]:
    for name in ("Resource", "NotResource"):
        for statement in statements:
            for resource in _listed(statement.get(name, [])):
                if resource is not None and resource != "*":
                    yield resource


def _arns(statements: Iterable[Json], kind: Kind) -> None:
    for resource in _resources_of(statements) if kind.rules.arns else ():
        _, *rest = resource.split(":", 5)
        if not rest:
            _refuse(f'Resource {resource} must be in ARN format or "*".')
        if not _PARTITION.fullmatch(rest[0]) and not _WILD_PARTITION.fullmatch(rest[0]):
            # It is called by what IAM made of it: an ARN, with stars for what is missing.
            shown = ":".join(["arn", *rest, *["*"] * (5 - len(rest))])
            _refuse(f'Partition "{rest[0]}" is not valid for resource "{shown}".')
        if len(rest) < 2 or "*" in rest[1] or "?" in rest[1]:
            _refuse("Resource vendor must be fully qualified and cannot contain regexes.")
        if len(rest) > 3 and rest[1] == "iam":
            _iam_arn(resource, region=rest[2], path=":".join(rest[4:]) or "*")


def _iam_arn(resource: str, *, region: str, path: str) -> None:
    if region not in ("", "*"):
        _refuse(f"IAM resource {resource} cannot contain region information.")
    if path not in ("*", "root") and not path.startswith(_IAM_PATHS):
        _refuse(f'IAM resource path must either be "*", root, or start with {", ".join(_IAM_PATHS)}.')


def _legacy_arns(statements: Iterable[Json], kind: Kind) -> None:
    for resource in _resources_of(statements) if kind.rules.arns else ():
        if (resource.count(":") < 5 and "::" in resource) or not resource.split(":")[2]:
            _refuse(_LEGACY)


_RESOURCES = (_arns, _legacy_arns)


def _actions_of(statement: Json) -> list[str]:
    return [*_listed(statement.get("Action", [])), *_listed(statement.get("NotAction", []))]


def _actions(statements: Iterable[Json], _kind: Kind) -> None:
    for action in (action for statement in statements for action in _actions_of(statement)):
        vendor, colon, name = action.partition(":")
        if action == "*":
            continue
        if not colon:
            _refuse("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if ":" in name:
            _refuse("Actions/Condition can contain only one colon.")
        if not _VENDOR.fullmatch(vendor):
            _refuse(f"Vendor {vendor} is not valid")


def _sids(statements: Iterable[Json], kind: Kind) -> None:
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    # Amazon ECR does not mind: SetRepositoryPolicy, observed.
    if len(set(sids)) < len(sids) and kind is not Kind.REPOSITORY:
        _refuse("Statement IDs (SID) in a single policy must be unique.")
    if kind.rules.plain_sids and not all(_SID.fullmatch(sid) for sid in sids):
        _refuse(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[0-9A-Za-z]*"
        )


def _elements(statements: Iterable[Json], kind: Kind) -> None:
    """Actions, and resources and principals where the kind has them."""
    for statement in statements:
        if not _actions_of(statement):
            _refuse("Policy statement must contain actions.")
        has = bool(_listed(statement.get("Resource", [])) or _listed(statement.get("NotResource", [])))
        if has and not kind.rules.resource:
            _refuse("Has prohibited field Resource")
        if not has and kind.rules.resource:
            _refuse("Policy statement must contain resources.")


def _principals(statements: Iterable[Json], kind: Kind) -> None:
    for statement in statements:
        named = [statement[name] for name in ("Principal", "NotPrincipal") if name in statement]
        if named and not kind.rules.principal:
            _refuse("Policy document should not specify a principal.")
        if not named and kind.rules.principal:
            _refuse("Missing required field Principal")
        if "NotPrincipal" in statement and statement["Effect"] == "Allow":
            # It would let in everybody else, also those who did not sign.
            _refuse("Allow with NotPrincipal is not supported.")
        for principal in named:
            if wrong := refused(principal):
                _refuse(f"Invalid principal in policy: {wrong}")


def _trust(statements: Iterable[Json], _kind: Kind) -> None:
    for action in (action for statement in statements for action in _actions_of(statement)):
        means = matcher(tokens(action.lower()))
        if not action.lower().startswith("sts:") or not any(means(known) for known in _TRUST_ACTIONS):
            _refuse("AssumeRole policy may only specify STS AssumeRole actions.")


def _resource_control(statements: Iterable[Json], _kind: Kind) -> None:
    """Source: Organizations user guide, "RCP syntax"; the one that allows everything is AWS's own."""
    for statement in statements:
        if statement["Effect"] != "Deny" or statement.get("Principal") != "*":
            _refuse(_SYNTAX)
        if "NotAction" in statement or "*" in _listed(statement["Action"]):
            _refuse(_SYNTAX)


def _nothing(_statements: Iterable[Json], _kind: Kind) -> None:
    return


_OWN = {Kind.TRUST: _trust, Kind.RCP: _resource_control}
