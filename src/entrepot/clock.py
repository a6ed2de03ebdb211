"""Time and fresh identifiers, in one place so that tests can replace both."""

import os
import secrets
import time
from collections import deque
from itertools import count

_offset = 0.0
_process: str

# Random bytes are asked for by the page: each call gives up the interpreter's lock, and gets it back late.
_entropy: deque[str] = deque()
_requests = count(1)


def _begin() -> None:
    """A process of its own, also after a fork: its requests have one beginning, and are counted."""
    global _process
    _entropy.clear()
    _process = "-".join((secrets.token_hex(4), secrets.token_hex(2), secrets.token_hex(2), secrets.token_hex(2)))


_begin()
os.register_at_fork(after_in_child=_begin)


def now() -> float:
    """Seconds since 1970-01-01 UTC, with fraction."""
    return time.time() + _offset


def travel(seconds: float) -> None:
    """Move this process's clock; *only tests call this*, and every process has its own."""
    global _offset
    _offset += seconds


def new_uuid() -> str:
    """A random UUID in lower-case hex with hyphens: request ids, upload ids (122 random bits)."""
    try:
        digits = _entropy.popleft()
    except IndexError:
        block = secrets.token_hex(16 * 256)
        _entropy.extend(block[start : start + 32] for start in range(32, len(block), 32))
        digits = block[:32]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[ord(digits[16]) & 3]}{digits[17:20]}-{digits[20:]}"


def new_request_id() -> str:
    """An identifier like a UUID for one request: quick to make, and nothing that has to be hard to guess."""
    return f"{_process}-{next(_requests):012x}"


def new_id(prefix: str, length: int = 16) -> str:
    """
    An identifier as IAM makes them: *prefix* (``AKIA``, ``AIDA``), then *length* of A-Z and 2-7.

    Source: IAM user guide, "Unique identifiers".
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return prefix + "".join(secrets.choice(alphabet) for _ in range(length))


def ticks() -> float:
    """Seconds on a clock that only measures how long things take; it has no zero and never goes back."""
    return time.monotonic()
