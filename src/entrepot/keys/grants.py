"""
Grants: who, beside those whom the key policy names, may do what with a key; and who may take that back.

A grant counts as a statement of the key's: it is compiled to one that allows its grantee its operations, under its
constraints, so that whatever else decides decides over it too. Source: security-design 5.2; KMS developer guide,
"Grants in AWS KMS".
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select

from entrepot import clock
from entrepot.database import Row, Statement, Transaction
from entrepot.identity import named
from entrepot.identity.faults import PrincipalUnknown
from entrepot.identity.policy import Kind, Policy, compile_policy
from entrepot.identity.principals import Principal
from entrepot.identity.rows import raise_generation
from entrepot.keys.faults import GrantNotFound, PrincipalInvalid, QuotaExceeded
from entrepot.keys.keys import Key
from entrepot.keys.tables import kms_grants, kms_keys
from entrepot.names import Registry

# Source: KMS developer guide, "Resource quotas": grants for each key.
MOST = 50_000
# What can be done with a symmetric key. Source: KMS API reference, "CreateGrant".
OPERATIONS = frozenset(
    {
        *("Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"),
        *("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
        *("CreateGrant", "RetireGrant", "DescribeKey"),
    }
)
# Constraints look at the encryption context, and these have none. Source: KMS API reference, "GrantConstraints".
_WITHOUT_CONTEXT = frozenset({"CreateGrant", "DescribeKey", "RetireGrant"})
_EQUALS, _SUBSET, _SOURCE = "EncryptionContextEquals", "EncryptionContextSubset", "SourceArn"

_THIS = and_(kms_grants.c.key_id == bindparam("key"), kms_grants.c.id == bindparam("this"))
_FIND = Statement(select(kms_grants).where(_THIS))
_DELETE = Statement(delete(kms_grants).where(_THIS))
_COUNT = Statement(select(func.count()).select_from(kms_grants).where(kms_grants.c.key_id == bindparam("key")))
_PAGE = Statement(
    select(kms_grants)
    .where(kms_grants.c.key_id == bindparam("key"), kms_grants.c.id > bindparam("after"))
    .order_by(kms_grants.c.id)
    .limit(bindparam("most"))
)
_OF_GRANTEE = Statement(
    select(kms_grants)
    .where(
        kms_grants.c.key_id == bindparam("key"),
        kms_grants.c.grantee == bindparam("grantee"),
        kms_grants.c.id > bindparam("after"),
    )
    .order_by(kms_grants.c.id)
    .limit(bindparam("most"))
)
_RETIRABLE = Statement(
    select(kms_grants, kms_keys.c.account, kms_keys.c.region)
    .join_from(kms_grants, kms_keys, kms_keys.c.id == kms_grants.c.key_id)
    .where(
        kms_grants.c.retiree == bindparam("retiree"),
        kms_grants.c.id > bindparam("after"),
        kms_keys.c.account == bindparam("account"),
        kms_keys.c.region == bindparam("region"),
    )
    .order_by(kms_grants.c.id)
    .limit(bindparam("most"))
)
# A caller has six names at most; of grants to one caller on one key no more than these are looked at.
_NAMES, _MOST_OF_A_CALLER = 6, 500
_OF_CALLER = Statement(
    select(kms_grants)
    .where(
        kms_grants.c.key_id == bindparam("key"),
        or_(
            kms_grants.c.grantee.in_([bindparam(f"name{n}") for n in range(_NAMES)]),
            kms_grants.c.retiree.in_([bindparam(f"name{n}") for n in range(_NAMES)]),
        ),
    )
    .order_by(kms_grants.c.id)
    .limit(_MOST_OF_A_CALLER)
)
_PUT = Statement(
    insert(kms_grants).values(
        {
            name: bindparam(f"new_{name}")
            for name in (
                *("id", "key_id", "grantee", "retiree", "operations"),
                *("constraints", "name", "issuer", "created_at"),
            )
        }
    )
)


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What a grant gives and to whom.

    *grantee* and *retiree* are principals as people name them; *operations* are those of KMS. *constraints*: the
    encryption context that must come (``EncryptionContextEquals``, ``…Subset``), or the ``SourceArn``.
    """

    grantee: str
    operations: Sequence[str]
    retiree: str | None = None
    constraints: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant on a key. In its *terms* users and roles stand by their ids. *created_at*: seconds since the epoch."""

    id: str
    key_id: str
    terms: Terms
    issuer: str
    created_at: float


def create(tx: Transaction, key: Key, terms: Terms, *, issuer: str) -> str:
    """
    A new grant on a key; its id. The same terms under the same name, if they have one, are the grant that there is.

    Raises: PrincipalInvalid, where a principal is none or nobody; QuotaExceeded.
    """
    kept = Terms(
        _stored(tx, terms.grantee, key),
        list(terms.operations),
        None if terms.retiree is None else _stored(tx, terms.retiree, key),
        dict(terms.constraints),
        terms.name,
    )
    if terms.name:
        same = tx.all(_OF_GRANTEE, key=key.id, grantee=kept.grantee, after="", most=_MOST_OF_A_CALLER)
        for row in same:
            if _grant(row).terms == kept:
                return str(row["id"])
    count = tx.one(_COUNT, key=key.id)
    if count is not None and count[0] >= MOST:
        raise QuotaExceeded(what="grants on a key", limit=MOST)
    grant_id = secrets.token_hex(32)
    tx.run(
        _PUT,
        new_id=grant_id,
        new_key_id=key.id,
        new_grantee=kept.grantee,
        new_retiree=kept.retiree,
        new_operations=json.dumps(kept.operations),
        new_constraints=json.dumps(kept.constraints),
        new_name=kept.name,
        new_issuer=issuer,
        new_created_at=clock.now(),
    )
    raise_generation(tx)
    return grant_id


def find(tx: Transaction, key: Key, grant_id: str) -> Grant | None:
    """A grant on a key; None where there is none."""
    row = tx.one(_FIND, key=key.id, this=grant_id)
    return None if row is None else _grant(row)


def get(tx: Transaction, key: Key, grant_id: str) -> Grant:
    """The same. Raises: GrantNotFound."""
    grant = find(tx, key, grant_id)
    if grant is None:
        raise GrantNotFound(id=grant_id)
    return grant


def remove(tx: Transaction, grant: Grant) -> None:
    """Take back what a grant gave: from the next request on, on every worker."""
    tx.run(_DELETE, key=grant.key_id, this=grant.id)
    raise_generation(tx)


def page(tx: Transaction, key: Key, *, grantee: str | None, after: str, limit: int) -> list[Grant]:
    """The grants on a key behind the id *after*, only those to *grantee* where one is given."""
    if grantee is None:
        rows = tx.all(_PAGE, key=key.id, after=after, most=limit)
    else:
        rows = tx.all(_OF_GRANTEE, key=key.id, grantee=_known(tx, grantee, key.registry), after=after, most=limit)
    return [_grant(row) for row in rows]


def retirable(tx: Transaction, registry: Registry, retiree: str, *, after: str, limit: int) -> list[Grant]:
    """The grants on keys of an account that *retiree* may retire, behind the id *after*."""
    rows = tx.all(
        _RETIRABLE,
        retiree=_known(tx, retiree, registry),
        account=registry.account,
        region=registry.region,
        after=after,
        most=limit,
    )
    return [_grant(row) for row in rows]


def of_caller(tx: Transaction, key_id: str, caller: Principal) -> list[Grant]:
    """The grants on a key that *caller* is the grantee of, or may retire."""
    rows = tx.all(_OF_CALLER, key=key_id, **{f"name{n}": form for n, form in enumerate(_forms(caller))})
    return [_grant(row) for row in rows]


def may_hand_on(tx: Transaction, key_id: str, caller: Principal, terms: Terms) -> bool:
    """Whether some grant to *caller* lets it make one of these *terms*."""
    forms = _forms(caller)
    return any(grant.terms.grantee in forms and covers(grant.terms, terms) for grant in of_caller(tx, key_id, caller))


def policy_of(grants: Sequence[Grant]) -> Policy | None:
    """What they allow, as a policy on the key; None where there are none."""
    statements = [statement for grant in grants for statement in _statements(grant)]
    if not statements:
        return None
    # In documents of that version ``${`` is what it says, and no variable.
    return compile_policy(json.dumps({"Version": "2008-10-17", "Statement": statements}), Kind.KEY, name="grant")


def shown(tx: Transaction, terms: Terms) -> Terms:
    """The same terms with users and roles by the ARNs that they have now."""
    return Terms(
        named.shown_principal(tx, terms.grantee),
        terms.operations,
        None if terms.retiree is None else named.shown_principal(tx, terms.retiree),
        terms.constraints,
        terms.name,
    )


def covers(parent: Terms, child: Terms) -> bool:
    """
    Whether who has *parent* may hand on *child*: no more operations, and constraints at least as strict.

    Source: KMS developer guide, "Granting CreateGrant permission".
    """
    if "CreateGrant" not in parent.operations or not set(child.operations) <= set(parent.operations):
        return False
    equals, subset = parent.constraints.get(_EQUALS), parent.constraints.get(_SUBSET)
    if equals and not _same(child.constraints.get(_EQUALS) or {}, equals):
        return False
    # Whoever must send exactly these pairs, or at least these, sends those among them.
    promised = {**(child.constraints.get(_SUBSET) or {}), **(child.constraints.get(_EQUALS) or {})}
    if subset and not _folded(subset).items() <= _folded(promised).items():
        return False
    source = parent.constraints.get(_SOURCE)
    return source is None or child.constraints.get(_SOURCE) == source


def _forms(caller: Principal) -> list[str]:
    """Every way in which rows may name a caller."""
    source = caller.source
    return [caller.id, caller.arn, source.id, source.arn, caller.account, f"arn:aws:iam::{caller.account}:root"]


def _same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return _folded(one) == _folded(other)


def _folded(context: Mapping[str, str]) -> dict[str, str]:
    """Keys of encryption contexts are compared as those of conditions are, values exactly."""
    return {key.lower(): value for key, value in context.items()}


def _statements(grant: Grant) -> list[dict[str, Any]]:
    """Who retires it may do so with this grant alone."""
    terms = grant.terms
    bound = [name for name in terms.operations if name not in _WITHOUT_CONTEXT]
    free = [name for name in terms.operations if name in _WITHOUT_CONTEXT - {"RetireGrant"}]
    retirees = [terms.grantee] if "RetireGrant" in terms.operations else []
    retirees += [terms.retiree] if terms.retiree is not None else []
    this = {"StringEquals": {"kms:GrantId": grant.id}}
    return [
        *([_allow(terms.grantee, bound, _condition(terms.constraints))] if bound else []),
        *([_allow(terms.grantee, free, {})] if free else []),
        *(_allow(retiree, ["RetireGrant"], this) for retiree in retirees),
    ]


def _allow(principal: str, operations: Sequence[str], condition: Mapping[str, Any]) -> dict[str, Any]:
    family = "Service" if principal.endswith(".amazonaws.com") else "AWS"
    return {
        "Effect": "Allow",
        "Principal": {family: principal},
        "Action": [f"kms:{name}" for name in operations],
        "Resource": "*",
        "Condition": condition,
    }


def _condition(constraints: Mapping[str, Any]) -> dict[str, Any]:
    equals, subset = constraints.get(_EQUALS) or {}, constraints.get(_SUBSET) or {}
    wanted = {f"kms:EncryptionContext:{key}": value for key, value in {**subset, **equals}.items()}
    condition: dict[str, Any] = {"StringEquals": wanted} if wanted else {}
    if equals:
        # Each of them is there, by the above; and there are no others.
        condition["ForAllValues:StringEqualsIgnoreCase"] = {"kms:EncryptionContextKeys": list(equals)}
    if _SOURCE in constraints:
        condition["ArnEquals"] = {"aws:SourceArn": constraints[_SOURCE]}
    return condition


def _stored(tx: Transaction, name: str, key: Key) -> str:
    try:
        return named.stored_principal(tx, name, account=key.registry.account)
    except PrincipalUnknown:
        raise PrincipalInvalid(arn=name) from None


def _known(tx: Transaction, name: str, registry: Registry) -> str:
    """How rows name a principal whom a list asks for, who may be nobody."""
    try:
        return named.stored_principal(tx, name, account=registry.account)
    except PrincipalUnknown:
        return name


def _grant(row: Row) -> Grant:
    terms = Terms(
        row["grantee"], json.loads(row["operations"]), row["retiree"], json.loads(row["constraints"]), row["name"]
    )
    return Grant(row["id"], row["key_id"], terms, row["issuer"], row["created_at"])
