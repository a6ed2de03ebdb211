"""Request bodies: whole, bounded, and in time."""

import asyncio
from typing import Any

import pytest

from entrepot.aws import bodies
from entrepot.aws.faults import RequestTimeout, RequestTooLarge


def read(*messages: dict[str, Any], limit: int = 100) -> bytes | bytearray:
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.sleep(3600)
        return waiting.pop(0)

    return asyncio.run(bodies.read(receive, limit=limit))


def piece(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


def test_a_body_in_pieces_is_put_together():
    assert read(piece(b"ab", more=True), piece(b"", more=True), piece(b"c")) == b"abc"


def test_a_body_may_be_as_long_as_the_limit():
    assert read(piece(b"x" * 60, more=True), piece(b"x" * 40)) == b"x" * 100


def test_a_body_is_given_up_at_the_piece_that_passes_the_limit():
    with pytest.raises(RequestTooLarge):
        read(piece(b"x" * 60, more=True), piece(b"x" * 41, more=True))


def test_a_client_that_leaves_is_noticed():
    with pytest.raises(bodies.Disconnected):
        read(piece(b"x", more=True), {"type": "http.disconnect"})


def test_a_body_that_does_not_come_is_given_up(monkeypatch):
    monkeypatch.setattr("entrepot.bodies._SILENCE", 0.01)

    with pytest.raises(RequestTimeout):
        read(piece(b"x", more=True))


def test_a_body_that_only_drips_is_given_up(monkeypatch):
    monkeypatch.setattr(bodies, "_PATIENCE", -1.0)

    with pytest.raises(RequestTimeout):
        read(piece(b"x", more=True), piece(b"x", more=True))


@pytest.mark.parametrize(("value", "length"), [(b"0", 0), (b"100", 100), (None, 100)])
def test_a_declared_length_within_the_limit_is_taken(value, length):
    assert bodies.declared_length({} if value is None else {b"content-length": value}, limit=100) == length


@pytest.mark.parametrize("value", [b"101", b"-1", b"1e1", b"9" * 40, b""])
def test_another_declared_length_is_refused(value):
    with pytest.raises(RequestTooLarge):
        bodies.declared_length({b"content-length": value}, limit=100)
