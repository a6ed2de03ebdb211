"""
Web identities: who a token of somebody else's identity provider says that its bearer is.

A provider is believed in the account that registered it, and in no other. Its keys are those that the account
gave with it (a static JWKS), else those that it publishes itself. What a web identity may take on is for the
role's trust policy to say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from entrepot.database import Transaction
from entrepot.identity import jwt, providers
from entrepot.identity.principals import Principal
from entrepot.identity.providers import Provider
from entrepot.identity.session_faults import (
    IdentityTokenExpired,
    IdentityTokenInvalid,
    ProviderUnreachable,
    TagsInvalid,
)
from entrepot.identity.session_tags import Tags
from entrepot.remote.key_sets import KeySets

Find = Callable[[str], Provider | None]

# Claims that tell what a CI job is, beside those of OpenID Connect. AWS knows them for the issuers of GitHub, GitLab
# and others; here they count for every registered provider, because people run their own.
_CLAIMS = (
    *("sub", "amr", "azp", "email"),
    *("repository", "repository_id", "repository_owner", "repository_owner_id", "repository_visibility"),
    *("ref", "ref_type", "ref_path", "ref_protected", "environment", "environment_protected", "workflow"),
    *("workflow_ref", "job_workflow_ref", "event_name", "actor", "actor_id", "runner_environment", "enterprise"),
    *("enterprise_id", "project_id", "project_path", "namespace_id", "namespace_path", "pipeline_source"),
    *("user_login", "user_id", "ci_config_ref_uri", "deployment_tier"),
)
_TAGS = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """Somebody whom a provider vouches for. *claims* are condition keys, in lower case."""

    principal: Principal
    provider: str  # its ARN
    subject: str
    audience: str
    claims: Mapping[str, str | tuple[str, ...]]
    tags: Tags = ()
    transitive: tuple[str, ...] = ()
    source_identity: str | None = None


def identify(find: Find, *, token: str, key_sets: KeySets, now: float) -> WebIdentity:
    """
    Who *token* says that its bearer is. *now* is in seconds since the epoch.

    *find* gives the provider of an issuer's URL that is registered where the role is, or None. It may block until
    the provider's keys have come.

    Raises: IdentityTokenInvalid, IdentityTokenExpired, ProviderUnreachable, TagsInvalid.
    Source: AWS STS API reference, AssumeRoleWithWebIdentity; security-design 3.3.
    """
    try:
        read = jwt.read(token)
        provider = _provider(find, read.claims.get("iss"))
        jwt.check_signature(read, _keys(provider, read, key_sets))
        audience = jwt.check_claims(read.claims, audiences=provider.client_ids, now=now)
    except jwt.Expired as expired:
        raise IdentityTokenExpired(now=int(now), expiry=expired.args[0]) from None
    except jwt.Refused as refused:
        raise IdentityTokenInvalid(reason=str(refused)) from None
    return _identity(provider, read.claims, audience)


def find_provider(tx: Transaction, account: str, issuer: str) -> Provider | None:
    """The provider that *account* registered for *issuer*, a URL; None where there is none."""
    return providers.find(tx, f"arn:aws:iam::{account}:oidc-provider/{issuer.removeprefix('https://')}")


def _provider(find: Find, issuer: Any) -> Provider:
    """The provider whose URL is exactly *issuer*. Raises: jwt.Refused."""
    if not isinstance(issuer, str):
        raise jwt.Refused("Missing a required claim: iss")
    found = find(issuer)
    if found is None or found.issuer != issuer:
        raise jwt.Refused(f"No OpenIDConnect provider found in your account for {issuer[:255]}")
    return found


def _keys(provider: Provider, token: jwt.Token, key_sets: KeySets) -> tuple[jwt.Key, ...]:
    """
    The provider's keys: those that were given with it, else those that it publishes.

    Raises: jwt.Refused, ProviderUnreachable.
    """

    def has_the_key(document: str) -> bool:
        try:
            return token.key_id is None or any(key.id == token.key_id for key in jwt.keys_of(document))
        except jwt.Refused:
            return False

    document = provider.jwks or key_sets.find(provider.issuer, is_enough=has_the_key)
    if document is None:
        raise ProviderUnreachable
    return jwt.keys_of(document)


def _identity(provider: Provider, claims: Mapping[str, Any], audience: str) -> WebIdentity:
    arn, url, subject = provider.arn, provider.url, claims["sub"]
    values = {name: _value(claims[name]) for name in _CLAIMS if name in claims} | {"aud": audience}
    tags, transitive = _tags(claims.get(_TAGS))
    source_identity = claims.get(_SOURCE_IDENTITY)
    if source_identity is not None and not isinstance(source_identity, str):
        raise IdentityTokenInvalid(reason=f"Token has a claim {_SOURCE_IDENTITY} that is no string")
    return WebIdentity(
        principal=Principal(f"{url}:{audience}:{subject}", provider.account, arn, "web identity", subject),
        provider=arn,
        subject=subject,
        audience=audience,
        claims={f"{url}:{name}".lower(): value for name, value in values.items() if value is not None},
        tags=tags,
        transitive=transitive,
        source_identity=source_identity,
    )


def _tags(claim: Any) -> tuple[Tags, tuple[str, ...]]:
    """Session tags that the provider sets. Source: IAM user guide, "Passing session tags using …WebIdentity"."""
    if claim is None:
        return (), ()
    try:
        listed, transitive = claim["principal_tags"], claim.get("transitive_tag_keys", [])
        tags = tuple((key, value) for key, (value,) in listed.items())
    except (KeyError, TypeError, ValueError, AttributeError):
        raise TagsInvalid(reason=f"Token has a claim {_TAGS} of another shape") from None
    texts = [*(text for tag in tags for text in tag), *transitive]
    if not all(isinstance(text, str) and len(text) <= 256 for text in texts) or len(tags) > 50:
        raise TagsInvalid(reason=f"Token has a claim {_TAGS} of another shape")
    return tags, tuple(transitive)


def _value(claim: Any) -> str | tuple[str, ...] | None:
    """A claim as conditions see it; None for one that they cannot."""
    if isinstance(claim, bool):
        return str(claim).lower()
    if isinstance(claim, list):
        return tuple(str(each) for each in claim)
    return str(claim) if isinstance(claim, str | int) else None
