"""PostgreSQL and SeaweedFS for what is measured on top of them: one of each for a run, a place for each server."""

import atexit
import functools
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bench.servers import Place, tool
from tests.support.postgresql import Cluster
from tests.support.weed import KEY, weed

# Distribution's driver, as its documentation has it for a store that is not Amazon's.
_DRIVER = {"region": "us-east-1", "secure": False, "forcepathstyle": True, "v4auth": True}


@functools.cache
def postgresql() -> Cluster:
    """A server that keeps what it acknowledges over a power cut. Raises: NotHere."""
    made = Cluster(Path(tool("initdb")).resolve().parent, durable=True)
    atexit.register(made.remove)
    return made


def shared() -> Place:
    """Rows in PostgreSQL and blobs in S3; for Distribution, everything in S3. Raises: NotHere."""
    tool("weed")
    engine = weed()
    url = engine.place()
    address = urlsplit(url)
    bucket: Mapping[str, object] = {
        **_DRIVER,
        "bucket": address.netloc,
        "rootdirectory": address.path,
        "regionendpoint": engine.endpoint,
        "accesskey": KEY[0],
        "secretkey": KEY[1],
    }
    settings = {"ENTREPOT_DATABASE": postgresql().new(), "ENTREPOT_STORAGE": url, **engine.variables}
    return Place(settings, {"s3": bucket})
