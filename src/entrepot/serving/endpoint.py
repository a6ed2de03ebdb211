"""Where the server listens, and what tells clients: ``DIR/endpoint.json``, and the lines of ``entrepot env``."""

import errno
import json
import shlex
import socket
import ssl
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from entrepot.errors import Refused
from entrepot.serving.folder import FolderRefused, profile_of, read_profile, write_privately
from entrepot.serving.patience import patiently
from entrepot.settings import Settings

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # a comparison, not a binding


class ListenerRefused(Refused):
    """Nobody can listen there. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a client on this machine needs to know. *ca* is a file of PEM where clients must be told of it."""

    url: str
    region: str
    account: str
    profile: str
    ca: str | None


def claim(settings: Settings) -> Settings:
    """
    *settings* with the numeric address and the port to listen on, where nobody else listens.

    Workers share a port by SO_REUSEPORT, with which a second server would bind it too and take half of
    the requests in silence; so it is tried without. Raises: ListenerRefused.
    """
    host, port = settings.listener
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ListenerRefused(f"listen: {host!r} is no address of this machine: {error.strerror}") from None
    # Clients that are told "localhost" try IPv4 first or only.
    family, *_, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    try:
        bound = patiently(lambda: _bound(family, (str(address[0]), port)), while_=_Busy)
    except OSError as error:
        raise ListenerRefused(f"listen: {settings.listen} cannot be listened on: {_reason(error, port)}") from None
    if settings.tls_cert is not None and settings.tls_key is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, password="")
        except (OSError, ValueError) as error:
            raise ListenerRefused(f"tls_cert, tls_key: certificate and key cannot be used together: {error}") from None
    numeric = f"[{address[0]}]" if family == socket.AF_INET6 else str(address[0])
    return replace(settings, listen=f"{numeric}:{bound}")


def endpoint_of(settings: Settings) -> Endpoint:
    """What to tell clients of a server that has these settings."""
    host, port = settings.listener
    host, scheme, ca = _ANY.get(host, host), "http", None
    if settings.tls_cert is not None:
        scheme = "https"
        from entrepot.serving import certificates  # noqa: PLC0415  # it costs a start without TLS 60 ms

        chain = certificates.load(settings.tls_cert)
        host = certificates.name_in(chain[0]) or host
        ca = str(settings.tls_cert) if certificates.is_whole(chain) else None
    host = f"[{host}]" if ":" in host else host
    return Endpoint(f"{scheme}://{host}:{port}", settings.region, settings.account, str(profile_of(settings)), ca)


def write(settings: Settings) -> None:
    """Leave word of the endpoint in the data folder."""
    write_privately(settings.data / "endpoint.json", json.dumps(asdict(endpoint_of(settings)), indent=2) + "\n")


def read(data: Path) -> Endpoint:
    """The endpoint of the last server on *data*. Raises: FolderRefused, before a first start."""
    try:
        return Endpoint(**json.loads((data / "endpoint.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise FolderRefused(
            f"No server has been started on {data} yet. Start one, and come back: entrepot serve --data {data}"
        ) from None


def environment(endpoint: Endpoint) -> list[str]:
    """Lines for a shell's ``eval``, after which every AWS client speaks to us. Raises: FolderRefused."""
    key = read_profile(Path(endpoint.profile))
    variables = {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": key.id,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_REGION": endpoint.region,
        "AWS_DEFAULT_REGION": endpoint.region,  # botocore does not read AWS_REGION
    }
    if endpoint.ca is not None:
        variables["AWS_CA_BUNDLE"] = endpoint.ca
    return [
        *(f"export {name}={shlex.quote(value)}" for name, value in variables.items()),
        "unset AWS_SESSION_TOKEN AWS_PROFILE",
    ]


class _Busy(OSError):
    """The port is taken."""


def _bound(family: int, address: tuple[str, int]) -> int:
    """The port that can be bound: that of *address*, or any where that is 0."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Connections of a server that ended a minute ago are no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise _Busy(*error.args) if error.errno == errno.EADDRINUSE else error from None
        port: int = probe.getsockname()[1]
        return port


def _reason(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"another process listens there. Stop it, or take another port: --listen 127.0.0.1:{port % 65535 + 1}"
    if error.errno == errno.EACCES:
        return "ports below 1024 need the right to bind them. Take a higher one"
    return error.strerror or str(error)
