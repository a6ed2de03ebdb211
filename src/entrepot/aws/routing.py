"""
Which service, operation and protocol a request names. Pure; nothing is believed yet.

With one address for all services, in this order: X-Amz-Target (JSON), the path (CBOR), Action in a form
(query), whose service is that of the signature's scope, else the one with that Version.
"""

import re
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from entrepot.aws.faults import Serialization, UnknownOperation
from entrepot.aws.protocols import cbor, json, query
from entrepot.aws.service import Route, Service
from entrepot.signatures.faults import MissingAuthenticationToken

_CBOR_PATH = re.compile(rb"/service/([A-Za-z0-9_.]{1,128})/operation/([A-Za-z0-9]{1,128})")
_JSON_TYPE = re.compile(rb"application/x-amz-json-1\.[01] ?(;.*)?", re.IGNORECASE)
_FORM_TYPE = re.compile(rb"application/x-www-form-urlencoded ?(;.*)?", re.IGNORECASE)
_ACTION = re.compile(rb"(?:^|&)Action=")


def protocol_of(target: bytes, headers: Mapping[bytes, bytes]) -> ModuleType:
    """The protocol that a request speaks by its head, so that even its refusal can be in it."""
    path, _, arguments = target.partition(b"?")
    if path.startswith(b"/service/"):
        return cbor
    if b"x-amz-target" in headers:
        return json
    return query if _FORM_TYPE.fullmatch(headers.get(b"content-type", b"")) or _ACTION.search(arguments) else json


def by_head(method: str, target: bytes, headers: Mapping[bytes, bytes], *, services: Sequence[Service]) -> Route | None:
    """
    What a request asks for by its head; None for a form.

    Raises: MissingAuthenticationToken (nothing in it is AWS's), UnknownOperation, Serialization.
    """
    path, name = target.partition(b"?")[0], headers.get(b"x-amz-target")
    protocol = protocol_of(target, headers)
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise Serialization(reason="A Content-Encoding is not accepted")
    if protocol is cbor:
        match = _CBOR_PATH.fullmatch(path)
        prefix, operation = (match[1], match[2]) if match else (b"", b"")
    elif path != b"/":
        raise UnknownOperation(reason="The AWS APIs are at the path '/'")
    elif protocol is query:
        return None
    elif name is None:
        raise MissingAuthenticationToken
    else:
        prefix, _, operation = name.rpartition(b".")
        if not _JSON_TYPE.fullmatch(headers.get(b"content-type", b"")):
            raise Serialization(reason="The Content-Type of this protocol is application/x-amz-json-1.1")
    for service in services if method == "POST" else ():
        if service.prefix == prefix and _speaks(service, protocol):
            return service.route(operation.decode("latin-1"))
    raise UnknownOperation(reason="No service here has the operation that the request names")


def by_form(fields: Mapping[str, Any], scoped: str | None, *, services: Sequence[Service]) -> Route:
    """
    What a form asks for. *scoped* is the service in the scope of its signature.

    Raises: MissingAuthenticationToken, UnknownOperation.
    """
    action, version = fields.get("Action"), fields.get("Version", "")
    if action is None:
        raise MissingAuthenticationToken
    speaking = [service for service in services if _speaks(service, query)]
    meant = [service for service in speaking if service.model.signing_name == scoped]
    for service in meant or speaking:
        if service.model.metadata["apiVersion"] == version:
            return service.route(action)
    raise UnknownOperation(reason=f"Could not find operation {action[:128]} for version {version[:32]}")


def _speaks(service: Service, protocol: ModuleType) -> bool:
    return protocol.__name__.rpartition(".")[2] in service.model.protocols
