"""What the processes of a server are started with: limits, and a life that ends with their parent's."""

import contextlib
import ctypes
import gc
import os
import resource
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
# malloc.h of glibc
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# A connection is a descriptor; kernels give a process 1,024 unless it asks for more.
_DESCRIPTORS = 65_536


def confine() -> None:
    """
    Let nobody read what this process and its children write, or its memory; allow many connections.

    There are no core dumps, not even where they go to a program, and other processes of the same user cannot attach.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    with contextlib.suppress(ValueError, OSError):  # some kernels allow less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def give_memory_back() -> None:
    """
    Keep the C library from holding on to what large requests needed.

    Its threshold for memory of its own mapping grows with what is freed, and each thread gets an arena: after
    parts of 20 MiB by the API a worker kept 220 MB; with both fixed it is back at 95. Pieces of blobs, of 1 MiB, lie
    below, and some stay at hand: to have the kernel clear each anew takes longer than to open its seal.
    """
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 2 << 20)
        libc.mallopt(_M_TRIM_THRESHOLD, 4 << 20)
        libc.mallopt(_M_ARENA_MAX, 2)


def share_the_interpreter() -> None:
    """
    Let the writer's thread have the interpreter's lock when it comes back from SQLite.

    It gives the lock up for every statement, and the event loop, which is never idle under load, keeps it for
    5 ms unless told otherwise: with half a millisecond, a fifth more images are pushed.
    """
    sys.setswitchinterval(0.0005)


def collect_seldom() -> None:
    """
    Look for unreachable cycles less often, and never among what a worker was built of.

    A tenth of a metadata read went into that, and found next to nothing: requests leave no cycles behind.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def die_with(parent: int) -> None:
    """
    End this process at once when its parent, the process *parent*, ends, however it ends.

    A worker that outlives it would hold the port and write beside the next server.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before we asked
        os.kill(os.getpid(), signal.SIGKILL)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
