"""
The account of what was skipped for want of something, and the switch that forbids it.

A test that lacks a client or a vector skips through ``want``. The run ends with a count by name, and
where ``ENTREPOT_TEST_ALLOWED_SKIPS`` is set (names with commas between, or nothing), every skip that it does
not name fails the run, and so does a run without a single passed test.
"""

import os
from collections import Counter
from collections.abc import Iterable
from typing import NoReturn

import pytest

_WANT = "for want of: "


def want(name: str) -> NoReturn:
    """Skip the test because *name*, a client or a folder of test data, is not here."""
    pytest.skip(_WANT + name)


def wanted(reasons: Iterable[str]) -> Counter[str]:
    """How often each thing was missing; a skip for any other reason is counted under its own words."""
    return Counter(reason.removeprefix("Skipped: ").removeprefix(_WANT) for reason in reasons)


def forbidden(counts: Counter[str], *, allowed: str | None, passed: int) -> str | None:
    """Why the run may not count as a success; None where it may. *allowed* as in the environment variable."""
    if allowed is None:
        return None
    names = {name.strip() for name in allowed.split(",")}
    if surplus := sorted(set(counts) - names):
        return f"skipped, and not on the list of what may be: {', '.join(surplus)}"
    return None if passed else "no test has passed"


class Account:
    """The pytest plugin that prints the account and sets the exit status by it."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.passed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what passed and what was skipped."""
        self.passed += report.passed and report.when == "call"
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count whole modules that were skipped."""
        self._note(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that skipped what it may not; workers of xdist and ``--collect-only`` have no say."""
        if session.exitstatus == pytest.ExitCode.OK and not session.config.option.collectonly and self._verdict():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what was missing, the most often missed first."""
        counts = wanted(self.reasons)
        if counts:
            named = ", ".join(f"{name} ({count})" for name, count in counts.most_common())
            terminalreporter.write_line(f"skipped for want of: {named}", yellow=True)
        if verdict := self._verdict():
            terminalreporter.write_line(f"FAILED: {verdict}", red=True)

    def _verdict(self) -> str | None:
        allowed = os.environ.get("ENTREPOT_TEST_ALLOWED_SKIPS")
        return forbidden(wanted(self.reasons), allowed=allowed, passed=self.passed)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            # A skip is (file, line, reason); some plugins give only the text.
            self.reasons.append(report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr))
