"""Somebody who reads a page and pastes its blocks into a shell."""

from collections.abc import Mapping

from tests.clients.kit import Shell
from tests.support.server import Server

# Each block has a bash of its own, that knows which variables and functions the last one left.
_BEFORE = "[ ! -e state ] || . ./state"
_AFTER = "{ export -p; declare -f; } > state"


class Reader:
    """Somebody who pastes blocks into one shell; *words* stand in their place for those that the pages use."""

    def __init__(self, shell: Shell, server: Server) -> None:
        self.shell = shell
        self.server = server
        self.port = server.port
        self.words = {"localhost:5000": f"localhost:{server.port}"}

    def paste(self, block: str) -> str:
        """All that the block wrote. Every command in it has to succeed."""
        return self.shell("bash", "-euo", "pipefail", "-c", self._script(block))

    def paste_in_vain(self, block: str) -> str:
        """All that the block wrote. It has to fail."""
        return self.shell.refused("bash", "-euo", "pipefail", "-c", self._script(block))

    def paste_elsewhere(self, block: str, environment: Mapping[str, str]) -> str:
        """All that the block wrote in a shell which knows nothing of this one's variables, as a CI job's."""
        variables = {name: self.put(value) for name, value in environment.items()}
        shell = Shell(self.shell.home, **self.shell.environment | variables)
        return shell("bash", "-euo", "pipefail", "-c", self.put(block))

    def put(self, text: str) -> str:
        """The text with what stands here in its place."""
        for word, here in self.words.items():
            text = text.replace(word, here)
        return text

    def _script(self, block: str) -> str:
        return f"{_BEFORE}\n{self.put(block)}\n{_AFTER}"
