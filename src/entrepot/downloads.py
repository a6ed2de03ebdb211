"""Blobs by signed address: what GetDownloadUrlForLayer hands out. The address is the credential."""

from entrepot.answers import Receive, Response, Scope, Send, answer, document
from entrepot.errors import Fault
from entrepot.oci import faults
from entrepot.oci.blobs import serve
from entrepot.oci.context import Context
from entrepot.oci.messages import Request
from entrepot.registry import blobs, downloads, repositories
from entrepot.registry.blobs import Blob
from entrepot.registry.downloads import Download
from entrepot.registry.faults import LayerNotFound


class SignedUrlInvalid(Fault, aws="AccessDeniedException", oci="DENIED"):
    """The address was not made here, was changed, or has run out."""

    message = "The address is not valid, or no longer"


class Downloads:
    """Everything under ``/_dl/``."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            response = self._respond(scope, receive)
        except Fault as fault:
            response = document(faults.status_of(fault), faults.document_of(fault))
        scope["status"] = response.status
        await answer(response, receive, send, self._context.pool, head=scope["method"] == "HEAD")

    def _respond(self, scope: Scope, receive: Receive) -> Response:
        """Raises: Unsupported, SignedUrlInvalid, LayerNotFound, KmsUnavailable."""
        if scope["method"] not in {"GET", "HEAD"}:
            raise faults.Unsupported(method=scope["method"])
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        found = downloads.find(self._context.directory.ring, path, query)
        if found is None:
            raise SignedUrlInvalid
        scope["principal"] = self._context.directory.principal(found.principal)
        blob = self._find(found)
        if blob is None:
            raise LayerNotFound(digest=found.digest, name=found.repository_id, account=found.registry.account)
        request = Request(self._context, scope, receive, registry=found.registry, name="", reference=found.digest)
        return serve(request, blob)

    def _find(self, found: Download) -> Blob | None:
        """
        The blob, while its repository has not been deleted: what hung on that is swept away only later.

        Raises: KmsUnavailable.
        """
        look = self._context.runtime.database.look
        there = look(repositories.BY_ID, this=found.repository_id)
        if there is None:
            return None
        repository = repositories.of_row(there)
        self._context.reads.demand_key(repository)
        row = look(blobs.LINKED, repository=repository.id, domain=blobs.domain_of(repository), digest=found.digest)
        return None if row is None else blobs.of_row(row)
