"""
The protocols: each is one module with ``parse``, ``render`` and ``render_fault``, walking botocore shapes.

``parse`` gives input members by their wire names, None and unknown ones left out; times are seconds
since 1970, blobs are bytes. ``render`` takes the same in results.
"""

from dataclasses import dataclass

from entrepot.aws.models import Error


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: HTTP status, headers of the protocol, body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """A fault on its way out: how it travels, its sentence, the members that its shape has."""

    error: Error
    message: str
    members: dict[str, object]
    request_id: str
