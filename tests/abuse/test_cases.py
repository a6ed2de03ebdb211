"""
The abuse cases by their numbers: ``test_abuse_NN_…`` is a test of case NN, wherever it stands.

``pytest -k abuse_25`` runs those of one case. Source: security-design 9.
"""

import ast
import re

import pytest

from tests.support.data import ROOT

_CACHE = "there are no cache rules yet, and no upstream is asked for anything"
_CONSOLE = "there is no console: nothing is shown to browsers, and nobody logs in with a password"
#: Cases without a test, because what they speak of is not here.
NOT_HERE = {
    41: _CACHE,
    42: _CACHE,
    43: _CACHE,
    46: _CONSOLE,
    51: "nothing is unpacked or scanned yet",
    55: _CONSOLE,
    56: _CONSOLE,
    57: _CONSOLE,
    60: _CONSOLE,
    66: "there is no audit log yet",
    71: "there is no replication yet",
    72: "there are no webhooks or events yet",
}
CASES = range(1, 77)


def _names() -> list[str]:
    """All tests that name a case."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in (ROOT / "tests").rglob("test_*.py"))
    functions = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return [node.name for node in functions if node.name.startswith("test_abuse_")]


def _cases_of(name: str) -> list[int]:
    numbers = re.match(r"test_abuse((?:_\d\d)+)_", name)
    return [int(number) for number in numbers[1][1:].split("_")] if numbers else []


NAMES = sorted(set(_names()))
TESTED = {case for name in NAMES for case in _cases_of(name)}


@pytest.mark.parametrize("case", CASES)
def test_a_case_has_tests_unless_what_it_speaks_of_is_not_here(case: int) -> None:
    assert (case in TESTED) != (case in NOT_HERE)


@pytest.mark.parametrize("name", NAMES)
def test_a_test_names_a_case_by_two_digits(name: str) -> None:
    cases = _cases_of(name)

    assert cases
    assert set(cases) <= set(CASES)
