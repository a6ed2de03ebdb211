"""What is authenticated, as bytes that cannot be mistaken."""

import struct


def joined(*fields: bytes) -> bytes:
    """
    The fields as one string that no other fields give.

    Each is preceded by its length: joined by a separator, ``a`` ``b/c`` and ``a/b`` ``c`` are one
    string, and a signature over one of them is good for the other (Gitea CVE-2026-58426).
    """
    return b"".join(struct.pack(">I", len(field)) + field for field in fields)
