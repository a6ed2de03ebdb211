"""What the pages say is there, is there; and what is there, stands in them."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from entrepot.cli import main
from entrepot.settings import KINDS
from tests.docs.pages import PAGES, anchors, links, name, text
from tests.support.data import ROOT
from tools import reference

FRAGMENTS = sorted((ROOT / "changelog.d").glob("*"))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == ROOT / "docs"], ids=name)
def test_every_page_can_be_reached_from_the_first(page: Path) -> None:
    seen, new = set(), {ROOT / "README.md"}
    while new:
        seen |= new
        found = {(at.parent / link.partition("#")[0]).resolve() for at in new for link in links(at)}
        new = {path for path in found if path.suffix == ".md" and path.exists()} - seen

    assert page in seen


def test_the_page_of_operations_is_up_to_date() -> None:
    """If this fails: make docs."""
    assert text("docs/operations.md") == reference.page()


def _commands(group: click.Group, *above: str) -> Iterator[str]:
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, *above, each)
        else:
            yield " ".join((*above, each))


@pytest.mark.parametrize("command", [*_commands(main)])
def test_every_command_stands_in_some_page(command: str) -> None:
    assert any(f"entrepot {command}" in page.read_text() for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pages_name_settings_and_commands_that_there_are(page: Path) -> None:
    said = page.read_text()
    known = {f"--{setting.replace('_', '-')}" for setting in KINDS} | {
        "--config",
        "--grace",
        "--user",
        "--id",
        "--path",
        "--policy",
        "--prepare",
        "--now",
        "--status",
        "--stop",
        "--end-logins",
        "--to",
        "--keep",
        "--from",
        "--at",
        "--lost",
    }
    commands = {*_commands(main), *main.list_commands(click.Context(main))}

    for line in re.findall(r"^(?:\.venv/bin/)?entrepot .*(?:\\\n.*)*", said, re.MULTILINE):
        words = line.replace("\\\n", " ").split()[1:]
        assert {words[0], " ".join(words[:2])} & commands, line
        flags = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert flags <= known | {flag.replace("--", "--no-") for flag in known}, line


def test_targets_of_make_that_the_readme_names_exist() -> None:
    named = set(re.findall(r"^make ([\w-]+)", text("README.md"), re.MULTILINE))
    # Without a target of that name, make ends with 2 and does nothing.
    done = subprocess.run(["make", "--dry-run", *named], cwd=ROOT, capture_output=True, text=True, check=False)

    assert named >= {"serve", "test", "check", "clients", "bench", "test-all"}
    assert done.returncode == 0, done.stderr
    assert ".venv/bin/entrepot serve --data ./data" in done.stdout


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.name)
def test_a_fragment_of_the_changelog_is_a_few_plain_sentences(fragment: Path) -> None:
    said = fragment.read_text()

    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.md", fragment.name)
    assert 1 <= len(said.splitlines()) <= 3
    assert said.endswith(".\n")
    assert not said.startswith(("#", "-", "*"))
