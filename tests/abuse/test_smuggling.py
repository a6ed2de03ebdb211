"""
Requests whose end is said in two ways, or not at all: security-design 9, row 53.

Each payload is two requests, or one that hides another. It is sent to us directly, and through nginx,
which keeps one connection to us for everybody. What counts is what our log says has come: no hidden
request, and through nginx exactly the requests that nginx has sent on. What hyper, in front of our own
code, makes of such requests is written down in docs/decisions.
"""

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.abuse.raw import PATIENCE, lines_of, requests_of, send, statuses
from tests.support.clients import client
from tests.support.network import free_port
from tests.support.server import Server

_HEAD = "{method} /{case}/first HTTP/1.1\r\nHost: localhost\r\n"
_SECOND = "GET /{case}/second HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_CHUNKED = "Transfer-Encoding: chunked\r\n"
_EMPTY = "0\r\n\r\n"

# What our application may see of a payload that is sent to us directly.
NOTHING: list[str] = []
FIRST = ["first"]
BOTH = ["first", "second"]


def _post(headers: str, body: str) -> str:
    return _HEAD.replace("{method}", "POST") + headers + "\r\n" + body


def _get(headers: str) -> str:
    return _HEAD.replace("{method}", "GET") + headers + "\r\n"


_LENGTH = len(_SECOND.replace("{case}", "case-00"))

# One that hides another: by one reading the second request is the body of the first.
HIDDEN: Mapping[str, tuple[str, list[str]]] = {
    "CL.TE": (_post(f"Content-Length: {_LENGTH + 5}\r\n{_CHUNKED}", _EMPTY), FIRST),
    "TE.CL": (_post(f"{_CHUNKED}Content-Length: 4\r\n", f"{_LENGTH:x}\r\n"), FIRST),
    "CL.CL": (_post(f"Content-Length: 0\r\nContent-Length: {_LENGTH}\r\n", ""), NOTHING),
    "CL.CL the other way": (_post(f"Content-Length: {_LENGTH}\r\nContent-Length: 0\r\n", ""), NOTHING),
    "CL list": (_post(f"Content-Length: 0, {_LENGTH}\r\n", ""), NOTHING),
    "CL with plus": (_post(f"Content-Length: +{_LENGTH}\r\n", ""), NOTHING),
    "CL hexadecimal": (_post(f"Content-Length: {_LENGTH:#x}\r\n", ""), NOTHING),
    "CL too large": (_post("Content-Length: 18446744073709551616\r\n", ""), NOTHING),
    "CL empty": (_post("Content-Length: \r\n", ""), NOTHING),
    "CL with a blank before the colon": (_post(f"Content-Length : {_LENGTH}\r\n", ""), NOTHING),
    "TE.TE": (_post(f"{_CHUNKED}Transfer-Encoding: identity\r\n", _EMPTY), NOTHING),
    "TE unknown": (_post(f"Content-Length: {_LENGTH + 5}\r\nTransfer-Encoding: xchunked\r\n", _EMPTY), NOTHING),
    "TE chunked, identity": (_post("Transfer-Encoding: chunked, identity\r\n", _EMPTY), NOTHING),
    "TE quoted": (_post('Transfer-Encoding: "chunked"\r\n', _EMPTY), NOTHING),
    "TE with a vertical tab": (_post("Transfer-Encoding: \x0bchunked\r\n", _EMPTY), NOTHING),
    "TE with a blank before the colon": (_post("Transfer-Encoding : chunked\r\n", _EMPTY), NOTHING),
    "TE folded": (_post("Transfer-Encoding:\r\n chunked\r\n", _EMPTY), NOTHING),
    "TE in HTTP/1.0": (_post(_CHUNKED, _EMPTY).replace("HTTP/1.1", "HTTP/1.0"), NOTHING),
    "CL in a folded header": (_post(f"X: y\r\n Content-Length: {_LENGTH}\r\n", ""), NOTHING),
    "CL behind a bare CR": (_post(f"X: y\rContent-Length: {_LENGTH}\r\n", ""), NOTHING),
    "CL behind NUL": (_post(f"X: y\x00Content-Length: {_LENGTH}\r\n", ""), NOTHING),
    "CL with an underscore": (_post(f"Content_Length: {_LENGTH}\r\n", ""), BOTH),
    "CL in a trailer": (_post(_CHUNKED, f"0\r\nContent-Length: {_LENGTH}\r\n\r\n"), BOTH),
    "a body for GET": (_get(f"Content-Length: {_LENGTH}\r\n"), FIRST),
    "a body for GET, chunked": (_get(_CHUNKED) + f"{_LENGTH:x}\r\n", FIRST),
    "chunk size with 0x": (_post(_CHUNKED, "0x0\r\n\r\n"), FIRST),
    "chunk size with a sign": (_post(_CHUNKED, "-0\r\n\r\n"), FIRST),
    "chunk size too large": (_post(_CHUNKED, "10000000000000000\r\n"), FIRST),
    "chunk that ends elsewhere": (_post(_CHUNKED, "3\r\nabcX\r\n0\r\n\r\n"), FIRST),
    "chunks with bare LF": (_post(_CHUNKED, "3\nabc\n0\n\n"), FIRST),
    "chunk extension with bare LF": (_post(_CHUNKED, "3;a\nabc\r\n0\r\n\r\n"), FIRST),
    "chunk extension of 20 kB": (_post(_CHUNKED, "3;" + "a" * 20_000 + "\r\nabc\r\n0\r\n\r\n"), FIRST),
}

