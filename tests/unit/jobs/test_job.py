"""How often is often: from an interval to the clock."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.jobs.job import cron_of


@pytest.mark.parametrize(
    ("seconds", "cron"),
    [
        (0, "*/1 * * * * *"),
        (1, "*/1 * * * * *"),
        (7, "*/6 * * * * *"),
        (59, "*/30 * * * * *"),
        (60, "0 */1 * * * *"),
        (90, "0 */1 * * * *"),
        (900, "0 */15 * * * *"),
        (3599, "0 */30 * * * *"),
        (3600, "0 0 */1 * * *"),
        (5 * 3600, "0 0 */4 * * *"),
        (86399, "0 0 */12 * * *"),
        (86400, "0 0 0 * * *"),
        (30 * 86400, "0 0 0 * * *"),
    ],
)
def test_an_interval_becomes_the_longest_that_divides_the_clock(seconds: int, cron: str) -> None:
    assert cron_of(timedelta(seconds=seconds)) == cron


@given(st.integers(1, 86400))
def test_jobs_are_never_rarer_than_the_interval_nor_twice_as_frequent_and_more(seconds: int) -> None:
    second, minute, hour, *_ = cron_of(timedelta(seconds=seconds)).split()
    units = {"second": (second, 1), "minute": (minute, 60), "hour": (hour, 3600)}
    steps = [int(field[2:]) * unit for field, unit in units.values() if field.startswith("*/")]
    period = steps[0] if steps else 86400

    assert 86400 % period == 0
    assert period <= seconds
    assert seconds < 60 * period
