"""What a worker process runs. It imports what answering requests needs, and nothing else."""

from typing import Any

from entrepot.app import build
from entrepot.serving.folder import open_runtime
from entrepot.serving.processes import collect_seldom, confine, die_with, give_memory_back, share_the_interpreter
from entrepot.settings import Settings


def application(settings: Settings, parent: int) -> Any:
    """The ASGI application of this process, a child of *parent*."""
    confine()
    give_memory_back()
    share_the_interpreter()
    die_with(parent)
    built = build(open_runtime(settings))
    collect_seldom()
    return built
