"""Where the real clients are."""

from pathlib import Path

from tests.support.skips import want
from tools import clients


def client(name: str) -> Path:
    """The program (or folder, of a library) of a client in ``tools.clients``; skips the test where it is missing."""
    return clients.find(name) or want(name)
