"""Where the bytes of blobs lie: one contract, and the drivers that keep it."""

from entrepot.storage.base import PIECE, Appending, BlobStore, Object, upload_of

__all__ = ["PIECE", "Appending", "BlobStore", "Object", "upload_of"]
