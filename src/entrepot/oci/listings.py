"""Lists on the wire: the ping, tags, referrers, the catalog, with paging by Link."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

import orjson

from entrepot.answers import Header, Response, document
from entrepot.database import Transaction
from entrepot.errors import InvalidParameter
from entrepot.oci.messages import Request
from entrepot.registry import listings, repositories
from entrepot.registry.documents import OCI_INDEX
from entrepot.registry.listings import Page, Referrer

T = TypeVar("T")

_MOST = 1000


async def ping(request: Request) -> Response:
    """
    That this is a registry, and that the caller's credentials are good.

    Source: OCI distribution-spec 1.1, "Determining Support".
    """
    return document(200, b"{}")


async def list_tags(request: Request) -> Response:
    """
    Tags in the order of their bytes; ``n`` at a time, behind the tag ``last``.

    Raises: RepositoryNotFound, InvalidParameter. Source: OCI distribution-spec 1.1, "Listing Tags".
    """
    limit, after = _limit_of(request), request.query.get("last", "")

    def work(tx: Transaction) -> Page[str]:
        repository = repositories.get(tx, request.registry, request.name)
        return listings.list_tags(tx, repository, limit=limit, after=after) if limit else Page([], more=False)

    page = await _read(request, work)
    body = orjson.dumps({"name": request.name, "tags": page.items})
    return document(200, body, *_link(request, f"/v2/{request.name}/tags/list", page, limit, _same))


async def list_catalog(request: Request) -> Response:
    """
    Names of the registry's repositories; ``n`` at a time, behind the name ``last``.

    Source: Docker Registry HTTP API V2, "Listing Repositories".
    """
    limit, after = _limit_of(request), request.query.get("last", "")

    def work(tx: Transaction) -> Page[str]:
        if not limit:
            return Page([], more=False)
        page = listings.list_repositories(tx, request.registry, limit=limit, after=after)
        return Page([repository.name for repository in page.items], page.more)

    page = await _read(request, work)
    body = orjson.dumps({"repositories": page.items})
    return document(200, body, *_link(request, "/v2/_catalog", page, limit, _same))


async def list_referrers(request: Request) -> Response:
    """
    Manifests whose subject is the digest, as an index; of one artifact type, if one is asked for.

    The subject need not exist. Source: OCI distribution-spec 1.1, "Listing Referrers".
    """
    artifact_type = request.query.get("artifactType")
    limit, after = _limit_of(request) or _MOST, request.query.get("last", "")

    def work(tx: Transaction) -> Page[Referrer]:
        repository = repositories.get(tx, request.registry, request.name)
        return listings.list_referrers(
            tx,
            repository,
            request.reference,
            limit=limit,
            after=after,
            artifact_types=(artifact_type,) if artifact_type else (),
            status="ACTIVE",
        )

    page = await _read(request, work)
    entries = [_descriptor(referrer) for referrer in page.items]
    body = orjson.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    headers = _link(request, f"/v2/{request.name}/referrers/{request.reference}", page, limit, _digest_of)
    if artifact_type:
        headers = (*headers, (b"oci-filters-applied", b"artifactType"))
    return document(200, body, *headers, media_type=OCI_INDEX.encode("ascii"))


async def _read(request: Request, work: Callable[[Transaction], T]) -> T:
    def read() -> T:
        with request.context.runtime.database.reading() as tx:
            return work(tx)

    return await request.context.run(read)


def _limit_of(request: Request) -> int:
    """``n``; 1,000 where it is left out. Raises: InvalidParameter, with the text that Renovate looks for."""
    text = request.query.get("n")
    if text is None:
        return _MOST
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise InvalidParameter(parameter="maxResults", reason="Member must have value greater than or equal to 0")
    if int(text) > _MOST:
        raise InvalidParameter(parameter="maxResults", reason=f"Member must have value less than or equal to {_MOST}")
    return int(text)


def _link(request: Request, path: str, page: Page[T], limit: int, key: Callable[[T], str]) -> tuple[Header, ...]:
    """The address of the next page, where there is one. Source: RFC 8288."""
    if not page.more:
        return ()
    kept = f"&artifactType={quote(request.query['artifactType'], safe='')}" if "artifactType" in request.query else ""
    address = f"{path}?n={limit}&last={quote(key(page.items[-1]), safe='')}{kept}"
    return ((b"link", f'<{address}>; rel="next"'.encode("ascii")),)


def _same(name: str) -> str:
    return name


def _digest_of(referrer: Referrer) -> str:
    return referrer.digest


def _descriptor(referrer: Referrer) -> dict[str, object]:
    entry: dict[str, object] = {
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
    }
    if referrer.artifact_type:
        entry["artifactType"] = referrer.artifact_type
    if referrer.annotations:
        entry["annotations"] = referrer.annotations
    return entry
