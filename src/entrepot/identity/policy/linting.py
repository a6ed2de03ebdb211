"""What is odd in a policy without being wrong: told to whoever saves it, never a reason to refuse."""

from collections.abc import Iterable, Iterator

from entrepot.identity.policy.conditions import Operator, operator_of
from entrepot.identity.policy.kinds import Kind
from entrepot.identity.policy.principals import compile_principal
from entrepot.identity.policy.statements import Statement

# Keys that hold a list. Source: IAM user guide, "Single-valued vs. multivalued context keys"; ecr:ImageTag is ours.
_LISTS = frozenset(
    {
        "aws:calledvia",
        "aws:principalorgpaths",
        "aws:principalservicenameslist",
        "aws:resourceorgpaths",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "ecr:imagetag",
        "kms:encryptioncontextkeys",
        "kms:grantoperations",
        "kms:resourcealiases",
        "secretsmanager:versionstage",
        "sts:transitivetagkeys",
    }
)
# Keys of the services that are here, and those of every request. A key that ends in a slash is followed by a name.
_SINGLE = """
    aws:calledviafirst aws:calledvialast aws:currenttime aws:epochtime aws:federatedprovider aws:multifactorauthage
    aws:multifactorauthpresent aws:principalaccount aws:principalarn aws:principalisawsservice aws:principalorgid
    aws:principalservicename aws:principaltag/ aws:principaltype aws:referer aws:requestedregion aws:requesttag/
    aws:resourceaccount aws:resourceorgid aws:resourcetag/ aws:securetransport aws:sourceaccount aws:sourcearn
    aws:sourceidentity aws:sourceip aws:sourceorgid aws:sourcevpc aws:sourcevpce aws:tokenissuetime aws:useragent
    aws:userid aws:username aws:viaawsservice aws:vpcsourceip
    ecr:accountsetting ecr:resourcetag/ ecr-public:resourcetag/
    iam:associatedresourcearn iam:awsservicename iam:passedtoservice iam:permissionsboundary iam:policyarn
    iam:resourcetag/
    sts:awsservicename sts:durationseconds sts:externalid sts:rolesessionname sts:sourceidentity
    kms:bypasspolicylockoutsafetycheck kms:calleraccount kms:encryptionalgorithm kms:encryptioncontext:
    kms:grantconstrainttype kms:granteeprincipal kms:grantid kms:grantisforawsresource kms:keyorigin kms:keyspec
    kms:keyusage kms:multiregion kms:reencryptonsamekey kms:requestalias kms:retiringprincipal kms:rotationperiodindays
    kms:schedulekeydeletionpendingwindowindays kms:viaservice
    secretsmanager:description secretsmanager:forcedeletewithoutrecovery secretsmanager:forceoverwritereplicasecret
    secretsmanager:kmskeyarn secretsmanager:kmskeyid secretsmanager:name secretsmanager:recoverywindowindays
    secretsmanager:resourcetag/ secretsmanager:secretid secretsmanager:secretprimaryregion secretsmanager:versionid
"""
_KNOWN = _LISTS | frozenset(_SINGLE.split())
_JUDGED = ("aws:", "ecr:", "ecr-public:", "iam:", "sts:", "kms:", "secretsmanager:")


def warnings(statements: Iterable[Statement], kind: Kind) -> tuple[str, ...]:
    """One sentence for each oddity, with the number of its statement, from 0 on. Source: security-design 1.1."""
    return tuple(
        f"statement {number}: {oddity}"
        for number, statement in enumerate(statements)
        for oddity in (*_of_conditions(statement), *_of_principal(statement, kind))
    )


def _of_conditions(statement: Statement) -> Iterator[str]:
    nulls = {key.lower() for name, block in statement.condition.items() if name.lower() == "null" for key in block}
    for name, block in statement.condition.items():
        how = operator_of(name)
        for key, wanted in block.items() if how is not None and how.base != "null" else ():
            assert how is not None
            yield from _of_key(key, wanted, how=how)
            if how.many == "forallvalues" and statement.effect == "Allow" and key.lower() not in nulls:
                yield f"ForAllValues allows requests without {key}; a Null condition would not"


def _of_key(key: str, wanted: Iterable[str], *, how: Operator) -> Iterator[str]:
    lower = key.lower()
    if lower in _LISTS and not how.many:
        yield f"{key} has several values and needs ForAllValues or ForAnyValue"
    if lower in _KNOWN - _LISTS and how.many:
        yield f"{key} has one value; ForAllValues and ForAnyValue are for keys with several"
    if lower.startswith(_JUDGED) and not _is_known(lower):
        yield f"{key} is a condition key that no request has"
    if how.base in ("stringequals", "stringnotequals"):
        for text in wanted:
            if "*" in text.replace("${*}", "") or "?" in text.replace("${?}", ""):
                yield f'"{text}" is compared as it stands; wildcards need StringLike'


def _is_known(key: str) -> bool:
    return key in _KNOWN or any(key.startswith(known) for known in _KNOWN if known[-1] in "/:")


def _of_principal(statement: Statement, kind: Kind) -> Iterator[str]:
    everybody = statement.principal is not None and compile_principal(statement.principal, granting=False)(None)
    if kind is not Kind.ENDPOINT and everybody and statement.effect == "Allow" and not statement.condition:
        yield "everybody is allowed, of whatever account, and no condition limits it"
