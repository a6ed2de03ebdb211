"""The parent: starts workers and jobs, starts them again when they die, ends them when it is told to."""

import functools
import importlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
import types
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from ctypes import c_byte
from dataclasses import replace
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawValue
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from entrepot.identity.new_keys import NewKey
from entrepot.serving import endpoint
from entrepot.serving.endpoint import ListenerRefused
from entrepot.serving.folder import held
from entrepot.serving.keeper import Keeper
from entrepot.serving.processes import collect_seldom, confine, die_with, give_memory_back
from entrepot.settings import Interface, Settings
from entrepot.telemetry.logs import set_up

# Source: security-design §8.1. Hyper counts the wait for the next request's header in this too.
_HEADER_TIMEOUT = 10_000  # milliseconds
# Who is told to end twice within this (a terminal and who started us there tell us both) was told once.
_ONCE = 1.0  # seconds
# Beyond their limit, for those who end to say so.
_GRACE = 5.0  # seconds
# The workers start first: somebody waits for them, and nobody for the first job.
_HEAD_START = 2.0
_WORKER = "entrepot.serving.worker"
# Connections that wait to be accepted, and those that a worker holds: slow ones cost only memory.
_BACKLOG = 4096
_CONNECTIONS = 8192

_LOGGING = {
    "formatters": {"lines": {"()": "entrepot.telemetry.logs.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}},
    "loggers": {"_granian": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}


def serve(settings: Settings, announce: Callable[[Settings, NewKey | None], None]) -> None:
    """
    Serve until SIGTERM, SIGINT or SIGHUP. *announce* is called once, when the first request can be answered.

    Raises: FolderRefused, RootKeyRefused, SchemaRefused, ListenerRefused.
    """
    confine()
    give_memory_back()
    set_up()
    with held(settings):
        settings = endpoint.claim(settings)
        _without_main()
        made = _prepared(settings)
        endpoint.write(settings)
        draining = RawValue(c_byte)
        jobs = Keeper("jobs", _in_child, "entrepot.serving.jobs", "work", settings, os.getpid(), after=_HEAD_START)
        interfaces = [_keeper_of(interface, settings, draining) for interface in settings.interfaces]

        def when_up() -> None:
            try:
                announce(settings, made)
            except OSError:  # nobody reads it; what is left in the buffer would fail whoever starts a process
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            for keeper in interfaces:
                keeper.start()
            # Last, because its imports would keep the workers from the processor.
            if settings.jobs:
                jobs.start()

        threading.Thread(target=_wait, args=(settings.listener, when_up), daemon=True).start()
        try:
            _run(settings, None, draining, interfaces)
        finally:
            for keeper in (*interfaces, jobs):
                keeper.stop()
            # The interpreter lets go of its handlers at the end, and one signal more would make this a violent one.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)


def serve_interface(settings: Settings, parent: int, interface: Interface, draining: c_byte) -> None:
    """Serve an interface endpoint, in a child of *parent*, until SIGTERM."""
    confine()
    give_memory_back()
    set_up()
    die_with(parent)
    _without_main()
    _load_workers()
    _run(settings, interface, draining)


def _keeper_of(interface: Interface, settings: Settings, draining: c_byte) -> Keeper:
    """Raises: ListenerRefused, where nobody can listen there, or the policy is none."""
    # The parent tells it to end when the delay is over.
    own = endpoint.claim(replace(settings, listen=interface.listen, endpoints=(), workers=1, drain_delay=0))
    if interface.policy is not None:
        from entrepot.identity.policy import Kind, Malformed, parse  # noqa: PLC0415  # few starts have need of it

        try:
            parse(interface.policy.read_text(encoding="utf-8"), Kind.ENDPOINT)
        except (OSError, UnicodeDecodeError, Malformed) as error:
            raise ListenerRefused(f"endpoints: the policy {interface.policy} cannot be used: {error}") from None
    child = _in_child, __name__, "serve_interface", own, os.getpid(), interface, draining
    return Keeper(interface.id, *child, patience=settings.drain_limit + _GRACE)


def _run(settings: Settings, interface: Interface | None, draining: c_byte, beside: Sequence[Keeper] = ()) -> None:
    """Be the parent of workers until a signal comes, and let those *beside* end with them."""
    child = _WORKER, "application", settings, os.getpid(), interface, draining
    server = _server(settings)
    server.listen(draining, settings.drain_delay, beside)
    server.serve(target_loader=functools.partial(_in_child, *child), wrap_loader=False)


class _Server(MPServer):
    """
    Granian's parent, told to end by a thread: it drains, then its workers end, who tells it again ends all at once.

    A handler interrupts the main thread anywhere, also where it holds the lock of the event that it waits
    for; setting that event there waits for ever (seen with two SIGTERM at once). And a signal that another
    thread receives does not wake the main one. So the handler does nothing, and a thread reads from the pipe
    into which the interpreter writes the number of every signal, whoever received it.
    """

    interrupt_signal: bool

    def listen(self, draining: c_byte, delay: float, beside: Sequence[Keeper]) -> None:
        """
        From now on, let signals end the server and those *beside* it. *The main thread has to call this.*

        The first puts a 1 into *draining*; requests are taken for *delay* seconds more.
        """
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as nohup has it, and Granian has not
            self.on_startup(lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        listening = reader, draining, delay, beside
        threading.Thread(target=self._end_by, args=listening, name="signals", daemon=True).start()

    def signal_handler_interrupt(self, *_: object) -> None:
        """Do nothing: see above."""

    def signal_handler_reload(self, *_: object) -> None:
        """The same: the terminal has gone, and nobody wants other workers."""

    def _end_by(self, reader: int, draining: c_byte, delay: float, beside: Sequence[Keeper]) -> None:
        os.read(reader, 1)
        draining.value = 1
        since = time.monotonic()
        drained = threading.Timer(delay, self._end, (beside, BaseProcess.terminate))
        drained.daemon = True
        drained.start()
        while os.read(reader, 1):
            if time.monotonic() - since > _ONCE:
                for worker in self.wrks:
                    kill: Callable[[], None] = worker.kill
                    kill()
                self._end(beside, BaseProcess.kill)

    def _end(self, beside: Sequence[Keeper], how: Callable[[BaseProcess], None]) -> None:
        self.interrupt_signal = True
        self.main_loop_interrupt.set()
        for keeper in beside:
            keeper.end(how)


def _in_child(module: str, function: str, settings: Settings, parent: int, *more: object) -> Any:
    """In a child: call what only it imports; the parent has better use for the time and the memory."""
    # A terminal's Ctrl-C reaches everybody. The parent ends the children, and would start again who ends alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    # A fork has the pipe by which signals end the parent.
    signal.set_wakeup_fd(-1)
    return _call(module, function, settings, parent, *more)


def _call(module: str, function: str, *arguments: object) -> Any:
    return getattr(importlib.import_module(module), function)(*arguments)


def _server(settings: Settings) -> _Server:
    host, port = settings.listener
    return _Server(
        "entrepot.app",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT),
        websockets=False,
        workers=settings.workers,
        backlog=_BACKLOG,
        backpressure=_CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=settings.drain_limit,
        ssl_cert=settings.tls_cert,
        ssl_key=settings.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
    )


def _prepared(settings: Settings) -> NewKey | None:
    """
    The key that a first start made. The folder is prepared by a process beside this one, which meanwhile loads
    what workers run: each takes half a second. Raises: SchemaRefused, RootKeyRefused, FolderRefused.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as beside:
        preparing = beside.submit(_call, "entrepot.serving.preparing", "prepare", settings)
        _load_workers()
        made: NewKey | None = preparing.result()
    return made


def _load_workers() -> None:
    """
    Load what workers run and let them be forks of this process, whose memory they share; its threads wait, and hold
    no lock meanwhile. Where forks are not safe, each worker loads it for itself.
    """
    if sys.platform == "linux":
        importlib.import_module(_WORKER)
        collect_seldom()
    multiprocessing.set_start_method("fork" if sys.platform == "linux" else "spawn", force=True)


def _without_main() -> None:
    """Let there be no ``__main__``: a spawned process would run the command line again."""
    sys.modules["__main__"] = types.ModuleType("__main__")


def _wait(address: tuple[str, int], then: Callable[[], None]) -> None:
    while True:
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            then()
            return
