"""
The back ends that tests run over: where rows lie, and where and how blobs do.

``ENTREPOT_TEST_DATABASE`` and ``ENTREPOT_TEST_STORAGE`` name them for a whole run; ``make over-postgresql-s3`` and the
like set both. What a test says itself about its server comes first.
"""

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.postgresql import Cluster, cluster
from tests.support.weed import Weed, weed

DATABASES = ("sqlite", "postgresql")
# Files that are sealed, files as they come, a bucket, and a bucket in which we seal as well.
STORAGES = ("file", "plain", "s3", "s3-sealed")


@dataclass(frozen=True, slots=True)
class Place:
    """Settings and variables with which a ``Server`` finds a place for its rows, and one for its blobs."""

    settings: dict[str, Any]
    variables: Mapping[str, str]


def place(
    database: str,
    storage: str,
    *,
    postgresql: Callable[[], Cluster] = cluster,
    engine: Callable[[], Weed] = weed,
) -> Place:
    """A new place."""
    assert database in DATABASES, f"a database of tests is one of {DATABASES}, not {database!r}"
    assert storage in STORAGES, f"a storage of tests is one of {STORAGES}, not {storage!r}"
    settings: dict[str, Any] = {}
    variables: Mapping[str, str] = {}
    if database == "postgresql":
        settings["database"] = postgresql().new()
    if storage.startswith("s3"):
        settings["storage"], variables = engine().place(), engine().variables
    if storage != "file":
        settings["default_at_rest"] = "service" if storage == "s3-sealed" else "disk"
    return Place(settings, variables)


@functools.cache
def place_of(data: Path) -> Place:
    """The place of a data folder in this run: who opens the folder again finds the same."""
    return place(os.environ.get("ENTREPOT_TEST_DATABASE", "sqlite"), os.environ.get("ENTREPOT_TEST_STORAGE", "file"))
