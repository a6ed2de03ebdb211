"""The page of settings, from the settings themselves: ``python -m tools.settings_page > docs/settings.md``."""

import dataclasses
from pathlib import Path

from entrepot.settings import KINDS, Settings

_INTRODUCTION = """\
# Settings

Each can stand in four places; the first that has it counts:

1. a flag of the command, `--gc-grace 3600`
2. the environment, `ENTREPOT_GC_GRACE=3600`
3. a TOML file, `gc_grace = 3600`; the file is named by `--config FILE` or `ENTREPOT_CONFIG`
4. the default

Sizes are bytes, times are seconds. A list is a TOML array, or text with commas between in a flag or a
variable. Truth is `true` or `false`; as flags, `--access-log` or `--no-access-log`. Relative paths begin
at the working directory. A setting that is misspelt, of the wrong kind, out of its bounds or at odds with
another is refused by name, and the command ends with exit code 2.

| setting | kind | default | meaning |
|---|---|---|---|
"""

_KINDS = {Path: "path", str: "text", int: "number", bool: "truth", tuple: "list"}


def page() -> str:
    """The page in Markdown."""
    rows = (
        f"| `{field.name}` | {_KINDS[KINDS[field.name]]} | {_shown(field.default)} | {field.metadata['meaning']} |\n"
        for field in dataclasses.fields(Settings)
    )
    return _INTRODUCTION + "".join(rows)


def _shown(default: object) -> str:
    if default is None or default == ():
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    print(page(), end="")
