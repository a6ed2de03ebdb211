"""Other tests, once more over PostgreSQL: they start their servers with a database of it each."""

import os
import subprocess
import sys

import pytest

from tests.support.data import ROOT
from tests.support.postgresql import cluster

# Of what the registry does with rows, the most in the shortest time; the rest is long.
_FAIR = (
    *("tests/oci", "tests/api/test_images.py", "tests/api/test_layers.py", "tests/api/test_paging.py"),
    *("tests/api/test_customer_keys.py", "tests/api/test_customer_keys_at_rest.py"),
)
_ALL = ("tests/oci", "tests/api", "tests/abuse", "tests/cli/test_freshness.py", "tests/cli/test_commands.py")


def _run(*folders: str) -> None:
    cluster()  # skips where there is none
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *folders],
        cwd=ROOT,
        env={**os.environ, "ENTREPOT_TEST_DATABASE": "postgresql"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr


@pytest.mark.timeout(900)
def test_the_oci_suite_and_the_heart_of_the_api_pass():
    _run(*_FAIR)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_suite_that_has_to_do_with_rows_passes():
    _run(*_ALL)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_nothing_acknowledged_is_lost_when_the_server_is_killed():
    _run("tests/crash/test_crashes.py", "tests/crash/test_garbage.py")