# Two requests, of which the first is odd: it is refused, or it ends where it says.
PLAIN: Mapping[str, tuple[str, list[str]]] = {
    "an ordinary one": (_post("Content-Length: 3\r\n", "abc"), BOTH),
    "an ordinary one, chunked": (_post(_CHUNKED, "3\r\nabc\r\n0\r\n\r\n"), BOTH),
    "CL.CL equal": (_post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), BOTH),
    "CL with zeros before it": (_post("Content-Length: 003\r\n", "abc"), BOTH),
    "TE in capitals": (_post("Transfer-Encoding: CHUNKED\r\n", "3\r\nabc\r\n0\r\n\r\n"), BOTH),
    "TE gzip, chunked": (_post("Transfer-Encoding: gzip, chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"), BOTH),
    "a chunk extension": (_post(_CHUNKED, "3;a=b\r\nabc\r\n0\r\n\r\n"), BOTH),
    "a blank behind the chunk size": (_post(_CHUNKED, "3 \r\nabc\r\n0\r\n\r\n"), BOTH),
    "lines with bare LF": (_get("").replace("\r\n", "\n"), BOTH),
    "one line with bare LF": (_get("X: y\n"), BOTH),
    "an empty line before it": ("\r\n" + _get(""), BOTH),
    "a folded header": (_get("X: y\r\n z\r\n"), NOTHING),
    "a blank before a header": (_get("").replace("Host", " Host"), NOTHING),
    "two hosts": (_get("Host: localhost\r\n"), BOTH),
    "no host": (_get("").replace("Host: localhost\r\n", ""), BOTH),
    "Connection names Content-Length": (_post("Connection: Content-Length\r\nContent-Length: 3\r\n", "abc"), BOTH),
    "Expect": (_post("Expect: 100-continue\r\nContent-Length: 3\r\n", "abc"), BOTH),
    "an upgrade to HTTP/2": (
        _get("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA\r\n"),
        BOTH,
    ),
    "HTTP/2.0": (_get("").replace("HTTP/1.1", "HTTP/2.0"), NOTHING),
    "HTTP/1.2": (_get("").replace("HTTP/1.1", "HTTP/1.2"), NOTHING),
    "HTTP/0.9": ("GET /{case}/first\r\n", NOTHING),
    "a tab in the request line": (_get("").replace(" /{case}", "\t/{case}"), NOTHING),
    "two blanks in the request line": (_get("").replace(" /{case}", "  /{case}"), NOTHING),
    "a blank in the path": (_get("").replace("first", "fi rst"), NOTHING),
    "NUL in the path": (_get("").replace("first", "fi\x00rst"), NOTHING),
    "NUL in a header": (_get("X: \x00\r\n"), NOTHING),
}

