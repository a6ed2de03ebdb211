"""
Lines for whoever operates the registry: JSON, one a request and one an event, on standard error.

The fields of a request's line are chosen here, one by one; no header, no query and no body is among
them, so no password, token or signature can be.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
import traceback

import orjson

from entrepot import clock

_STDERR = 2
_ROOM = 64 << 10
_PATIENCE = 0.2


class AccessLog:
    """A line per request, written in batches: a system call for each would cost a fifth of a pull."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._lines: list[bytes] = []
        self._size = 0

    def add(
        self, *, request: str, client: str, method: str, path: str, status: int, principal: str | None, began: float
    ) -> None:
        """Note a request that has been answered. *began* is of ``clock.ticks``."""
        if not self._wanted:
            return
        line = orjson.dumps(
            {
                "time": round(clock.now(), 3),
                "event": "request",
                "request": request,
                "client": client,
                "principal": principal,
                "method": method,
                "path": path[:500],
                "status": status,
                "ms": round((clock.ticks() - began) * 1000, 1),
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        if not self._lines:
            asyncio.get_running_loop().call_later(_PATIENCE, self.flush)
        self._lines.append(line)
        self._size += len(line)
        if self._size > _ROOM:
            self.flush()

    def flush(self) -> None:
        """Write what has been noted. A reader that does not keep up loses lines; requests do not wait for it."""
        if self._lines:
            lines, self._lines, self._size = b"".join(self._lines), [], 0
            _write(lines)


class JsonLines(logging.Formatter):
    """Events of the standard library's logging in the same form."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON; a traceback is a field of it."""
        fields = {"time": round(record.created, 3), "event": record.getMessage(), "level": record.levelname.lower()}
        request = record.__dict__.get("request")
        if request:
            fields["request"] = request
        if record.exc_info and record.exc_info[0]:
            fields["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(fields)


def set_up() -> None:
    """Send this process's own events to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.captureWarnings(capture=True)
    for name in ("entrepot", "py.warnings"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False


def _write(lines: bytes) -> None:
    with contextlib.suppress(OSError):  # standard error is closed or full: there is nobody to tell
        os.write(_STDERR, lines)
