"""
Trust policies: what a role's may say beyond the grammar.

A provider of tokens that everybody can have (GitHub's, GitLab's) proves only that *somebody* runs a job there, so
a statement that trusts one must say whose job. Source: security-design 3.3; IAM user guide, "Identity-provider
controls for shared OIDC providers".
"""

from collections.abc import Iterator, Sequence

from entrepot.database import Transaction
from entrepot.identity import named, policy
from entrepot.identity.policy import Kind, Malformed, Statement

# Issuers that many share, and the claims beside ``sub`` that say for good whose token it is.
_SHARED: dict[str, tuple[str, ...]] = {
    "token.actions.githubusercontent.com": ("repository_id", "repository_owner_id"),
    "gitlab.com": ("project_id", "namespace_id"),
    "oidc.circleci.com": ("oidc.circleci.com/project-id",),
    "accounts.google.com": (),
    "app.terraform.io": ("terraform_organization_id", "terraform_workspace_id"),
    "agent.buildkite.com": ("organization_id", "pipeline_id"),
    "oidc.codefresh.io": (),
    "oidc.vercel.com": (),
    "cognito-identity.amazonaws.com": ("aud",),
}
_COMPARISONS = frozenset({"stringequals", "stringequalsignorecase", "stringlike"})


def parse(tx: Transaction, text: str, *, account: str) -> str:
    """
    A trust policy of a role of *account*, as its row keeps it.

    Raises: Malformed, TooLarge, PrincipalUnknown.
    Source: IAM API reference, CreateRole.
    """
    document = policy.parse(text, Kind.TRUST)
    for statement in document.statements:
        for issuer in _shared_issuers(statement):
            if not _says_whose(statement, issuer):
                raise Malformed(reason=_demand(issuer))
    return named.stored(tx, text, account=account)


def _shared_issuers(statement: Statement) -> Iterator[str]:
    """The shared issuers whose tokens a statement accepts."""
    if statement.effect != "Allow" or not isinstance(statement.principal, dict):
        return
    given = statement.principal.get("Federated", ())
    for name in [given] if isinstance(given, str) else given:
        url = (name.partition(":oidc-provider/")[2] or name).lower()
        if url in _SHARED or url.partition("/")[0] == "oidc.circleci.com":
            yield url


def _says_whose(statement: Statement, issuer: str) -> bool:
    """Whether every token that the statement accepts is of somebody whom it names."""
    claims = ("sub", *_claims_of(issuer))
    keys = {f"{issuer}:{claim}".lower() for claim in claims}
    return any(
        key.lower() in keys and all(_is_specific(value) for value in values) and values
        for operator, comparisons in statement.condition.items()
        if operator.lower().removeprefix("foranyvalue:") in _COMPARISONS
        for key, values in comparisons.items()
    )


def _is_specific(value: str) -> bool:
    """
    Whether a pattern names somebody before its first wildcard.

    What stands before the first separator only says what follows: ``repo:*`` is every repository that there is.
    """
    fixed = value.replace("?", "*").partition("*")[0]
    if fixed == value:
        return bool(value)
    separators = [place for place in (fixed.find(":"), fixed.find("/")) if place >= 0]
    return bool(separators and fixed[min(separators) + 1 :])


def _claims_of(issuer: str) -> Sequence[str]:
    return _SHARED.get(issuer) or _SHARED.get(issuer.partition("/")[0], ())


def _demand(issuer: str) -> str:
    keys = ", ".join(f"{issuer}:{claim}" for claim in ("sub", *_claims_of(issuer)))
    return (
        f"The provider {issuer} is shared by many: a statement that trusts it must compare one of {keys} "
        "with a value that says whose tokens are accepted"
    )
