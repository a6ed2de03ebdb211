"""
One AWS request: route, verify, parse; then the engine's validate, authorise, run; render.

A plain ASGI callable. Small requests are judged on the event loop (some 100 µs). The signature is judged before
the body is parsed, so that only the owner of a key can keep a parser busy. Order of checks: ecr-api A.0.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from types import ModuleType
from typing import TYPE_CHECKING, Any

from entrepot import clock
from entrepot.answers import Receive, Scope, Send
from entrepot.aws import bodies, routing
from entrepot.aws.bodies import Disconnected
from entrepot.aws.engine import Asking, Engine, Understood, check_session
from entrepot.aws.faults import InternalFailure, NotPresignable
from entrepot.aws.models import Model, Operation, refusal
from entrepot.aws.protocols import Answer, json, query
from entrepot.aws.service import Route, Service
from entrepot.call import Call, facts_of
from entrepot.errors import AccessDenied, Fault
from entrepot.identity import key_usage
from entrepot.identity.principals import ANONYMOUS
from entrepot.names import Registry
from entrepot.signatures import sigv4
from entrepot.signatures.claims import SignedRequest, check_scope, claim_of
from entrepot.signatures.faults import InvalidSignature, MissingAuthenticationToken, UnrecognizedClient

if TYPE_CHECKING:
    from entrepot.identity.directory import Directory
    from entrepot.registry.reads import Reads
    from entrepot.runtime import Runtime

_log = logging.getLogger("entrepot.aws")

# A part of 20 MiB stands in memory twice while it is parsed: more than two at a time would not fit a worker's 150 MB.
_LONG_BODIES_AT_ONCE = 2
# Longer bodies are hashed and parsed on a pool thread, because the event loop has others to serve.
_LONGEST_ON_THE_LOOP = 65_536
# Bodies that are understood once: at most so many, of so many bytes.
_MOST_REMEMBERED, _LONGEST_REMEMBERED = 2000, 1024
# For DecodeAuthorizationMessage: it tells more of a refusal than whoever is refused may see.
_MESSAGE = b"x-entrepot-authorization-message"
# For whoever saves a policy in which something is odd.
_ODDITIES, _MOST_ODDITIES, _LONGEST_ODDITY = b"x-entrepot-policy-warnings", 5, 200
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


@dataclass(slots=True)
class _Exchange:
    """One request on its way, and what is known of it so far."""

    request: SignedRequest
    request_id: str
    hosts: tuple[str, ...]
    protocol: ModuleType = json
    route: Route | None = None
    form: dict[str, str] | None = None


class Gateway:
    """The AWS face of one process."""

    def __init__(
        self, services: Sequence[Service], runtime: "Runtime", *, directory: "Directory", reads: "Reads"
    ) -> None:
        """Handlers that do not write run in the pool of the event loop."""
        self._engine = Engine(services, runtime, directory=directory, reads=reads)
        self._services = services
        self._runtime = runtime
        self._directory = directory
        self._understood: dict[tuple[Operation, Registry, bytes], Understood] = {}
        self._served = frozenset(runtime.settings.served_regions)
        self._everywhere = self._served | {"us-east-1"}
        self._long_bodies = asyncio.Semaphore(_LONG_BODIES_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Answer one request; nothing leaves here but an answer.

        *scope* has, beside what ASGI gives, its ``request_id`` and ``host``; it gets ``principal`` and ``status``.
        """
        exchange = _exchange(scope)
        try:
            answer = await self._answer(exchange, receive, scope)
        except Disconnected:
            return
        except Fault as fault:
            answer = _refused(exchange, fault)
        except Exception:  # noqa: BLE001  # what is no Fault is a bug: it is logged, and answered by 500
            _log.exception("request failed", extra={"request": exchange.request_id})
            answer = _refused(exchange, InternalFailure(request_id=exchange.request_id))
        scope["status"] = answer.status
        headers = [*_HEADERS, *answer.headers, (b"content-length", b"%d" % len(answer.body))]
        headers.append((b"x-amzn-requestid", exchange.request_id.encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, exchange: _Exchange, receive: Receive, scope: Scope) -> Answer:
        request = exchange.request
        exchange.protocol = routing.protocol_of(request.target, request.fields)
        exchange.route = routing.by_head(request.method, request.target, request.fields, services=self._services)
        limit = bodies.LIMITS.get(exchange.route.operation.name, bodies.LIMIT) if exchange.route else bodies.LIMIT
        is_long = bodies.declared_length(request.fields, limit=limit) > bodies.LIMIT
        if is_long and exchange.route:
            self._check_claim(request, exchange.route.service.model)
        if not is_long:
            return await self._take(exchange, receive, scope, limit=limit)
        async with self._long_bodies:
            return await self._take(exchange, receive, scope, limit=limit)

    async def _take(self, exchange: _Exchange, receive: Receive, scope: Scope, *, limit: int) -> Answer:
        """Read the body, and answer."""
        request = exchange.request
        request.body = await bodies.read(receive, limit=limit)
        if exchange.route is None:
            exchange.form = _form(request)
            exchange.route = routing.by_form(exchange.form, _scoped(request), services=self._services)
        if len(request.body) <= _LONGEST_ON_THE_LOOP:
            call, arguments = self._judge(exchange, exchange.route, scope)
        else:
            call, arguments = await asyncio.to_thread(self._judge, exchange, exchange.route, scope)
        result = await self._engine.run(exchange.route.handler, call, arguments)
        answer: Answer = exchange.protocol.render(exchange.route.operation, result or {}, exchange.request_id)
        oddities = exchange.route.service.oddities(exchange.route.operation.name, arguments)
        if oddities:
            # As JSON in ASCII: they quote the policy, in which anything may stand.
            told = dumps([oddity[:_LONGEST_ODDITY] for oddity in oddities[:_MOST_ODDITIES]]).encode()
            answer = answer._replace(headers=(*answer.headers, (_ODDITIES, told)))
        return answer

    def _check_claim(self, request: SignedRequest, model: Model) -> None:
        """Before a long body is taken in: that it claims a key that works, for here and now."""
        claim = claim_of(request)
        check_scope(claim, now=clock.now(), regions=self._regions(model), service=model.signing_name)
        credential = self._directory.credential(claim.access_key_id, claim.token)
        if credential is None or not credential.active:
            raise UnrecognizedClient

    def _judge(self, exchange: _Exchange, route: Route, scope: Scope) -> tuple[Call, dict[str, Any]]:
        """The call, verified and authorised, and the arguments of its handler."""
        asking = self._caller(exchange, route)
        scope["principal"] = asking.principal
        understood = self._understand(exchange, route, asking.registry)
        exchange.request.body = b""  # it may be long, and the handler has what it needs
        facts = facts_of(scope, self._runtime, region=asking.registry.region, more=understood.conditions)
        call = self._engine.admit(route, understood, asking, facts=facts, request_id=exchange.request_id)
        return call, understood.arguments

    def _caller(self, exchange: _Exchange, route: Route) -> Asking:
        """Who asks; of an unsigned operation nobody knows yet."""
        operation, model = route.operation, route.service.model
        if operation.unsigned:
            return Asking(ANONYMOUS, Registry("", self._runtime.settings.region))
        now = clock.now()
        verified = sigv4.verify(
            exchange.request,
            lookup=self._directory.credential,
            now=now,
            regions=self._regions(model),
            service=model.signing_name,
            hosts=exchange.hosts,
        )
        principal = verified.credential.principal
        used = verified.access_key_id if principal.session is None else principal.session.principal_id
        key_usage.note_use(used, verified.region, service=model.signing_name, at=now)
        if verified.presigned and operation.name != "GetCallerIdentity":
            raise NotPresignable(action=route.action)
        if verified.presigned and verified.signed_at < self._directory.signed_from:
            raise InvalidSignature(reason="Signature expired: this registry was restored from a backup since")
        check_session(principal, route)
        return Asking(principal, Registry(principal.account, verified.region), verified.access_key_id)

    def _understand(self, exchange: _Exchange, route: Route, registry: Registry) -> Understood:
        """What the body means. Short questions are asked over and over, and mean the same each time."""
        body, operation = exchange.request.body, route.operation
        repeats = exchange.form is None and len(body) <= _LONGEST_REMEMBERED and route.handler.runs == "reading"
        key = (operation, registry, bytes(body) if repeats else b"")
        if repeats and (known := self._understood.get(key)) is not None:
            return known
        params = exchange.protocol.parse(operation, body if exchange.form is None else exchange.form)
        understood = self._engine.understand(route, params, registry)
        if repeats:
            if len(self._understood) >= _MOST_REMEMBERED:
                self._understood.clear()
            self._understood[key] = understood
        return understood

    def _regions(self, model: Model) -> frozenset[str]:
        """Where a signature may be for."""
        return self._everywhere if model.is_global else self._served


def _exchange(scope: Scope) -> _Exchange:
    arguments = scope["query_string"]
    target = scope["raw_path"] + (b"?" + arguments if arguments else b"")
    request = SignedRequest(scope["method"], target, scope["headers"], secure=scope["scheme"] == "https")
    # The Host that came, or the one that the client saw, where a proxy of ours says that it was another.
    return _Exchange(request, scope["request_id"], (scope["host"],))


def _scoped(request: SignedRequest) -> str | None:
    """The service that *request* is signed for; None where it has no signature, which few operations may lack."""
    try:
        return claim_of(request).service
    except MissingAuthenticationToken:
        return None


def _form(request: SignedRequest) -> dict[str, str]:
    """The fields of the body; where there is none, those of the query, without the signature's."""
    if request.body:
        return query.form(request.body)
    fields = query.form(request.target.partition(b"?")[2], plus_is_blank=False)
    return {name: value for name, value in fields.items() if not name.startswith("X-Amz-")}


def _refused(exchange: _Exchange, fault: Fault) -> Answer:
    model = exchange.route.service.model if exchange.route else None
    answer: Answer = exchange.protocol.render_fault(model, refusal(fault, model), exchange.request_id)
    if isinstance(fault, AccessDenied) and "sealed" in fault.members:
        return answer._replace(headers=(*answer.headers, (_MESSAGE, fault.members["sealed"].encode())))
    return answer
