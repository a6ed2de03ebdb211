"""What the functions of the OCI face work with, built once a process."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from entrepot.identity.directory import Directory
from entrepot.registry.reads import Reads
from entrepot.runtime import Runtime

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """The runtime, who there is, what this process remembers, and the threads that wait for the disk."""

    runtime: Runtime
    directory: Directory
    reads: Reads
    pool: ThreadPoolExecutor

    async def run(self, work: Callable[[], T]) -> T:
        """Run *work*, which blocks, on a thread of the pool."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)
