"""uv, as make found it."""

import os
import shutil
import subprocess

from tests.support.data import ROOT
from tests.support.skips import want


def uv(*arguments, **environment):
    """Run uv as make found it; what it needs from the network is in its cache since make made .venv."""
    program = os.environ.get("UV") or shutil.which("uv") or ROOT / ".uv/bin/uv"
    command = [program, "--quiet", *map(str, arguments)]
    kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    try:
        subprocess.run(command, cwd=ROOT, env=kept | environment, check=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        want("uv")
