"""Arithmetic of Range and Content-Range. Pure."""

import re

from entrepot.oci.faults import RangeInvalid
from entrepot.registry.faults import LayerPartLength

# A client sends a piece of an upload in one of three ways: with a Content-Range, with a Content-Length
# alone, or chunked with neither. Only the first says where the piece belongs, so only the first can be
# checked; the others go to the end.
#
# Content-Range here is "<first>-<last>", without the "bytes " of RFC 9110:
# distribution-spec 1.1, "Pushing a blob in chunks". Some clients send RFC 9110's form all the same.
_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?(\d{1,19})-(\d{1,19})(?:/(?:\d{1,19}|\*))?")

# One range only: what several would cost stands in no relation to what they are good for.
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def check_piece(size: int, content_range: str | None, *, length: int | None = None) -> None:
    """
    Whether a piece with this Content-Range follows the *size* bytes that are there, and has *length* bytes.

    Raises: RangeInvalid, when it would leave a hole or overlap; LayerPartLength.
    Source: OCI distribution-spec 1.1, "Pushing a blob in chunks".
    """
    if content_range is None:
        return
    match = _CONTENT_RANGE.fullmatch(content_range)
    if match is None or int(match[1]) != size:
        raise RangeInvalid(start=match[1] if match else content_range[:100], size=size)
    stated = int(match[2]) + 1 - size
    if length is not None and length != stated:
        raise LayerPartLength(length=length, stated=stated)


def uploaded(size: int) -> str:
    """The Range header that tells how much of an upload is here; ``0-0`` stands for nothing and for one byte."""
    return f"0-{max(size - 1, 0)}"


def requested(header: str | None, size: int) -> tuple[int, int] | None:
    """
    Bytes *start* to *stop* (exclusive) that a Range header asks of *size* bytes.

    None means all of them: no header, several ranges, or something that is no byte range, all of which
    RFC 9110 lets a server ignore. An empty pair (start equal to stop) cannot be satisfied: 416.
    Source: RFC 9110, 14.2.
    """
    match = _RANGE.fullmatch(header) if header and len(header) < 64 else None
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, stop = max(size - int(match[2]), 0), size
    else:
        start, stop = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    return (start, stop) if start < stop else (0, 0)
