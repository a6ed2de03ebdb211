"""
Where a request comes from, over what, and which registry it addresses: settled once, before any face.

Forwarding headers count only from proxies that the settings name; from anybody else they are noise.
"""

import ipaddress
from typing import Any

from entrepot.errors import Fault
from entrepot.names import Registry
from entrepot.registry.addresses import registry_of_host
from entrepot.settings import Settings

_MOST_HOSTS = 1000
# Of these a request has one or none: two would let us and a proxy in front of us read different ones.
_SINGLE = (b"host", b"authorization", b"range")
_MOST_HEADERS = 100
_LONGEST_TARGET = 8 << 10
_LARGEST_HEADERS = 32 << 10


class Misdirected(Fault, aws="InvalidParameterException", oci="MISDIRECTED"):
    """A Host header that is no name of ours. Members: host."""

    message = (
        "This server does not answer to the host name '{host}'. "
        "Set hostname (ENTREPOT_HOSTNAME) to the names of its registries, and regions to the regions that it serves"
    )


class TooManyRequests(Fault, aws="ThrottlingException", oci="TOOMANYREQUESTS"):
    """One address has too many requests under way."""

    message = "Rate exceeded"


class HeadersTooLarge(Fault, aws="InvalidParameterException", oci="HEADERS_TOO_LARGE"):
    """More headers, or longer ones, than any client of ours sends."""

    message = "The request's headers or its address are too large"


class HeaderRepeated(Fault, aws="InvalidParameterException", oci="BAD_REQUEST"):
    """A header that may stand once stands twice. Members: header."""

    message = "The header '{header}' is repeated"


class Peers:
    """Admits requests: names their peer and their registry, and bounds what one address may have under way."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._proxies = [ipaddress.ip_network(network) for network in settings.trusted_proxies]
        self._most = settings.connections_per_address
        self._under_way: dict[str, int] = {}
        self._registries: dict[str, Registry | None] = {}

    def admit(self, scope: Any) -> str:
        """
        Complete *scope* by ``registry``, ``host``, ``authorization`` and ``range`` (raw, or None).

        Returns the address to ``leave`` when the request is done.
        Raises: Misdirected, TooManyRequests, HeadersTooLarge.
        """
        host = self._read(scope)
        registry = self._registries.get(host)
        if registry is None:
            registry = registry_of_host(host, self._settings)
            if registry is None:
                raise Misdirected(host=host[:300])
            if len(self._registries) >= _MOST_HOSTS:
                self._registries.clear()
            self._registries[host] = registry
        scope["registry"], scope["host"] = registry, host
        address: str = scope["client"][0]
        under_way = self._under_way.get(address, 0)
        if under_way >= self._most:
            raise TooManyRequests
        self._under_way[address] = under_way + 1
        return address

    def leave(self, address: str) -> None:
        """A request of *address* is done."""
        left = self._under_way[address] - 1
        if left:
            self._under_way[address] = left
        else:
            del self._under_way[address]

    def _read(self, scope: Any) -> str:
        headers = scope["headers"]
        size = len(scope["query_string"]) + len(scope["raw_path"])
        if len(headers) > _MOST_HEADERS or size > _LONGEST_TARGET:
            raise HeadersTooLarge
        found: dict[bytes, bytes | None] = dict.fromkeys(_SINGLE)
        size = 0
        for key, value in headers:
            size += len(key) + len(value)
            if key in found:
                if found[key] is not None:
                    raise HeaderRepeated(header=key.decode("ascii"))
                found[key] = value
        host, scope["authorization"], scope["range"] = found.values()
        if size > _LARGEST_HEADERS:
            raise HeadersTooLarge
        if self._proxies and self._is_proxy(scope["client"][0]):
            host = self._forwarded(scope, host)
        return (host or b"").decode("latin-1")

    def _is_proxy(self, address: str) -> bool:
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self._proxies)

    def _forwarded(self, scope: Any, host: bytes | None) -> bytes | None:
        """What a proxy of ours says of the client: the right-most address that is not itself such a proxy."""
        for key, value in scope["headers"]:
            if key == b"x-forwarded-host":
                host = value.split(b",")[-1].strip()
            elif key == b"x-forwarded-proto" and value in {b"http", b"https"}:
                scope["scheme"] = value.decode("ascii")
            elif key == b"x-forwarded-for":
                for address in reversed(value.decode("latin-1").split(",")):
                    scope["client"] = (address.strip(), 0)
                    if not self._is_proxy(address.strip()):
                        break
        return host
