"""Waiting a moment for what a server that has just been killed still holds."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_TRIES = 40
_PAUSE = 0.05


def patiently(attempt: Callable[[], T], *, while_: type[Exception]) -> T:
    """What *attempt* returns, tried for two seconds while it raises *while_*; then that is raised."""
    for _ in range(_TRIES):
        try:
            return attempt()
        except while_:
            time.sleep(_PAUSE)
    return attempt()
