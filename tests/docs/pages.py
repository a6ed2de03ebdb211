"""The pages of documentation, and the parts of one that can be true or false."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.data import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^]]+]\(([^)\s]+)\)")


def name(page: Path) -> str:
    """How a test is named after a page."""
    return str(page.relative_to(ROOT))


def text(path: str) -> str:
    """The text of the page at *path* below the root."""
    return (ROOT / path).read_text(encoding="utf-8")


def chapters(page: str) -> dict[str, list[str]]:
    """The blocks of commands below each heading of the second level, in order."""
    parts = re.split(r"^## (.+)\n", text(page), flags=re.MULTILINE)[1:]
    return {title: _FENCED.findall(body) for title, body in zip(parts[::2], parts[1::2], strict=True)}


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[str]:
    """What the page links to."""
    yield from _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The names by which headings of the page are linked to, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
