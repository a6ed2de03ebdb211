"""Keys of the deployment: all derived from its one root key, by a label each."""

import struct

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive(root_key: bytes, label: str) -> bytes:
    """The 32-byte key for one use. Source: RFC 5869, with the label as its info."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=label.encode()).derive(root_key)


def joined(*fields: bytes) -> bytes:
    """
    The fields as one string that no other fields give.

    Each is preceded by its length: joined by a separator, ``a`` ``b/c`` and ``a/b`` ``c`` are one
    string, and a signature over one of them is good for the other (Gitea CVE-2026-58426).
    """
    return b"".join(struct.pack(">I", len(field)) + field for field in fields)
