"""What children do at a signal: they inherit what their parent ignores, as in a shell's background."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def inherited(number: signal.Signals, handler: signal.Handlers) -> Iterator[None]:
    """Whoever is started meanwhile treats signal *number* so, whatever started the tests."""
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)
