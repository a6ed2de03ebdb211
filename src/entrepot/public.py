"""
The public registry's host: logging in there. It has no repository yet, so everything else is not there.

    GET /v2/       401 with a challenge; 200 for a password of ECR Public, or a bearer token
    GET /token/    a bearer token for an hour: for a password, or for nobody

Passwords of private registries open nothing here, and those of this one nothing there.
Source: ecr-api A.11, B.5; security-design 4.2; distribution, "Token Authentication Specification".
"""

import asyncio
import logging

import orjson

from entrepot import clock
from entrepot.answers import Receive, Response, Scope, Send, answer, document
from entrepot.errors import Fault
from entrepot.identity.facts import iso
from entrepot.identity.failures import Failures
from entrepot.identity.faults import LoginInvalid
from entrepot.identity.logins import Kind, Opened
from entrepot.identity.principals import ANONYMOUS
from entrepot.oci import faults, streams
from entrepot.oci.challenge import LONGEST_HEADER, demand_safe, password_of
from entrepot.oci.context import Context
from entrepot.oci.endpoint import address_in, check_address, rendered
from entrepot.oci.routes import ROUTES
from entrepot.registry.addresses import PUBLIC
from entrepot.registry.faults import RepositoryNotFound

TOKEN_PATHS = frozenset({"/token", "/token/"})
_BEARER_LASTS = 3600
_READS = frozenset({"GET", "HEAD"})

_log = logging.getLogger("entrepot.oci")


class NotForAnybody(Fault, aws="AccessDeniedException", oci="DENIED"):
    """Somebody who is logged in as nobody asks for more than to read. Source: ecr-api B.5."""

    message = "Not Authorized"


class PublicEndpoint:
    """The public registry of one process."""

    def __init__(self, context: Context, failures: Failures) -> None:
        """*failures* are those of the private registries: who guesses here is as slow there."""
        self._context = context
        self._failures = failures
        self._logins = context.directory.logins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing leaves here but an answer."""
        try:
            response = self._respond(scope)
        except Fault as fault:
            response = await self._refuse(scope, fault)
            await streams.drain(scope, receive)
        except Exception:  # noqa: BLE001  # what is no Fault is a bug: it is logged, and answered by 500
            _log.exception("request failed", extra={"request": scope["request_id"]})
            response = rendered(Fault())
        scope["status"] = response.status
        await answer(response, receive, send, self._context.pool, head=scope["method"] == "HEAD")

    def _respond(self, scope: Scope) -> Response:
        opened = self._authenticate(scope)
        scope["principal"] = opened.principal if opened else None
        if scope["path"] in TOKEN_PATHS:
            return self._token(scope, opened)
        address = address_in(scope)
        if (scope["method"], address.kind) not in ROUTES:
            raise faults.Unsupported(method=scope["method"])
        writes = scope["method"] not in _READS
        if opened is None and (writes or address.kind == ""):
            raise faults.Unauthorized
        if opened is not None and writes and opened.principal == ANONYMOUS:
            raise NotForAnybody
        if address.kind == "":
            return document(200, b"{}")
        check_address(address)
        alias, _, name = address.name.partition("/")
        raise RepositoryNotFound(name=name or alias, account=alias)

    def _authenticate(self, scope: Scope) -> Opened | None:
        """Who sends the request; None: nobody. Raises: Unauthorized, LoginInvalid, LoginExpired, InsecureLogin."""
        header: bytes | None = scope["authorization"]
        if header is None:
            return None
        demand_safe(scope, insecure_http=self._context.runtime.settings.insecure_http)
        if header[:7].lower() != b"bearer ":
            return self._logins.open(password_of(header), Kind.PUBLIC)
        if len(header) > LONGEST_HEADER or scope["path"] in TOKEN_PATHS:
            raise faults.Unauthorized
        return self._logins.open(header[7:].strip().decode("latin-1"), Kind.BEARER)

    def _token(self, scope: Scope, opened: Opened | None) -> Response:
        """A bearer token for who is logged in, or for nobody. What scope it asks for is of no account: rights are."""
        if scope["method"] not in _READS:
            raise faults.Unsupported(method=scope["method"])
        principal, key = (opened.principal, opened.access_key_id) if opened else (ANONYMOUS, "")
        now = int(clock.now())
        lasts = _BEARER_LASTS if opened is None else min(_BEARER_LASTS, opened.expires_at - now)
        token = self._logins.issue(principal, key, PUBLIC.region, kind=Kind.BEARER, seconds=lasts).password
        told = {"token": token, "access_token": token, "expires_in": lasts, "issued_at": iso(now)}
        return document(200, orjson.dumps(told))

    async def _refuse(self, scope: Scope, fault: Fault) -> Response:
        if not isinstance(fault, faults.Unauthorized | LoginInvalid):
            return rendered(fault)
        if scope["authorization"] is not None:
            await asyncio.sleep(self._failures.delay(scope["client"][0]))
        realm = f"{scope['scheme']}://{scope['host']}/token/"
        challenge = f'Bearer realm="{realm}",service="public.ecr.aws",scope="aws"'
        return rendered(fault, (b"www-authenticate", challenge.encode("ascii")))
