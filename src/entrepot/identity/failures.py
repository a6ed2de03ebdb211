"""Failed logins, and how long to let those wait who fail too often."""

from collections import OrderedDict

from entrepot import clock

_FREE_FAILURES = 10
_WINDOW = 60.0
_MOST_ADDRESSES = 10_000


class Failures:
    """
    Failed logins by address: ten a minute are free, then each is answered later than the one before.

    Source: ours; a sealed token cannot be guessed, so this only keeps a flood of guesses cheap for us.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def delay(self, address: str) -> float:
        """Count a failure; how many seconds to wait before saying so (at most 2)."""
        count, since = self._seen.pop(address, (0, clock.now()))
        if clock.now() - since > _WINDOW:
            count, since = 0, clock.now()
        self._seen[address] = (count + 1, since)
        while len(self._seen) > _MOST_ADDRESSES:
            self._seen.popitem(last=False)
        return min(max(count + 1 - _FREE_FAILURES, 0) * 0.1, 2.0)
