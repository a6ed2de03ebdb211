"""
Where the root key comes from: files in the folder of keys, a mounted secret, or variables of the environment.

Only the first of them is ours to write to. To the others, whoever runs the servers brings the next version.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from entrepot.rootkey import files
from entrepot.rootkey.versions import LAST, RootKey, RootKeyRefused, checked
from entrepot.settings import Settings, root_key_variables

_VARIABLE = "ENTREPOT_ROOT_KEY"
_NUMBERED = re.compile(r"_([2-9]|[1-9]\d{1,2})", re.ASCII)


class Provider(Protocol):
    """Something that keeps the versions of the root key."""

    def where(self, version: int) -> str:
        """What people know the place of a version by."""

    def load(self) -> dict[int, bytes]:
        """All versions; none where there are none. Raises: RootKeyRefused."""

    def add(self, version: int) -> None:
        """Make a new version, and keep it. Raises: RootKeyRefused, where that is not for us to do."""

    def remove(self, version: int) -> bool:
        """Destroy a version; False where that is not for us to do."""


class Folder:
    """The folder of keys."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def where(self, version: int) -> str:
        """The path of its file."""
        return str(self._folder / files.name_of(files.NAME, version))

    def load(self) -> dict[int, bytes]:
        """Raises: RootKeyRefused."""
        return files.in_folder(self._folder)

    def add(self, version: int) -> None:
        """Raises: FileExistsError, RootKeyRefused."""
        files.create(self._folder, version)

    def remove(self, version: int) -> bool:
        """Remove its file, whether there is one or not."""
        Path(self.where(version)).unlink(missing_ok=True)
        return True


class Mounted:
    """A secret that an orchestrator, or systemd, has put there as a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def where(self, version: int) -> str:
        """The path of its file."""
        return str(self._path.with_name(files.name_of(self._path.name, version)))

    def load(self) -> dict[int, bytes]:
        """Raises: RootKeyRefused."""
        return files.mounted(self._path)

    def add(self, version: int) -> None:
        """Raises: RootKeyRefused."""
        raise RootKeyRefused(
            f"There is no root key in {self.where(version)}. Make it (openssl rand -out FILE 32), "
            "keep a copy of it elsewhere, and mount it for every server"
        )

    def remove(self, version: int) -> bool:
        """Leave it."""
        return False


class Environment:
    """Variables, each with 32 bytes in base64."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def where(self, version: int) -> str:
        """The name of its variable."""
        return _VARIABLE if version == 1 else f"{_VARIABLE}_{version}"

    def load(self) -> dict[int, bytes]:
        """Raises: RootKeyRefused."""
        found = {}
        for name, text in self._variables.items():
            match = _NUMBERED.fullmatch(name.removeprefix(_VARIABLE))
            version = int(match[1]) if match else 1
            if name != self.where(version) or version > LAST:
                raise RootKeyRefused(f"{name} is no variable of a root key: {_VARIABLE}, {_VARIABLE}_2, …")
            try:
                key = base64.b64decode(text.strip(), validate=True)
            except (binascii.Error, ValueError):
                raise RootKeyRefused(f"{name} must be 32 bytes in base64, as of: openssl rand -base64 32") from None
            found[version] = checked(key, name)
        return found

    def add(self, version: int) -> None:
        """Raises: RootKeyRefused."""
        raise RootKeyRefused(
            f"There is no root key in {self.where(version)}. Make it (openssl rand -base64 32), "
            "keep a copy of it elsewhere, and set the variable for every server"
        )

    def remove(self, version: int) -> bool:
        """Leave it."""
        return False


def provider_of(settings: Settings, variables: Mapping[str, str] | None = None) -> Provider:
    """
    The one that *settings* name. *variables*: those of the environment that are root keys.

    Raises: RootKeyRefused, where there are such variables, and nobody has allowed that.
    """
    variables = root_key_variables() if variables is None else variables
    if variables and not settings.allow_env_root_key:
        raise RootKeyRefused(
            f"{min(variables)} is set. An environment is read by more than one thinks of: "
            "give the key as a file, --root-key-file PATH, or set allow_env_root_key"
        )
    if settings.root_key_file is not None:
        return Mounted(settings.root_key_file)
    return Environment(variables) if variables else Folder(settings.keys_folder)


def found_by(provider: Provider) -> RootKey | None:
    """The root key, as it is kept there; None where there is none. Raises: RootKeyRefused."""
    versions = provider.load()
    return RootKey(versions, provider.load) if versions else None
