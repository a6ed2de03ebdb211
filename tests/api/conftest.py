"""Clients of the AWS face."""

from typing import Any

import pytest

from tests.oci.principals import Account, new_account
from tests.support.server import Server


@pytest.fixture(scope="session")
def ecr(server: Server) -> Any:
    """ECR as the root user of the default account."""
    return server.aws("ecr")


@pytest.fixture(scope="session")
def iam(server: Server) -> Any:
    """IAM as the root user of the default account."""
    return server.aws("iam")


@pytest.fixture(scope="session")
def kms(server: Server) -> Any:
    """KMS as the root user of the default account."""
    return server.aws("kms")


@pytest.fixture(scope="session")
def secretsmanager(server: Server) -> Any:
    """Secrets Manager as the root user of the default account."""
    return server.aws("secretsmanager")


@pytest.fixture(scope="module")
def account(server: Server) -> Account:
    """An account of the module's own, so that its tests can count what is in it."""
    return new_account(server)