CASES = {**HIDDEN, **PLAIN}
_NUMBERS = {name: f"case-{number:02}" for number, name in enumerate(CASES)}


def _payload(name: str) -> bytes:
    text = (CASES[name][0] + _SECOND).replace("{case}", _NUMBERS[name])
    return text.encode("latin-1")


def _paths(requests: list[dict[str, Any]], name: str) -> list[str]:
    """The last segments of what was asked of one case, in order."""
    return [str(line["path"]).rpartition("/")[2] for line in requests if f"/{_NUMBERS[name]}/" in str(line["path"])]


@pytest.fixture(scope="module")
def direct(edge: Server) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """What our server says it was asked, and what it answered, when each payload came from the client itself."""
    answers = {name: send(edge.port, _payload(name)) for name in CASES}
    send(edge.port, b"GET /direct/end HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return requests_of(edge, until="/direct/end"), answers


@pytest.mark.parametrize("name", CASES)
def test_abuse_53_no_hidden_request_is_seen(direct, name):
    """Refused and the connection ended, or read in the one way that everybody reads it."""
    requests, answers = direct

    assert _paths(requests, name) == CASES[name][1]
    assert all(status >= 400 for status in statuses(answers[name]))


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of one worker that only nginx talks to."""
    with Server(tmp_path_factory.mktemp("behind") / "data", workers=1) as server:
        yield server


@pytest.fixture(scope="module")
def nginx(behind: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port of a proxy that streams to ``behind`` over one connection, and its log of what it has sent on."""
    program, folder, port = client("nginx"), tmp_path_factory.mktemp("nginx"), free_port()
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; user root;"
        "events { worker_connections 256; }"
        f"http {{ log_format sent '$uri $upstream_addr'; access_log {folder}/access.log sent; {temporary}"
        f"upstream us {{ server 127.0.0.1:{behind.port}; keepalive 1; }}"
        f"server {{ listen 127.0.0.1:{port}; client_max_body_size 0; underscores_in_headers on;"
        "location / { proxy_pass http://us; proxy_http_version 1.1; proxy_request_buffering off;"
        "proxy_set_header Connection ''; proxy_set_header Host localhost; proxy_next_upstream off; } } }"
    )
    with subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield port, folder / "access.log"
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


_VICTIM = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def proxied(behind: Server, nginx: tuple[int, Path]) -> tuple[list[dict[str, Any]], list[str], dict[str, bytes]]:
    """What our server says it was asked, what nginx says it has sent on, and what others got after each payload."""
    port, log = nginx
    victims = {}
    for name in CASES:
        send(port, _payload(name))
        victims[name] = send(port, _VICTIM)
    send(port, b"GET /proxied/end HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    requests = requests_of(behind, until="/proxied/end")
    sent = [line.partition(" ")[0] for line in log.read_text().splitlines() if not line.endswith(" -")]
    return requests, sent, victims


@pytest.mark.parametrize("name", CASES)
def test_abuse_53_we_see_what_the_proxy_has_sent_on(proxied, name):
    """A request that nginx and we would cut differently would be seen by one of the two alone."""
    requests, sent, _ = proxied

    assert _paths(requests, name) == [uri.rpartition("/")[2] for uri in sent if f"/{_NUMBERS[name]}/" in uri]


@pytest.mark.parametrize("name", CASES)
def test_abuse_53_the_next_client_of_the_proxy_gets_its_own_answer(proxied, name):
    """The connection between nginx and us is shared: an answer too many would reach somebody else."""
    victim = proxied[2][name]

    assert statuses(victim) == [200]
    assert victim.endswith(b'{"status":"ok"}')


def test_abuse_53_no_case_is_a_bug(direct, proxied, edge, behind):
    for server in (edge, behind):
        assert [line for line in lines_of(server) if line.get("level") == "error"] == []
