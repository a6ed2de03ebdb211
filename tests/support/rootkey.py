"""Root keys: one for tests that need any, and that of a server's data."""

from pathlib import Path

from entrepot.rootkey import RootKey
from entrepot.rootkey.files import in_folder


def root_key(key: bytes = bytes(range(32)), **later: bytes) -> RootKey:
    """One whose version 1 is *key*; *later* are ``v2=…`` and so on."""
    return RootKey({1: key} | {int(name[1:]): bytes_ for name, bytes_ in later.items()})


def root_key_of(data: Path) -> RootKey:
    """That of a server which keeps it beside its data."""
    return RootKey(in_folder(data.with_name(f"{data.name}.keys")))
