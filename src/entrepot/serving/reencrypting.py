"""
Re-encryption as a job: whoever looks for it and finds it free does it, or goes on with it, and keeps what came of it.

Processes of jobs look every few seconds, and work half of the time, so that pushes and pulls have theirs; a command may
be in a hurry. Source: docs/decisions/0019-a-re-encryption-is-a-row.md.
"""

import os
import socket
import time
from collections.abc import Callable

from entrepot import clock
from entrepot.identity import deployment
from entrepot.registry import reencryption_request as requests
from entrepot.registry.reencryption import Course
from entrepot.registry.reencryption_request import Request, Superseded
from entrepot.runtime import Runtime
from entrepot.serving import rotating

_BEAT = 5.0  # seconds
# It rests for as long as it has worked, but not for each small piece, nor for minutes after a large one.
_STINT, _REST = 0.05, 1.0  # seconds


def new_worker() -> str:
    """A name for who does it, which nobody else has; up to the slash it is for people."""
    return f"{socket.gethostname()}:{os.getpid()}/{clock.new_uuid()}"


def ask(runtime: Runtime, *, seal: bool | None) -> None:
    """Have everything brought to *seal*, as ``reencryption`` means it, and to the version that seals."""
    runtime.database.write(lambda tx: requests.ask(tx, seal=seal, version=max(deployment.versions_in_use(tx))))


def take_up(
    runtime: Runtime, me: str, *, in_a_hurry: bool, watch: Callable[[Course], None] | None = None
) -> str | None:
    """
    Do what was asked for, if nobody is at it, and say what came of it; None, where there was nothing to do.

    Doing it twice, or stopping anywhere, does no harm: see ``registry.reencryption``.
    Raises: RootKeyRefused, NoSpace, StoreUnavailable.
    """
    request = requests.last(runtime.database)
    if request is None or not request.is_free_for(me) or not requests.take(runtime.database, request, me):
        return None
    try:
        with runtime.database.reading() as tx:
            deployment.follow(tx, runtime.root_key)
        turn = _Turn(runtime, request, me, in_a_hurry=in_a_hurry, watch=watch)
        rotating.reencrypt(runtime, turn, seal=request.seal, course=request.course)
        requests.end(runtime.database, request, me)
    except Superseded:
        return "It was left to others"
    except Exception as error:
        requests.fail(runtime.database, request, me, str(error) or type(error).__name__)
        raise
    finally:
        requests.leave(runtime.database, me)
    return str(request.course)


class _Turn:
    """One process at it: it tells now and then how far it is, and rests."""

    def __init__(
        self,
        runtime: Runtime,
        request: Request,
        me: str,
        *,
        in_a_hurry: bool,
        watch: Callable[[Course], None] | None,
    ) -> None:
        self._database, self._request, self._me = runtime.database, request, me
        self._in_a_hurry, self._watch = in_a_hurry, watch
        self._told, self._rested = float("-inf"), clock.ticks()

    def __call__(self, course: Course) -> None:
        """Raises: Superseded."""
        if clock.ticks() - self._told > _BEAT:
            requests.keep(self._database, self._request, self._me)
            self._told = clock.ticks()
        if self._watch is not None:
            self._watch(course)
        worked = clock.ticks() - self._rested
        if worked > _STINT and not self._in_a_hurry:
            time.sleep(min(worked, _REST))
            self._rested = clock.ticks()
