"""Where the test data is that is not part of the repository."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.skips import want

ROOT = Path(__file__).resolve().parents[2]


def data(name: str) -> Path:
    """A file or folder of the test data, as in ``vectors/sigv4``; skips the test where it is missing."""
    path = Path(os.environ.get("ENTREPOT_TEST_DATA") or ROOT.parent / "shared", name)
    return path if path.exists() else want(f"test data {name}")


def cases(name: str) -> Iterator[Any]:
    """The cases of a file of JSON lines; skips the test where it is missing."""
    with data(name).open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())
