"""
Addresses from which one blob can be fetched for an hour by whoever has them, and nothing else can be.

    /_dl/v1/<region>/<account>/<repository id>/<digest>?exp=<seconds>&kid=<key>&by=<principal id>&sig=<hex>

The signature covers every part of that and the method. The repository is named by its id, so an address
does not outlive its repository's deletion, even if another one takes its name. *kid* is the version of the root key.
"""

import hmac
import re
from typing import TYPE_CHECKING, NamedTuple

from entrepot import clock
from entrepot.names import Registry
from entrepot.registry.repositories import Repository
from entrepot.rootkey import VersionMissing

if TYPE_CHECKING:
    from entrepot.identity.tokens import Ring

PREFIX = "/_dl/v1/"
LIFETIME = 3600

_LABEL = "download-url"
_PATH = re.compile(
    r"/_dl/v1/(?P<region>[a-z0-9-]{1,40})/(?P<account>\d{12})/(?P<repository>\d{1,18})"
    r"/(?P<digest>sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})",
    re.ASCII,
)
_QUERY = re.compile(
    r"exp=(?P<expires>\d{1,11})&kid=(?P<key>[1-9]\d{0,2})&by=(?P<by>[A-Za-z0-9]{1,64})&sig=(?P<mac>[0-9a-f]{64})",
    re.ASCII,
)


class Download(NamedTuple):
    """What an address gives. *principal* is the id of who asked for it."""

    registry: Registry
    repository_id: int
    digest: str
    principal: str


def address(ring: "Ring", repository: Repository, digest: str, *, principal: str) -> str:
    """Path and query of an address that is good for ``LIFETIME`` seconds. *principal* is an id."""
    download = Download(repository.registry, repository.id, digest, principal)
    expires, key = int(clock.now()) + LIFETIME, ring.version
    place = f"{PREFIX}{repository.registry.region}/{repository.account}/{repository.id}/{digest}"
    return f"{place}?exp={expires}&kid={key}&by={principal}&sig={_mac(ring, download, expires, key=key)}"


def find(ring: "Ring", path: str, query: str) -> Download | None:
    """
    What the address gives; None where we did not make it, or it has expired.

    *path* and *query* are as they came, undecoded: an address of ours has nothing to decode.
    Source: ours; fields are length-prefixed because joined ones were confused elsewhere (CVE-2026-58426).
    """
    where, what = _PATH.fullmatch(path), _QUERY.fullmatch(query)
    if where is None or what is None:
        return None
    registry = Registry(where["account"], where["region"])
    download = Download(registry, int(where["repository"]), where["digest"], what["by"])
    expires = int(what["expires"])
    try:
        ours = _mac(ring, download, expires, key=int(what["key"]))
    except VersionMissing:
        return None
    if not hmac.compare_digest(ours, what["mac"]):
        return None
    return download if expires > clock.now() else None


def _mac(ring: "Ring", download: Download, expires: int, *, key: int) -> str:
    registry, repository_id, digest, principal = download
    fields = ("GET", registry.region, registry.account, repository_id, digest, expires, key, principal)
    return ring.mac(_LABEL, *(str(field).encode() for field in fields), version=key)
