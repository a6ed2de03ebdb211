"""Keeps one process beside the workers alive: starts it, and starts it again when it ends unasked."""

import logging
import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess

_log = logging.getLogger("entrepot.serving")

# Before it is started again: what fails at once would else fail a hundred times a second.
_PAUSE = 5.0
_PATIENCE = 10.0


class Keeper:
    """
    A thread that holds one process, which begins *after* some seconds. *target* and *arguments* are pickled.

    Told to end, it gets *patience* seconds. On Linux a child can ask to die with the thread that started it, so the
    one that starts it stays with it.
    """

    def __init__(
        self,
        name: str,
        target: Callable[..., object],
        *arguments: object,
        after: float = 0.0,
        patience: float = _PATIENCE,
    ) -> None:
        self._name, self._target, self._arguments = name, target, arguments
        self._after, self._patience = after, patience
        self._ending = threading.Event()
        self._process: BaseProcess | None = None
        self._thread = threading.Thread(target=self._keep, name=f"keeper of {name}", daemon=True)

    def start(self) -> None:
        """Start the process, and stay with it."""
        self._thread.start()

    def end(self, how: Callable[[BaseProcess], None] = BaseProcess.terminate) -> None:
        """Tell the process to end, and do not wait for it."""
        self._ending.set()
        if self._process is not None and self._process.is_alive():
            how(self._process)

    def stop(self) -> None:
        """End the process as SIGTERM ends it, or if it does not listen, at once."""
        for how, patience in ((BaseProcess.terminate, self._patience), (BaseProcess.kill, _PATIENCE)):
            self.end(how)
            if self._thread.ident is not None:
                self._thread.join(patience)

    def _keep(self) -> None:
        self._ending.wait(self._after)
        while not self._ending.is_set():
            self._process = multiprocessing.get_context("spawn").Process(
                target=self._target, args=self._arguments, name=self._name
            )
            try:
                self._process.start()
            except OSError as error:  # no memory, say, or too many processes
                _log.error("the process %s cannot be started: %s; it is tried again", self._name, error)
                self._ending.wait(_PAUSE)
                continue
            if self._ending.is_set():  # who has set that may have found nothing to end
                self._process.terminate()
            self._process.join()
            if not self._ending.is_set():
                _log.error("the process %s ended with %s; it is started again", self._name, self._process.exitcode)
                self._ending.wait(_PAUSE)
