"""One run of moto's own tests against our server, for all tests of this folder."""

import os
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

from entrepot.identity import credentials
from entrepot.identity.credentials import Vault
from entrepot.identity.new_keys import NewKey
from entrepot.identity.principals import root_of
from entrepot.serving.preparing import open_runtime
from entrepot.settings import load
from tests.moto import harness
from tests.support.clients import client
from tests.support.server import ACCOUNT, Server

# One asks localhost:5000 itself for a route of moto's; the other is the helper that `truthful` stands in for.
_LEFT_OUT = ("tests/test_ecr/test_ecr_scan_results.py", "tests/test_ecr/test_ecr_helpers.py")
_RUN = (
    "tests/test_ecr",
    "tests/test_iam/test_iam.py",
    "tests/test_iam/test_iam_account_aliases.py",
    "tests/test_iam/test_iam_groups.py",
    "tests/test_iam/test_iam_oidc.py",
    "tests/test_iam/test_iam_policies.py",
    "tests/test_kms/test_kms.py",
    "tests/test_kms/test_kms_encrypt.py",
    "tests/test_kms/test_kms_grants.py",
    "tests/test_kms/test_kms_key_rotation.py",
    "tests/test_kms/test_kms_policy_enforcement.py",
    "tests/test_secretsmanager/test_secretsmanager.py",
    "tests/test_sts/test_sts.py",
)
_WHICH = "test_ecr or test_iam or test_kms or test_secretsmanager or test_sts"


@dataclass(frozen=True, slots=True)
class Run:
    """What moto's tests said: outcome and message by test, as ``test_ecr.test_put_image`` or with ``[case]``."""

    passed: frozenset[str]
    failed: dict[str, str]
    skipped: frozenset[str]
    not_yet: frozenset[str]


@pytest.fixture(scope="session")
def moto_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All of moto's tests of ECR, of STS and of what we have of IAM, KMS and Secrets Manager."""
    python, tests = client("moto"), client("moto-tests")
    folder = tmp_path_factory.mktemp("moto")
    with Server(folder / "data", regions=",".join(harness.REGIONS), hostname=harness.HOSTNAME) as server:
        _admit(server, NewKey(*harness.KEY))
        door = harness.Door(server)
        with harness.opened(door) as url:
            report = _pytest(python, tests, url=url, folder=folder)
    passed, failed, skipped = set(), {}, set()
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.attrib['classname'].rpartition('.')[2]}.{case.attrib['name']}"
        if (problem := next(iter([*case.iter("failure"), *case.iter("error")]), None)) is not None:
            failed[name] = problem.attrib["message"]
        elif case.find("skipped") is not None:
            skipped.add(name)
        else:
            passed.add(name)
    return Run(frozenset(passed), failed, frozenset(skipped), frozenset(door.not_yet))


def _admit(server: Server, key: NewKey) -> None:
    runtime = open_runtime(load({"data": str(server.data)}, server.settings))
    try:
        vault = Vault(runtime.root_key)
        runtime.database.write(lambda tx: credentials.create(tx, root_of(ACCOUNT), vault=vault, key=key))
    finally:
        runtime.database.close()


def _pytest(python: Path, tests: Path, *, url: str, folder: Path) -> Path:
    report = folder / "report.xml"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    environment |= {
        "TEST_SERVER_MODE": "true",
        "TEST_SERVER_MODE_ENDPOINT": url,
        "PYTHONPATH": str(Path(__file__).parent),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    plugins = ["-p", "truthful", "-p", "no:cacheprovider"]
    arguments = ["-q", "--tb=line", *plugins, "-c", os.devnull, "--rootdir", str(tests.parent)]
    left_out = [f"--ignore={path}" for path in _LEFT_OUT]
    done = subprocess.run(
        [python, "-m", "pytest", *arguments, f"--junitxml={report}", "-k", _WHICH, *left_out, *_RUN],
        cwd=tests.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    # 1: some failed, which is what we are here to hear.
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return report
