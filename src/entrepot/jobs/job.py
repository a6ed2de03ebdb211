"""What a job is: a name, work, and how often it is done. Nothing here runs anything."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from entrepot.runtime import Runtime

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Every:
    """
    Work that is done again and again, by the clock.

    A crash has it done once more, from its beginning; so doing it twice, or stopping in the middle, must
    do no harm, and *work* says in its docstring why it does none. What it returns goes to the log.
    """

    interval: timedelta
    name: str
    work: Callable[[Runtime], object]


@dataclass(frozen=True, slots=True)
class Asked:
    """
    Work that somebody asks for, in rows of its domain: *work* looks there, and does it or goes on with it.

    It sees to it itself that one process at a time does it. What it returns, unless None, goes to the log.
    """

    name: str
    work: Callable[[Runtime], object | None]


def period_of(interval: timedelta) -> int:
    """
    The time in seconds after which work is done again.

    A clock's face divides only so often: it is the longest time up to *interval* that divides the minute, the hour or
    the day evenly, at least a second and at most a day.
    """
    seconds = max(1, int(interval.total_seconds()))
    for whole, unit in ((_MINUTE, 1), (_HOUR, _MINUTE), (_DAY, _HOUR)):
        if seconds < whole:
            return unit * _largest_divisor(whole // unit, seconds // unit)
    return _DAY


def cron_of(interval: timedelta) -> str:
    """When it is time, as a cron expression of six fields, the first of which is seconds; UTC."""
    period = period_of(interval)
    if period < _MINUTE:
        return f"*/{period} * * * * *"
    if period < _HOUR:
        return f"0 */{period // _MINUTE} * * * *"
    if period < _DAY:
        return f"0 0 */{period // _HOUR} * * *"
    return "0 0 0 * * *"


def _largest_divisor(whole: int, most: int) -> int:
    return next(part for part in range(most, 0, -1) if whole % part == 0)
