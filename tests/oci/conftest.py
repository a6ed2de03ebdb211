"""What most tests of the OCI face need."""

import pytest


@pytest.fixture(params=["sha256", "sha512"])
def algorithm(request) -> str:
    """Each of the two algorithms that the specification registers."""
    name: str = request.param
    return name
