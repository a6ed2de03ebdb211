"""The root key, from which everything secret derives: its versions, and where they are kept."""

from entrepot.rootkey.versions import RootKey, RootKeyRefused, VersionMissing

__all__ = ["RootKey", "RootKeyRefused", "VersionMissing"]
