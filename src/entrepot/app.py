"""
The application of one worker process: which face a request is for, and whose.

    /v2/…              the OCI Distribution API; on the public registry's host with its own logins, by /token/
    /_dl/…             blobs by signed address
    /healthz, /readyz  for whoever watches the process
    anything else      the AWS API

Before any face sees a request, it is known which registry its Host header means, where it comes from
and over what; after the face has answered, one line goes to the access log.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from entrepot import clock
from entrepot.answers import Receive, Scope, Send, answer, document
from entrepot.aws.gateway import Gateway
from entrepot.downloads import Downloads
from entrepot.errors import Fault
from entrepot.identity import deployment, key_usage
from entrepot.knowledge import knowledge_of
from entrepot.oci.context import Context
from entrepot.oci.endpoint import Endpoint
from entrepot.oci.faults import document_of, status_of
from entrepot.peers import Peers
from entrepot.public import TOKEN_PATHS, PublicEndpoint
from entrepot.registry import usage
from entrepot.registry.addresses import PUBLIC
from entrepot.rootkey import RootKeyRefused
from entrepot.runtime import Runtime
from entrepot.services import beyond, ecr, ecr_public, iam, kms, organizations, secretsmanager, sts
from entrepot.telemetry.logs import AccessLog, set_up

SERVICES = (
    ecr.service,
    ecr_public.service,
    beyond.service,
    iam.service,
    kms.service,
    organizations.service,
    secretsmanager.service,
    sts.service,
)

_HEALTH = frozenset({"/healthz", "/readyz"})

_log = logging.getLogger("entrepot.app")

# How often pulls and uses of keys, which are noted in memory, are written, and the root key is looked at, in seconds.
_COUNTING = 5.0
# Threads that wait for the disk: enough to keep it busy, few enough not to fight for two cores.
_THREADS = 16
# Who asks whether we are ready waits no longer than this for rows and bytes to answer.
_READY_WITHIN = 5.0


class Application:
    """One worker, as an ASGI application."""

    def __init__(self, runtime: Runtime, is_draining: Callable[[], bool]) -> None:
        """Raises: RootKeyRefused, where the root key is not that of the data."""
        self._is_draining = is_draining
        self._looking: asyncio.Future[bool] | None = None
        directory, reads = knowledge_of(runtime)
        pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="io")
        self._context = Context(runtime, directory, reads, pool)
        self._peers = Peers(runtime.settings)
        self._oci = Endpoint(self._context)
        self._public = PublicEndpoint(self._context, self._oci.failures)
        self._downloads = Downloads(self._context)
        self._aws = Gateway(SERVICES, runtime, directory=directory, reads=self._context.reads)
        self._access = AccessLog(wanted=runtime.settings.access_log)
        self._counting: asyncio.Task[None] | None = None
        self._refusal: str | None = None
        self._ask = runtime.database.ask

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request, or the worker's life. Source: ASGI 3.0."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        began = clock.ticks()
        scope["request_id"] = clock.new_request_id()
        if self._ask is not None and scope["path"] not in _HEALTH:
            await self._ask()
        ready = self._oci.ready(scope)
        if ready is not None:
            scope["status"], scope["principal"] = ready.start["status"], ready.principal
            await send(ready.start)
            await send(ready.body)
        else:
            await self._admit(scope, receive, send)
        principal = scope["principal"]
        self._access.add(
            request=scope["request_id"],
            client=scope["client"][0],
            method=scope["method"],
            path=scope["path"],
            status=scope.get("status", 0),
            principal=principal.arn if principal else None,
            began=began,
        )

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what has to be looked at, unless the edge already refuses it."""
        scope["principal"] = None
        if scope["path"] in _HEALTH:  # load balancers ask by whatever name they have for a node
            await self._tell(scope, receive, send)
            return
        try:
            address = self._peers.admit(scope)
        except Fault as fault:
            address = None
            scope["status"] = status_of(fault)
            await answer(document(scope["status"], document_of(fault)), receive, send, self._context.pool, head=False)
        if address is not None:
            try:
                await self._dispatch(scope, receive, send)
            finally:
                self._peers.leave(address)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        is_oci = path.startswith("/v2/") or path == "/v2"
        if scope["registry"] == PUBLIC and (is_oci or path in TOKEN_PATHS):
            await self._public(scope, receive, send)
        elif is_oci:
            await self._oci(scope, receive, send)
        elif path.startswith("/_dl/"):
            await self._downloads(scope, receive, send)
        else:
            await self._aws(scope, receive, send)

    async def _tell(self, scope: Scope, receive: Receive, send: Send) -> None:
        """That the process lives; at /readyz, also that it is where requests should go."""
        is_well = scope["path"] == "/healthz" or (not self._is_draining() and await self._is_ready())
        status = 200 if is_well else 503
        scope["status"] = status
        body = b'{"status":"ok"}' if status == 200 else b'{"status":"not ready"}'
        await answer(document(status, body), receive, send, self._context.pool, head=scope["method"] == "HEAD")

    async def _is_ready(self) -> bool:
        """Whether rows and bytes can be reached. All who ask at a time wait for one look at them."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._context.run(self._look))
        done, _ = await asyncio.wait([self._looking], timeout=_READY_WITHIN)
        return bool(done) and self._looking.result()

    def _look(self) -> bool:
        try:
            deployment.find_id(self._context.runtime.database)
            self._context.runtime.store.reach()
        except Exception:  # noqa: BLE001  # whatever it is, it means the same
            _log.exception("not ready")
            return False
        return True

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                set_up()
                self._counting = asyncio.create_task(self._count())
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._end()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(_COUNTING)
            try:
                await self._context.run(self._write_counts)
                await self._context.run(self._follow_root_key)
            except Exception:  # noqa: BLE001  # whatever it is, the next round tries again
                _log.exception("pulls and uses of keys could not be written; they will be with the next try")

    def _write_counts(self) -> None:
        usage.flush(self._context.runtime.database)
        key_usage.flush(self._context.runtime.database)

    def _follow_root_key(self) -> None:
        """Seal under the version that the data says; where that is not here, go on under the one before."""
        runtime, refusal = self._context.runtime, None
        try:
            with runtime.database.reading() as tx:
                deployment.follow(tx, runtime.root_key)
        except RootKeyRefused as refused:
            refusal = str(refused)
        if refusal is not None and refusal != self._refusal:
            _log.error("%s", refusal)
        self._refusal = refusal

    async def _end(self) -> None:
        if self._counting is not None:
            self._counting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._counting
        await self._context.run(self._write_counts)
        self._access.flush()
        self._context.runtime.database.close()


def build(runtime: Runtime, is_draining: Callable[[], bool] = lambda: False) -> Application:
    """The application over *runtime*; where it *is_draining*, others shall get the requests."""
    return Application(runtime, is_draining)
