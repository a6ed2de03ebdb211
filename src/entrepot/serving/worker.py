"""What a worker process runs. It imports what answering requests needs, and nothing else."""

from ctypes import c_byte
from dataclasses import replace
from typing import Any

from entrepot.app import build
from entrepot.serving.preparing import open_runtime
from entrepot.serving.processes import collect_seldom, confine, die_with, give_memory_back, share_the_interpreter
from entrepot.settings import Interface, Settings


def application(settings: Settings, parent: int, interface: Interface | None, draining: c_byte) -> Any:
    """
    The ASGI application of this process, a child of *parent*; of an *interface* endpoint where one is given.

    *draining* lies in memory that the parent shares, which puts a 1 there.

    Raises: OSError, where the endpoint's policy cannot be read.
    """
    confine()
    give_memory_back()
    share_the_interpreter()
    die_with(parent)
    runtime = open_runtime(settings)
    if interface is not None:
        text = interface.policy.read_text(encoding="utf-8") if interface.policy else None
        runtime = replace(runtime, endpoint=interface.id, endpoint_policy=text)
    built = build(runtime, lambda: bool(draining.value))
    collect_seldom()
    return built
