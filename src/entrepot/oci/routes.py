"""
The URL table of the OCI face: what is asked, which function answers, and what its principal must be allowed.

Every address is ``/v2/<name>/<kind>/<reference>``, where an upload's is ``…/blobs/uploads/<id>``; so the
last two segments choose the row, and a name may contain whatever its grammar admits. ``uploads`` is where
sessions begin, ``upload`` is one of them.

Rights are alternatives, of which one must be granted whole: each is a set of (action, resource).
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from entrepot.answers import Response
from entrepot.names import is_repository_name
from entrepot.oci.blobs import delete_blob, get_blob, head_blob
from entrepot.oci.listings import list_catalog, list_referrers, list_tags, ping
from entrepot.oci.manifests import delete_manifest, get_manifest, head_manifest, put_manifest
from entrepot.oci.messages import Request, Right
from entrepot.oci.uploads import MOUNTING, begin_upload, cancel_upload, finish_upload, get_upload, patch_upload
from entrepot.registry import tags

Alternatives = tuple[tuple[Right, ...], ...]


class Route(NamedTuple):
    """
    A row of the table.

    *pushes*: it stores bytes, so it is refused when the disk is nearly full. *opens*: it opens or seals content, so it
    is refused when the repository's key cannot be used. *tags*: those that it reads, moves or
    deletes, None where it names none: the condition key ``ecr:ImageTag``.
    """

    answer: Callable[[Request], Awaitable[Response]]
    rights: Callable[[Request], Alternatives]
    pushes: bool = False
    opens: bool = False
    tags: Callable[[Request], list[str] | None] | None = None


def _each(*actions: str) -> Callable[[Request], Alternatives]:
    """All of *actions* on the repository."""
    return lambda request: (tuple((action, request.arn()) for action in actions),)


def _either(*actions: str) -> Callable[[Request], Alternatives]:
    """One of *actions* on the repository."""
    return lambda request: tuple(((action, request.arn()),) for action in actions)


def _nothing(request: Request) -> Alternatives:
    """Good credentials are enough."""
    return ((),)


def _listing(request: Request) -> Alternatives:
    return ((("ecr:DescribeRepositories", request.arn("*")),),)


def _beginning(request: Request) -> Alternatives:
    """
    A mount needs to read its source; without that right it becomes a plain session, never a refusal.

    Source: ecr-api C.2.
    """
    initiate = ("ecr:InitiateLayerUpload", request.arn())
    if "mount" in request.query:
        source = request.query.get("from", "")
        # What no repository can be called is nothing to ask rights for, nor to remember an answer about.
        if not is_repository_name(source):
            return ((initiate,),)
        return ((initiate, (MOUNTING, request.arn(source))), (initiate,))
    if "digest" in request.query:
        return ((initiate, ("ecr:UploadLayerPart", request.arn()), ("ecr:CompleteLayerUpload", request.arn())),)
    return ((initiate,),)


def _finishing(request: Request) -> Alternatives:
    complete = ("ecr:CompleteLayerUpload", request.arn())
    if request.header(b"content-length") == "0":
        return ((complete,),)
    return ((complete, ("ecr:UploadLayerPart", request.arn())),)


def _named(request: Request) -> list[str] | None:
    return None if ":" in request.reference else [request.reference]


def _given(request: Request) -> list[str] | None:
    """The tags that a push sets."""
    return _named(request) or request.query_all("tag") or None


def _going(request: Request) -> list[str] | None:
    """The tags that a deletion takes away: of an image by its digest, all that it has."""
    if ":" not in request.reference:
        return [request.reference]
    database = request.context.runtime.database
    return tags.of_digests(database, request.registry, request.name, digests=[request.reference]) or None


# Pull-only principals have no BatchCheckLayerAvailability, and their clients ask by HEAD all the same.
_BLOB_HEAD = _either("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer")

ROUTES: dict[tuple[str, str], Route] = {
    ("GET", ""): Route(ping, _nothing),
    ("HEAD", ""): Route(ping, _nothing),
    ("GET", "_catalog"): Route(list_catalog, _listing),
    ("GET", "tags"): Route(list_tags, _each("ecr:ListImages")),
    ("GET", "referrers"): Route(list_referrers, _each("ecr:BatchGetImage")),
    ("HEAD", "manifests"): Route(head_manifest, _each("ecr:BatchGetImage"), opens=True, tags=_named),
    ("GET", "manifests"): Route(get_manifest, _each("ecr:BatchGetImage"), opens=True, tags=_named),
    ("PUT", "manifests"): Route(put_manifest, _each("ecr:PutImage"), pushes=True, opens=True, tags=_given),
    ("DELETE", "manifests"): Route(delete_manifest, _each("ecr:BatchDeleteImage"), tags=_going),
    ("HEAD", "blobs"): Route(head_blob, _BLOB_HEAD, opens=True),
    ("GET", "blobs"): Route(get_blob, _each("ecr:GetDownloadUrlForLayer"), opens=True),
    ("DELETE", "blobs"): Route(delete_blob, _each("ecr:BatchDeleteImage")),
    ("POST", "uploads"): Route(begin_upload, _beginning, pushes=True, opens=True),
    ("PATCH", "upload"): Route(patch_upload, _each("ecr:UploadLayerPart"), pushes=True, opens=True),
    ("PUT", "upload"): Route(finish_upload, _finishing, pushes=True, opens=True),
    ("GET", "upload"): Route(get_upload, _each("ecr:UploadLayerPart")),
    ("DELETE", "upload"): Route(cancel_upload, _each("ecr:InitiateLayerUpload")),
}


class Address(NamedTuple):
    """A parsed path. *kind* is that of the table."""

    name: str
    kind: str
    reference: str


def address_of(path: str) -> Address | None:
    """What a path under ``/v2/`` means; None where the specification has no such address. *path* is as it came."""
    rest = path[4:]
    if rest in {"", "_catalog"}:
        return Address("", rest, "")
    head, _, reference = rest.rpartition("/")
    name, _, kind = head.rpartition("/")
    if kind == "uploads":
        name, _, parent = name.rpartition("/")
        if parent != "blobs":
            return None
        return Address(name, "upload", reference) if reference else Address(name, "uploads", "")
    if kind == "blobs" and reference == "uploads":
        return Address(name, "uploads", "")
    if kind == "tags":
        return Address(name, kind, "") if reference == "list" else None
    return Address(name, kind, reference) if kind in {"manifests", "blobs", "referrers"} else None
