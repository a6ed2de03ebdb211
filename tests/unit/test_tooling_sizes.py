"""The check of sizes finds what it is there to find."""

import pytest

from tools.sizes import complaints, function_lengths, unreasoned


def test_a_module_of_501_lines_is_too_long():
    assert list(complaints({"names.py": "x = 1\n" * 500})) == []
    assert list(complaints({"names.py": "x = 1\n" * 501})) == ["names.py: 501 lines, more than 500"]


def test_a_function_of_61_lines_is_too_long_wherever_it_stands():
    short = "class C:\n    def f(self):\n" + "        x = 1\n" * 59
    long = short + "        x = 1\n"

    assert list(complaints({"names.py": short})) == []
    assert list(complaints({"names.py": long})) == ["names.py: f:2 has 61 lines, more than 60"]


def test_a_package_keeps_to_its_budget():
    modules = {f"jobs/{name}.py": "x = 1\n" * 200 for name in "abc"}

    assert list(complaints(modules)) == ["jobs/: 600 lines, more than 500"]


def test_checks_are_silenced_rarely():
    text = "x = 1  # noqa: E501 - a table of figures\n"

    assert list(complaints({"names.py": text * 2})) == []
    assert list(complaints({"names.py": text * 3})) == ["3 checks are silenced, more than 2"]


@pytest.mark.parametrize(
    "line",
    [
        "x()  # noqa: BLE001 - one of three places with a broad except",
        "x()  # type: ignore[attr-defined]  # the stubs lack it",
        "x()  # noqa: BLE001, S110 - the answer has been sent",
        "x = 'nothing is silenced'",
    ],
)
def test_a_check_that_is_silenced_with_its_reason_is_taken(line):
    assert unreasoned(line) == []


@pytest.mark.parametrize(
    "line",
    [
        "x()  # noqa",
        "x()  # noqa: BLE001",
        "x()  # type: ignore",
        "x()  # type: ignore[misc]",
        "x()  # noqa: E501 - why",
    ],
)
def test_a_check_that_is_silenced_without_one_is_refused(line):
    assert unreasoned(line) == [1]


def test_functions_are_measured_from_def_to_their_last_line():
    assert function_lengths("@decorated\nasync def f():\n    return (\n        1\n    )\n") == {"f:2": 4}
