"""How the pieces of an answer are sent: what is at hand, and what has to be waited for."""

import asyncio
import threading
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from entrepot.answers import Response, answer

PIECES = [b"one", b"two", b"three", b"four"]


class Client:
    """Takes what is sent at once, and keeps it."""

    def __init__(self, takes: int = 1000) -> None:
        self._takes, self._has_enough = takes, asyncio.Event()
        self.bodies: list[bytes] = []

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.bodies.append(bytes(message.get("body", b"")))
        if len(self.received) >= self._takes:
            self._has_enough.set()

    async def receive(self) -> dict[str, Any]:
        """It stays until it has so many pieces as it takes."""
        await self._has_enough.wait()
        return {"type": "http.disconnect"}

    @property
    def received(self) -> list[bytes]:
        return [body for body in self.bodies if body]


def lent(*, wait_before: int | None = None, threads: list[str] | None = None) -> Iterator[bytearray]:
    """The pieces in one room, used again for each; from *wait_before* on each is announced."""
    room = bytearray()
    for number, piece in enumerate(PIECES):
        if wait_before is not None and number >= wait_before:
            yield bytearray()
        if threads is not None:
            threads.append(threading.current_thread().name)
        room[:] = piece
        yield room


def send(pieces: Iterator[bytearray], client: Client) -> None:
    with ThreadPoolExecutor(2, thread_name_prefix="pool") as pool:
        asyncio.run(answer(Response(200, [], pieces=pieces), client.receive, client.send, pool, head=False))


@pytest.mark.parametrize("wait_before", [None, 0, 1, 3])
def test_all_pieces_come_in_order(wait_before: int | None) -> None:
    client = Client()

    send(lent(wait_before=wait_before), client)

    assert client.received == PIECES
    assert client.bodies[-1] == b""


def test_no_bytes_at_all_are_an_answer() -> None:
    client = Client()

    send(iter(()), client)

    assert client.received == []


def test_what_has_to_be_waited_for_is_never_asked_for_on_the_event_loop() -> None:
    threads: list[str] = []

    send(lent(wait_before=2, threads=threads), Client())

    assert [name.startswith("pool") for name in threads] == [True, False, True, True]


@pytest.mark.parametrize("wait_before", [None, 0])
def test_nothing_is_read_for_a_client_that_has_gone(wait_before: int | None) -> None:
    client = Client(takes=1)
    threads: list[str] = []

    async def run() -> None:
        pieces = (piece for _ in range(100) for piece in lent(wait_before=wait_before, threads=threads))
        with ThreadPoolExecutor(2) as pool:
            await answer(Response(200, [], pieces=pieces), client.receive, client.send, pool, head=False)

    asyncio.run(run())

    assert len(threads) < 10


def test_others_are_heard_between_pieces_of_a_client_that_takes_all() -> None:
    client, heard = Client(), []

    async def other() -> None:
        while b"four" not in client.bodies:
            heard.append(len(client.received))
            await asyncio.sleep(0)

    async def both() -> None:
        with ThreadPoolExecutor(2) as pool:
            response = Response(200, [], pieces=lent())
            await asyncio.gather(answer(response, client.receive, client.send, pool, head=False), other())

    asyncio.run(both())

    assert {1, 2, 3} <= set(heard)
