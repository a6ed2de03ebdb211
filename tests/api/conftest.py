"""Clients of the AWS face."""

from typing import Any

import pytest

from tests.support.server import Server


@pytest.fixture(scope="session")
def ecr(server: Server) -> Any:
    """ECR as the root user of the default account."""
    return server.aws("ecr")
