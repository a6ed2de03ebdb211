"""Requests as bytes, for what clients of a library would never send; and the log of who has come."""

import json
import re
import socket
import time
from collections.abc import Iterable

from tests.support.server import Server

PATIENCE = 30.0


def send(port: int, payload: bytes, *, source: str = "127.0.0.1", silence: float = 1.0) -> bytes:
    """What comes back on one connection until it ends, or until nothing has come for *silence* seconds."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=(source, 0)) as connection:
        try:
            connection.sendall(payload)
            connection.settimeout(silence)
            while piece := connection.recv(65536):
                received += piece
        except (TimeoutError, ConnectionError):
            pass
    return received


def statuses(received: bytes) -> list[int]:
    """The status of every answer on a connection, those that only announce another one left out."""
    found = [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3})", received, re.MULTILINE)]
    return [status for status in found if status >= 200]


def request(method: str, target: str, headers: Iterable[tuple[str, str]] = (), *, host: str = "localhost") -> bytes:
    """The head of a request after which the connection ends. Nothing is checked, nothing is encoded but as UTF-8."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def lines_of(server: Server) -> list[dict[str, object]]:
    """The lines of a server's log that are JSON: requests and events."""
    text = server.log.read_text(errors="replace")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def requests_of(server: Server, *, until: str) -> list[dict[str, object]]:
    """What a server of one worker says of the requests that it has answered, up to one with the path *until*."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        lines = [line for line in lines_of(server) if line["event"] == "request"]
        if any(line["path"] == until for line in lines):
            return lines
        time.sleep(0.05)
    raise AssertionError(f"no request for {until} in {server.log}")
