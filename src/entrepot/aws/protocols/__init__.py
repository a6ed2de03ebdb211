"""
The protocols: each is one module with ``parse``, ``render`` and ``render_fault``, walking botocore shapes.

``parse`` gives input members by their wire names, None and unknown ones left out; times are seconds
since 1970, blobs are bytes. ``render`` takes the same in results.
"""

from typing import NamedTuple

Headers = tuple[tuple[bytes, bytes], ...]


class Answer(NamedTuple):
    """What goes back: HTTP status, headers of the protocol, body."""

    status: int
    headers: Headers
    body: bytes
