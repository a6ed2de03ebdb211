"""Calls to addresses that others chose: what is fetched, and what nobody reaches through us. Abuse case 40."""

import ipaddress
import socket

import pytest

from entrepot.remote.guarded import Allowed, Unreachable, fetch
from tests.support.https import https

HERE = Allowed(["localhost=127.0.0.0/8"])
BODIES = {"/short": b"{}", "/long": b"x" * 1001}


@pytest.fixture
def server(tmp_path, monkeypatch):
    def answer(path):
        if path == "/redirect":
            return 302, {"Location": "/short"}, b""
        if path == "/packed":
            return 200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"
        return (200, {}, BODIES[path]) if path in BODIES else (404, {}, b"")

    with https(tmp_path, answer) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        yield server


def test_a_document_is_fetched(server):
    assert fetch(f"{server.url}/short", limit=2, allowed=HERE) == b"{}"


@pytest.mark.parametrize("path", ["/long", "/redirect", "/packed", "/not-there"])
def test_what_is_too_long_elsewhere_packed_or_missing_is_not(server, path):
    with pytest.raises(Unreachable):
        fetch(server.url + path, limit=1000, allowed=HERE)

    assert server.asked == [path]


def test_abuse_40_nobody_is_reached_whom_the_operator_has_not_named(server):
    for allowed in (Allowed(), Allowed(["other=127.0.0.0/8"]), Allowed(["localhost=10.0.0.0/8"])):
        with pytest.raises(Unreachable):
            fetch(f"{server.url}/short", limit=1000, allowed=allowed)

    assert server.asked == []


def test_abuse_40_whose_certificate_is_not_trusted_is_not_asked(server, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(Unreachable):
        fetch(f"{server.url}/short", limit=1000, allowed=HERE)

    assert server.asked == []


def test_abuse_40_a_name_that_means_an_inner_address_beside_a_public_one_is_refused(server, monkeypatch):
    found = [(socket.AF_INET, 1, 6, "", (address, server.port)) for address in ("8.8.8.8", "169.254.169.254")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    with pytest.raises(Unreachable):
        fetch(f"https://rebinding.example:{server.port}/short", limit=1000, allowed=HERE)

    assert server.asked == []


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "2002:7f00:1::"),
    ],
)
def test_abuse_40_addresses_that_are_not_of_the_public_internet_are_refused(address):
    assert not Allowed().admits("example.com", ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_admitted(address):
    assert Allowed().admits("example.com", ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "file:///etc/passwd",
        "https://user:secret@localhost/",
        "https://",
        "https://localhost:99999/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://localhost/\r\nX-Injected: 1",
        "https://exämple.com/",
    ],
)
def test_abuse_40_other_addresses_than_plain_https_ones_are_refused(url):
    with pytest.raises(Unreachable) as caught:
        fetch(url, limit=1000, allowed=Allowed())

    assert str(caught.value) == ""
