"""These tests say themselves where rows lie."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def _places_are_given() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ENTREPOT_TEST_DATABASE", raising=False)
        yield
