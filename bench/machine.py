"""What the machine can do at best, and what a server takes of it: limits, processor time, resident memory."""

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MIB = 1 << 20
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def describe() -> dict[str, str]:
    """What a reader has to know to compare figures: processor, cores, memory, kernel, and what else was running."""
    cpu = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "model name: unknown")
    memory = next(line for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "processor": cpu.partition(":")[2].strip(),
        "cores": str(os.cpu_count()),
        "memory": f"{int(memory.split()[1]) / MIB:.0f} GiB",
        "kernel": f"{os.uname().sysname} {os.uname().release}",
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def tree(root: int) -> list[int]:
    """The process *root* and all that descend from it and live."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        if fields := _stat(pid):
            children.setdefault(int(fields[1]), []).append(pid)
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def cpu_seconds(root: int) -> float:
    """Processor time, user and system, of a process and its descendants, those that have ended included."""
    return sum(_cpu(pid) for pid in tree(root))


def busiest(root: int, count: int, *, before: Mapping[int, float]) -> list[int]:
    """The *count* processes under *root* that used the most processor time since *before*: the workers."""
    return sorted(tree(root), key=lambda pid: before.get(pid, 0.0) - _cpu(pid))[:count]


def cpu_by_process(root: int) -> dict[int, float]:
    """Processor seconds of each process under *root*."""
    return {pid: _cpu(pid) for pid in tree(root)}


def resident(pid: int) -> int:
    """Bytes of one process that are in memory now; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


class PeakMemory:
    """While it is entered: the most that a process and its descendants held in memory together, in bytes."""

    _SECONDS_BETWEEN_LOOKS = 0.05

    def __init__(self, root: int) -> None:
        self._root = root
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(self._SECONDS_BETWEEN_LOOKS):
            self.bytes = max(self.bytes, sum(resident(pid) for pid in tree(self._root)))


@contextlib.contextmanager
def held(root: int, cores: float) -> Iterator[None]:
    """
    While it is entered, a process and its descendants get no more than *cores* of the processors together.

    Raises: OSError, where we may make no control group for processors.
    """
    period = 100_000  # microseconds
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    group = Path("/sys/fs/cgroup" if unified else "/sys/fs/cgroup/cpu", f"bench-{root}")
    group.mkdir()
    try:
        quota = int(cores * period)
        if unified:
            (group / "cpu.max").write_text(f"{quota} {period}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(period))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        for pid in tree(root):
            (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for line in (group / "cgroup.procs").read_text().splitlines():
            with contextlib.suppress(ProcessLookupError):
                (group.parent / "cgroup.procs").write_text(line)
        group.rmdir()


def sha256_rate(size: int) -> float:
    """Bytes per second that one core hashes: no push of *size* bytes can be faster."""
    piece = os.urandom(MIB)
    digest = hashlib.sha256()
    started = time.perf_counter()
    for _ in range(size // MIB):
        digest.update(piece)
    digest.digest()
    return size / (time.perf_counter() - started)


def aes_rate(size: int) -> float:
    """Bytes per second that one core opens with AES-256-GCM, a mebibyte at a time."""
    cipher, nonce = AESGCM(os.urandom(32)), os.urandom(12)
    sealed, plain = cipher.encrypt(nonce, os.urandom(MIB), None), bytearray(MIB)
    started = time.perf_counter()
    for _ in range(size // MIB):
        cipher.decrypt_into(nonce, sealed, None, plain)
    return size / (time.perf_counter() - started)


def disk_rate(folder: Path, size: int) -> float:
    """Bytes per second that go into one file of *folder*, until they are fsynced."""
    piece = os.urandom(MIB)
    with _scratch(folder) as path, path.open("wb", buffering=0) as file:
        os.sync()
        started = time.perf_counter()
        for _ in range(size // MIB):
            file.write(piece)
        os.fsync(file.fileno())
        return size / (time.perf_counter() - started)


def fsync_rate(folder: Path, *, seconds: float = 1.0) -> float:
    """Times per second that 4 KiB more reach the disk of *folder* for sure, one after the other."""
    piece, count = os.urandom(4096), 0
    with _scratch(folder) as path, path.open("wb", buffering=0) as file:
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            file.write(piece)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.perf_counter() - started)


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    path = folder / "limit.tmp"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit())


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the program's name, which may hold blanks; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _cpu(pid: int) -> float:
    # utime, stime, cutime, cstime are the fields 14 to 17 of the whole line. Source: proc(5)
    return sum(int(field) for field in _stat(pid)[11:15]) / _TICKS


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
