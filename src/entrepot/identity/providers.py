"""
Providers of OpenID Connect: whose tokens may stand for a role, and by which keys they are known.

The keys are fetched from the provider, unless they were given here (``set_jwks``): so a deployment in a
closed network trusts tokens of an issuer that it cannot reach. AWS has no such thing and no call for it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
from sqlalchemy import bindparam, delete, insert, select, update

from entrepot import clock, strict_json
from entrepot.database import Row, Statement, Transaction
from entrepot.identity import entity_tags, jwt
from entrepot.identity.entity_tags import Tag
from entrepot.identity.faults import (
    InvalidProviderUrl,
    KeySetRefused,
    NoThumbprints,
    ProviderExists,
    ProviderNotFound,
    QuotaExceeded,
    TooManyThumbprints,
)
from entrepot.identity.inventory import counted, counting
from entrepot.identity.rows import raise_generation
from entrepot.identity.tables import oidc_providers

# Source: IAM and STS quotas; IAM API reference, CreateOpenIDConnectProvider.
QUOTA, MOST_CLIENTS, MOST_THUMBPRINTS = 100, 100, 5
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+](:[0-9]{1,5})?")
_URL_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")

_FIND = Statement(select(oidc_providers).where(oidc_providers.c.arn == bindparam("this")))
_OF_ACCOUNT = Statement(
    select(oidc_providers)
    .where(oidc_providers.c.account == bindparam("account"))
    .order_by(oidc_providers.c.arn)
    .limit(QUOTA)
)
_COUNT = counting(oidc_providers)
_PUT = Statement(insert(oidc_providers))
_CHANGE = Statement(
    update(oidc_providers)
    .where(oidc_providers.c.arn == bindparam("this"))
    .values(
        client_ids=bindparam("new_client_ids"), thumbprints=bindparam("new_thumbprints"), jwks=bindparam("new_jwks")
    )
)
_DELETE = Statement(delete(oidc_providers).where(oidc_providers.c.arn == bindparam("this")))


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. *url* is without its scheme, which is always https; *created_at* in seconds since the epoch."""

    arn: str
    account: str
    url: str
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]
    jwks: str | None
    created_at: float

    @property
    def issuer(self) -> str:
        """What its tokens say in ``iss``."""
        return f"https://{self.url}"


def create(
    tx: Transaction,
    account: str,
    *,
    url: str,
    client_ids: Sequence[str] = (),
    thumbprints: Sequence[str] = (),
    tags: Sequence[Tag] = (),
) -> Provider:
    """
    A new provider.

    Raises: InvalidProviderUrl, ProviderExists, QuotaExceeded, TooManyThumbprints, and what tags raise.
    Source: IAM API reference, CreateOpenIDConnectProvider.
    """
    name = _name_of(url)
    clients = tuple(dict.fromkeys(client_ids))
    _check(clients, thumbprints)
    made = Provider(
        f"arn:aws:iam::{account}:oidc-provider/{name}", account, name, clients, tuple(thumbprints), None, clock.now()
    )
    if tx.one(_FIND, this=made.arn):
        raise ProviderExists(url=url)
    if counted(tx, _COUNT, account) >= QUOTA:
        raise QuotaExceeded(quota="OpenIdConnectProvidersPerAccount", limit=QUOTA)
    tx.run(
        _PUT,
        arn=made.arn,
        account=account,
        url=name,
        client_ids=_json(made.client_ids),
        thumbprints=_json(made.thumbprints),
        jwks=None,
        created_at=made.created_at,
    )
    entity_tags.tag(tx, made.arn, tags)
    raise_generation(tx)
    return made


def find(tx: Transaction, arn: str) -> Provider | None:
    """The provider of that ARN, or None."""
    row = tx.one(_FIND, this=arn)
    return None if row is None else _of_row(row)


def get(tx: Transaction, account: str, arn: str) -> Provider:
    """The provider of that ARN in this account. Raises: ProviderNotFound."""
    found = find(tx, arn)
    if found is None or found.account != account:
        raise ProviderNotFound(arn=arn)
    return found


