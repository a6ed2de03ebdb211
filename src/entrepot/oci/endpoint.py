"""
From an ASGI request to an answer: authenticate, find the route, authorise, run, render.

Everything under ``/v2/`` passes here. What a pull needs is answered without leaving the event loop.
"""

import asyncio
import logging
from functools import partial

from entrepot import clock
from entrepot.answers import Header, Receive, Response, Scope, Send, answer, document
from entrepot.call import facts_of
from entrepot.errors import AccessDenied, Fault
from entrepot.identity.failures import Failures
from entrepot.identity.faults import LoginInvalid
from entrepot.identity.logins import Opened
from entrepot.names import NameInvalid, Registry, is_repository_name, is_tag, parse_digest
from entrepot.oci import faults, streams
from entrepot.oci.challenge import LONGEST_HEADER, challenge_of, demand_safe, password_of
from entrepot.oci.context import Context
from entrepot.oci.messages import Request
from entrepot.oci.ready import Ready, ReadyAnswers
from entrepot.oci.routes import ROUTES, Address, Route, address_of
from entrepot.registry import usage
from entrepot.registry.uploads import check_space

_log = logging.getLogger("entrepot.oci")

_MOST_LOGINS = 10_000
# Free disk is looked at this often while there is enough, in seconds; the reserve outlasts that by far.
_SPACE_LASTS = 0.5


class Endpoint:
    """The OCI face of one process. The scope it is given names the ``registry`` that the Host header means."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.failures = Failures()
        self._insecure = context.runtime.settings.insecure_http
        self._version = -1
        self._generation = -1
        self._space_until = 0.0
        self._ready = ReadyAnswers()
        self._logins: dict[bytes, Opened] = {}  # who sent this header; for one generation

    def ready(self, scope: Scope) -> Ready | None:
        """The answer, where this very request has been answered and nothing has been committed since."""
        try:
            self._refresh()
        except Exception:  # noqa: BLE001  # rows cannot be read: who is not served without them is refused further on
            self._version = self._generation = -1
            self._ready.clear()
            self._logins.clear()
            return None
        ready = self._ready.find(scope)
        if ready is not None and ready.pulled is not None:
            usage.record(ready.pulled, clock.now())
        return ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request that is not ready; nothing leaves here but an answer."""
        try:
            response = await self._respond(scope, receive)
        except Fault as fault:
            response = await self._refuse(scope, fault)
            await streams.drain(scope, receive)
        except Exception:  # noqa: BLE001  # what is no Fault is a bug: it is logged, and answered by 500
            _log.exception("request failed", extra={"request": scope["request_id"]})
            response = rendered(Fault())
        scope["status"] = response.status
        await answer(response, receive, send, self._context.pool, head=scope["method"] == "HEAD")

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        opened = self._authenticate(scope)
        scope["principal"] = principal = opened.principal
        address = address_in(scope)
        route = ROUTES.get((scope["method"], address.kind))
        if route is None:
            raise faults.Unsupported(method=scope["method"])
        registry: Registry = scope["registry"]
        request = Request(
            self._context, scope, receive, registry=registry, name=address.name, reference=address.reference
        )
        request.principal = principal
        check_address(address)
        request.granted = self._authorize(request, route)
        if route.pushes and clock.ticks() > self._space_until:
            check_space(self._context.runtime.store, self._context.runtime.settings)
            self._space_until = clock.ticks() + _SPACE_LASTS
        if route.opens:
            reads = self._context.reads
            request.lasts = reads.demand_key(reads.repository(registry, address.name)) and request.lasts
        version = self._version
        response = await route.answer(request)
        if response.lasts > clock.now() and request.lasts and version == self._version:
            self._ready.keep(scope, response, opened)
        return response

    def _refresh(self) -> None:
        """Forget what somebody's commit may have changed; rights only if it was about rights."""
        version = self._context.reads.refresh()
        if version == self._version:
            return
        self._version = version
        self._ready.clear()
        generation = self._context.directory.generation()
        if generation != self._generation:
            self._generation = generation
            self._logins.clear()

    def _authenticate(self, scope: Scope) -> Opened:
        """Who sends the request. Raises: Unauthorized, LoginInvalid, LoginExpired, InsecureLogin."""
        header = scope["authorization"]
        if header is None:
            raise faults.Unauthorized
        demand_safe(scope, insecure_http=self._insecure)
        opened = self._logins.get(header)
        if opened is not None and opened.expires_at > clock.now():
            return opened
        if len(header) > LONGEST_HEADER:
            raise faults.Unauthorized
        opened = self._context.directory.logins.open(password_of(header))
        if len(self._logins) >= _MOST_LOGINS:
            self._logins.clear()
        self._logins[header] = opened
        return opened

    def _authorize(self, request: Request, route: Route) -> tuple[tuple[str, str], ...]:
        """The first alternative that is granted whole. Raises: AccessDenied, of the last one."""
        more = {"ecr:imagetag": partial(route.tags, request)} if route.tags else {}
        facts = facts_of(request.scope, self._context.runtime, region=request.registry.region, more=more)
        refusal: AccessDenied | None = None
        for rights in route.rights(request):
            try:
                for action, resource in rights:
                    lasts = self._context.directory.authorize(request.principal, action, resource, facts=facts)
                    request.lasts = request.lasts and lasts
            except AccessDenied as fault:
                refusal = fault
                continue
            return rights
        assert refusal is not None  # every route has an alternative: see ROUTES
        raise refusal

    async def _refuse(self, scope: Scope, fault: Fault) -> Response:
        if isinstance(fault, faults.Unauthorized | LoginInvalid):
            if scope["authorization"] is not None:
                await asyncio.sleep(self.failures.delay(scope["client"][0]))
            challenge = challenge_of(scope["scheme"], scope["host"])
            return rendered(fault, (b"www-authenticate", challenge))
        return rendered(fault)


def rendered(fault: Fault, *headers: Header) -> Response:
    """The answer with a fault."""
    return document(faults.status_of(fault), faults.document_of(fault), *headers)


def address_in(scope: Scope) -> Address:
    """What the path of a request means. Raises: NoSuchAddress."""
    path: str = scope["raw_path"].decode("latin-1")
    if "%" in path:  # it stands for the colon of a digest, or for mischief
        path = path.replace("%3A", ":").replace("%3a", ":")
    address = None if "%" in path or "\\" in path else address_of(path)
    if address is None:
        raise faults.NoSuchAddress
    return address


def check_address(address: Address) -> None:
    """Refuse what nothing can be called. Raises: NameInvalid, DigestInvalid, ReferenceInvalid."""
    name, kind, reference = address
    if kind in {"", "_catalog"}:
        return
    if not is_repository_name(name):
        raise NameInvalid(name=name[:300])
    if kind in {"blobs", "referrers"} or (kind == "manifests" and ":" in reference):
        parse_digest(reference)
    elif kind == "manifests" and not is_tag(reference):
        raise faults.ReferenceInvalid(reference=reference[:200])
