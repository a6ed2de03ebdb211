"""
Outgoing calls to addresses that somebody else chose, so that nobody reaches through us what only we can reach.

https alone; the name is resolved once, every address of it has to be one of the public internet, and the
connection goes to the address that was judged, never to one that the name means a moment later. No redirects,
no proxies, no credentials, no compression. A failure says nothing about what is there. Source: security-design 8.4.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

from entrepot import clock

_TIMEOUT = 5.0  # seconds, for each step
_PATIENCE = 10.0  # seconds, for all of it
_PIECE = 16384
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):
    """Nothing useful came; why is not said, for whoever chose the address could learn from it what is here."""


class Allowed:
    """
    What an operator lets through though it is not public: entries ``name=network``, as in ``idp.corp=10.0.0.0/8``.

    Raises: ValueError, for an entry of another form.
    """

    def __init__(self, entries: Sequence[str] = ()) -> None:
        pairs = [entry.partition("=") for entry in entries]
        self._networks = [(name.strip().lower(), ipaddress.ip_network(network.strip())) for name, _, network in pairs]

    def admits(self, host: str, address: Address) -> bool:
        """Whether a connection to *host* may go to *address*."""
        if any(name == host and address in network for name, network in self._networks):
            return True
        meant = _meant(address)
        return meant.is_global and not meant.is_multicast


def fetch(url: str, *, limit: int, allowed: Allowed) -> bytes:
    """
    The body of a document of at most *limit* bytes. Raises: Unreachable.

    It takes ten seconds at most, and blocks.
    """
    try:
        return _fetch(url, limit=limit, allowed=allowed, until=clock.ticks() + _PATIENCE)
    except (OSError, ValueError, http.client.HTTPException):
        raise Unreachable from None


def _fetch(url: str, *, limit: int, allowed: Allowed, until: float) -> bytes:
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port or 443
    if parts.scheme != "https" or not host or parts.username is not None or not url.isascii() or not url.isprintable():
        raise Unreachable
    address = _resolved(host, port, allowed=allowed)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with (
        socket.create_connection((str(address), port), timeout=_TIMEOUT) as plain,
        _context().wrap_socket(plain, server_hostname=host) as secure,
    ):
        connection = http.client.HTTPConnection(host, port)
        connection.sock = secure
        headers = {"Host": parts.netloc, "Accept": "application/json", "User-Agent": "entrepot", "Connection": "close"}
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK or response.getheader("Content-Encoding", "identity") != "identity":
            raise Unreachable
        return _body(response, limit=limit, until=until)


def _resolved(host: str, port: int, *, allowed: Allowed) -> Address:
    """The first address of a name, all of which may be called. Raises: Unreachable, OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    if not addresses or not all(allowed.admits(host.lower(), address) for address in addresses):
        raise Unreachable
    return addresses[0]


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, or itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _body(response: http.client.HTTPResponse, *, limit: int, until: float) -> bytes:
    body = b""
    while piece := response.read(min(_PIECE, limit + 1 - len(body))):
        body += piece
        if len(body) > limit or clock.ticks() > until:
            raise Unreachable
    return body