def of_account(tx: Transaction, account: str) -> list[Provider]:
    """All providers of an account, by ARN."""
    return [_of_row(row) for row in tx.all(_OF_ACCOUNT, account=account)]


def add_client(tx: Transaction, provider: Provider, client_id: str) -> None:
    """Let tokens for one more client count. Raises: QuotaExceeded."""
    clients = tuple(dict.fromkeys((*provider.client_ids, client_id)))
    _check(clients, ())
    _change(tx, provider, client_ids=clients)


def remove_client(tx: Transaction, provider: Provider, client_id: str) -> None:
    """Let tokens for a client count no more; one that is not there is nothing to remove."""
    _change(tx, provider, client_ids=tuple(each for each in provider.client_ids if each != client_id))


def replace_thumbprints(tx: Transaction, provider: Provider, thumbprints: Sequence[str]) -> None:
    """Replace the thumbprints of the provider's certificates. Raises: NoThumbprints, TooManyThumbprints."""
    if not thumbprints:
        raise NoThumbprints
    _check((), thumbprints)
    _change(tx, provider, thumbprints=tuple(thumbprints))


def set_jwks(tx: Transaction, provider: Provider, jwks: str | None) -> None:
    """
    Give the provider's keys (a JWK set), so that none are fetched; None: fetch them again.

    Raises: KeySetRefused. Source: RFC 7517, "JWK Set Format".
    """
    if jwks is not None:
        _check_keys(jwks)
    _change(tx, provider, jwks=jwks)


def remove(tx: Transaction, provider: Provider) -> None:
    """Delete a provider: its tokens count no more."""
    tx.run(_DELETE, this=provider.arn)
    entity_tags.remove_all(tx, provider.arn)
    raise_generation(tx)


def _change(
    tx: Transaction,
    provider: Provider,
    *,
    client_ids: tuple[str, ...] | None = None,
    thumbprints: tuple[str, ...] | None = None,
    jwks: str | None = "as it is",
) -> None:
    tx.run(
        _CHANGE,
        this=provider.arn,
        new_client_ids=_json(provider.client_ids if client_ids is None else client_ids),
        new_thumbprints=_json(provider.thumbprints if thumbprints is None else thumbprints),
        new_jwks=provider.jwks if jwks == "as it is" else jwks,
    )
    raise_generation(tx)


def _name_of(url: str) -> str:
    """
    A provider's URL without its scheme. Raises: InvalidProviderUrl.

    Beyond AWS a port is taken: issuers of closed networks have them.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidProviderUrl from None
    name = url[len("https://") :]
    plain = parts.scheme == "https" and url.startswith("https://") and not parts.query and not parts.fragment
    if not plain or name != parts.netloc + parts.path:
        raise InvalidProviderUrl
    if not (_HOST.fullmatch(parts.netloc) and _URL_PATH.fullmatch(parts.path)):
        raise InvalidProviderUrl
    return name


def _check(client_ids: Sequence[str], thumbprints: Sequence[str]) -> None:
    if len(client_ids) > MOST_CLIENTS:
        raise QuotaExceeded(quota="ClientIdsPerOpenIdConnectProvider", limit=MOST_CLIENTS)
    if len(thumbprints) > MOST_THUMBPRINTS:
        raise TooManyThumbprints


def _check_keys(jwks: str) -> None:
    """Whether tokens can be judged by these keys, none of which may be private. Raises: KeySetRefused."""
    try:
        usable = jwt.keys_of(jwks)
    except jwt.Refused as refused:
        raise KeySetRefused(reason=str(refused)) from None
    if any(private in key for key in strict_json.read(jwks)["keys"] for private in ("d", "k")):
        raise KeySetRefused(reason="The JWKS document holds a private key")
    if not usable:
        raise KeySetRefused(reason="The JWKS document has no key that signatures can be verified with")


def _json(texts: tuple[str, ...]) -> str:
    return orjson.dumps(texts).decode()


def _of_row(row: Row) -> Provider:
    return Provider(
        row["arn"],
        row["account"],
        row["url"],
        tuple(orjson.loads(row["client_ids"])),
        tuple(orjson.loads(row["thumbprints"])),
        row["jwks"],
        row["created_at"],
    )
